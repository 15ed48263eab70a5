//! Who has lost what they held, and when.
//!
//! sudo decides by its rules when it is started, and asks the gate later, where a prompt for the
//! password stood open for as long as somebody liked. So a process that was there before its
//! person lost something is not let in, whatever they hold by now.
//!
//! A loss begins when what is given becomes less, by the clock or by a decision, and is over when
//! that is true on the host: until then, sudo could still read an old rule. Kept in memory; a jitd
//! that starts does not know when a loss of this boot was, and counts it as of now.

use std::collections::{BTreeSet, HashMap};

use crate::domain::given::Gift;
use crate::domain::names::RoleName;
use crate::domain::time::Boot;

/// In milliseconds, how exactly the kernel tells when a process was started (proc(5), `starttime`
/// in `/proc/PID/stat`: `USER_HZ` is 100).
pub(super) const TICK: i64 = 10;

/// A role that somebody lost, or something of it; none where nobody knows which.
pub(super) type Lost = Option<RoleName>;

/// What every account was given last, and what it lost.
#[derive(Debug, Default)]
pub(super) struct Losses {
    given: HashMap<u32, BTreeSet<Gift>>,
    of: HashMap<u32, Loss>,
    everybodys: Loss,
}

/// What one account lost.
#[derive(Debug, Default)]
struct Loss {
    /// What was taken last, and when.
    taken: Option<(Boot, Lost)>,
    /// What is being taken, and by which wish.
    being_taken: Vec<(u64, Lost)>,
}

impl Loss {
    fn since(&self, started: Boot) -> Option<&Lost> {
        let untaken = self.being_taken.first().map(|(_, lost)| lost);
        let since = |(at, _): &&(Boot, Lost)| started.0.div_euclid(TICK) <= at.0.div_euclid(TICK);
        untaken.or_else(|| self.taken.as_ref().filter(since).map(|(_, lost)| lost))
    }

    /// Whether something was being taken.
    fn is_taken(&mut self, wish: u64, at: Boot) -> bool {
        let (done, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.being_taken)
            .into_iter()
            .partition(|(by, _)| *by <= wish);
        self.being_taken = left;
        let last = done.into_iter().next_back();
        let any = last.is_some();
        if let Some((_, lost)) = last {
            self.taken = Some((at, lost));
        }
        any
    }
}

impl Losses {
    /// What is known at the start: what these accounts were given, and who has lost something in
    /// this boot, nobody knows when; `everybody` where the rules themselves may have changed.
    pub(super) fn start(
        &mut self,
        given: HashMap<u32, BTreeSet<Gift>>,
        losers: impl IntoIterator<Item = u32>,
        everybody: bool,
    ) {
        self.given = given;
        for uid in losers {
            let loss = self.of.entry(uid).or_default();
            loss.being_taken.push((0, None));
        }
        if everybody {
            self.everybodys.being_taken.push((0, None));
        }
    }

    /// The host is about to be made to give this, by the wish of this number.
    pub(super) fn wish(&mut self, number: u64, now: HashMap<u32, BTreeSet<Gift>>) {
        for (uid, before) in &self.given {
            if let Some(lost) = lost(before, now.get(uid)) {
                let loss = self.of.entry(*uid).or_default();
                loss.being_taken.push((number, Some(lost)));
            }
        }
        self.given = now;
    }

    /// The host gives what it was to give by this wish. Whether somebody lost something.
    pub(super) fn done(&mut self, wish: u64, at: Boot) -> bool {
        let mut any = self.everybodys.is_taken(wish, at);
        for loss in self.of.values_mut() {
            any |= loss.is_taken(wish, at);
        }
        any
    }

    /// What an account has lost since a process was started, where `now` is what it is given.
    pub(super) fn since(&self, uid: u32, now: &BTreeSet<Gift>, started: Boot) -> Option<Lost> {
        // By the clock, before anybody has noticed.
        let unnoticed = self
            .given
            .get(&uid)
            .and_then(|before| lost(before, Some(now)));
        if unnoticed.is_some() {
            return Some(unnoticed);
        }
        let own = self.of.get(&uid).and_then(|loss| loss.since(started));
        own.or_else(|| self.everybodys.since(started)).cloned()
    }
}

/// Of what something is gone.
fn lost(before: &BTreeSet<Gift>, now: Option<&BTreeSet<Gift>>) -> Option<RoleName> {
    let is_gone = |gift: &&Gift| !now.is_some_and(|now| now.contains(gift));
    before.iter().find(is_gone).map(|gift| gift.role.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::given::What;

    fn gifts(roles: &[&str]) -> BTreeSet<Gift> {
        let gift = |role: &&str| Gift {
            role: RoleName::new(role).unwrap(),
            what: What::Role,
        };
        roles.iter().map(gift).collect()
    }

    fn carol(roles: &[&str]) -> HashMap<u32, BTreeSet<Gift>> {
        [(1001, gifts(roles))].into()
    }

    fn role(name: &str) -> Option<Lost> {
        Some(Some(RoleName::new(name).unwrap()))
    }

    #[test]
    fn a_loss_counts_from_when_it_is_known_until_it_is_taken() {
        let mut losses = Losses::default();
        losses.wish(1, carol(&["big", "small"]));
        assert!(!losses.done(1, Boot(1_000)), "nothing was lost");
        let small = gifts(&["small"]);
        // The clock has ended it; nobody has noticed.
        assert_eq!(losses.since(1001, &small, Boot(9_000)), role("big"));
        losses.wish(2, carol(&["small"]));
        // The rules may still be there.
        assert_eq!(losses.since(1001, &small, Boot(9_000)), role("big"));
        assert!(losses.done(2, Boot(5_005)));
        for (started, lost) in [
            (0, role("big")),
            (4_990, role("big")),
            (5_009, role("big")),
            (5_010, None),
        ] {
            assert_eq!(losses.since(1001, &small, Boot(started)), lost, "{started}");
        }
        assert_eq!(losses.since(1002, &small, Boot(0)), None, "another's");
    }

    #[test]
    fn what_goes_on_is_no_loss_and_what_comes_is_none() {
        let mut losses = Losses::default();
        losses.wish(1, carol(&["small"]));
        losses.wish(2, carol(&["big", "small"]));
        assert!(!losses.done(2, Boot(0)));
        losses.wish(3, carol(&["big", "small"]));
        assert!(!losses.done(3, Boot(0)));
        let both = gifts(&["big", "small"]);
        assert_eq!(losses.since(1001, &both, Boot(0)), None);
    }

    #[test]
    fn a_wish_that_comes_true_says_nothing_of_later_ones() {
        let mut losses = Losses::default();
        losses.wish(1, carol(&["big", "small"]));
        losses.wish(2, carol(&["small"]));
        losses.wish(3, carol(&[]));
        losses.done(2, Boot(1_000));
        let none = gifts(&[]);
        assert_eq!(losses.since(1001, &none, Boot(2_000)), role("small"));
        losses.done(3, Boot(3_000));
        assert_eq!(losses.since(1001, &none, Boot(2_000)), role("small"));
        assert_eq!(losses.since(1001, &none, Boot(3_010)), None);
    }

    #[test]
    fn what_was_lost_before_the_start_counts_as_of_the_start() {
        for everybody in [false, true] {
            let mut losses = Losses::default();
            losses.start(carol(&["small"]), [1001], everybody);
            let small = gifts(&["small"]);
            assert_eq!(losses.since(1001, &small, Boot(9_000)), Some(None));
            losses.wish(1, carol(&["small"]));
            assert!(losses.done(1, Boot(1_000)));
            assert_eq!(losses.since(1001, &small, Boot(900)), Some(None));
            assert_eq!(losses.since(1001, &small, Boot(1_010)), None);
            let others = losses.since(1002, &gifts(&[]), Boot(900));
            assert_eq!(others.is_some(), everybody);
        }
    }
}
