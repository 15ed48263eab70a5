//! The numbers of a report. Lengths are milliseconds.

use std::collections::BTreeMap;

use jitd_api::State;

use super::life::{Life, Outcome};
use super::spans::{self, Span};

/// An account, by name and uid: neither alone has always been the same person's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) uid: u32,
}

/// Time held and used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Time {
    /// How many elevations were held.
    pub(crate) elevations: usize,
    /// With how many sessions.
    pub(crate) sessions: usize,
    pub(crate) held: i64,
    pub(crate) used: i64,
}

impl Time {
    /// Used of held, in percent.
    pub(crate) fn share(self) -> u64 {
        percent(self.used, self.held)
    }

    fn add(&mut self, other: Self) {
        self.elevations += other.elevations;
        self.sessions += other.sessions;
        self.held += other.held;
        self.used += other.used;
    }
}

/// So many percent, rounded; none of nothing.
pub(crate) fn percent(part: i64, whole: i64) -> u64 {
    if whole <= 0 {
        return 0;
    }
    let percent = (i128::from(part) * 100 + i128::from(whole) / 2) / i128::from(whole);
    u64::try_from(percent).unwrap_or(0)
}

/// How many requests there were, and how long they waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waits {
    pub(crate) count: usize,
    /// The middle one.
    pub(crate) median: i64,
    /// What 95 of 100 don't exceed.
    pub(crate) p95: i64,
    pub(crate) longest: i64,
}

/// How what was held came to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) expired: usize,
    pub(crate) released: usize,
    pub(crate) revoked: usize,
    /// Still held.
    pub(crate) active: usize,
}

/// All numbers. Those of people and roles have what was held most first.
#[derive(Debug)]
pub(crate) struct Sums {
    /// Of each person in each role: what overlaps counts once.
    pub(crate) pairs: Vec<((Person, String), Time)>,
    /// Of each person: what is held in several roles at once counts once.
    pub(crate) people: Vec<(Person, Time)>,
    /// Of each role, all people added up.
    pub(crate) roles: Vec<(String, Time)>,
    /// All people added up.
    pub(crate) total: Time,
    /// Of what was asked for in the period; those without a request are left out.
    pub(crate) waits: Vec<(Outcome, Waits)>,
    /// Of those that somebody said yes or no to.
    pub(crate) answered: Option<Waits>,
    /// How many were asked for.
    pub(crate) requests: usize,
    pub(crate) ends: Ends,
    /// Broken glass, and how much of it nobody took note of.
    pub(crate) glass: (usize, usize),
}

impl Sums {
    pub(crate) fn of(lives: &[Life], period: Span, now: i64) -> Self {
        let person = |life: &Life| Person {
            name: life.elevation.user.clone(),
            uid: life.elevation.uid,
        };
        let pairs = times(lives, |life| (person(life), life.elevation.role.clone()));
        let people = times(lives, person);
        let mut roles: BTreeMap<String, Time> = BTreeMap::new();
        for ((_, role), time) in &pairs {
            roles.entry(role.clone()).or_default().add(*time);
        }
        let mut total = Time::default();
        for (_, time) in &people {
            total.add(*time);
        }
        let asked: Vec<_> = lives.iter().filter(|life| life.asked).collect();
        let waits = |outcome: Outcome| {
            let of = asked.iter().filter(|life| life.outcome == outcome);
            Some((outcome, waits(of.map(|life| life.waited).collect())?))
        };
        let answers = asked
            .iter()
            .filter(|life| matches!(life.outcome, Outcome::Approved | Outcome::Denied));
        let answers = answers.map(|life| life.waited).collect();
        Self {
            pairs,
            people,
            roles: most_first(roles),
            total,
            waits: Outcome::ALL.into_iter().filter_map(waits).collect(),
            answered: self::waits(answers),
            requests: asked.len(),
            ends: ends(lives, period, now),
            glass: glass(lives),
        }
    }
}

/// Time held and used by whatever `key` says of an elevation.
fn times<K: Ord + Clone>(lives: &[Life], key: impl Fn(&Life) -> K) -> Vec<(K, Time)> {
    let mut by_key: BTreeMap<K, Vec<&Life>> = BTreeMap::new();
    for life in lives.iter().filter(|life| life.held.is_some()) {
        by_key.entry(key(life)).or_default().push(life);
    }
    let times = by_key.into_iter().map(|(key, lives)| {
        let held = spans::union(lives.iter().filter_map(|life| life.held));
        let used = spans::union(lives.iter().flat_map(|life| life.used.iter().copied()));
        let time = Time {
            elevations: lives.len(),
            sessions: lives.iter().map(|life| life.sessions).sum(),
            held: spans::total(&held),
            used: spans::total(&used),
        };
        (key, time)
    });
    most_first(times)
}

fn most_first<K: Ord + Clone>(times: impl IntoIterator<Item = (K, Time)>) -> Vec<(K, Time)> {
    let mut times: Vec<_> = times.into_iter().collect();
    times.sort_by_key(|(key, time)| (std::cmp::Reverse(time.held), key.clone()));
    times
}

fn waits(mut waited: Vec<i64>) -> Option<Waits> {
    waited.sort_unstable();
    Some(Waits {
        count: waited.len(),
        median: percentile(&waited, 50)?,
        p95: percentile(&waited, 95)?,
        longest: *waited.last()?,
    })
}

/// The smallest of them, which are in order, that so many percent of all don't exceed.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

fn ends(lives: &[Life], period: Span, now: i64) -> Ends {
    let mut ends = Ends::default();
    for life in lives.iter().filter(|life| life.held.is_some()) {
        let end = super::life::held(&life.elevation, now).map_or(now, |held| held.to);
        match life.elevation.state.parse() {
            // It came to its end after the period.
            _ if end > period.to => ends.active += 1,
            Ok(State::Expired) => ends.expired += 1,
            Ok(State::Released) => ends.released += 1,
            Ok(State::Revoked) => ends.revoked += 1,
            _ => ends.active += 1,
        }
    }
    ends
}

fn glass(lives: &[Life]) -> (usize, usize) {
    let broken = lives.iter().filter(|life| life.elevation.break_glass);
    let open = broken
        .clone()
        .filter(|life| life.elevation.acknowledged_at.is_none());
    (broken.count(), open.count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::life::tests::{PERIOD, elevation};
    use super::*;

    const NOW: i64 = 9_500;

    struct Held(u64, &'static str, &'static str, i64, i64);

    /// Elevations with one session each, in their first half.
    fn lives(held: &[Held]) -> Vec<Life> {
        let life = |Held(id, user, role, from, to): &Held| {
            let mut elevation = elevation(*id, State::Expired);
            (elevation.user, elevation.role) = ((*user).into(), (*role).into());
            elevation.requested_at = *from;
            elevation.decisions[0].at = *from + 10;
            elevation.starts_at = Some(*from);
            (elevation.ends_at, elevation.ended_at) = (Some(*to), Some(*to));
            let session = Span::new(*from, i64::midpoint(*from, *to));
            Life::new(elevation, &Vec::from_iter(session), PERIOD, NOW)
        };
        held.iter().map(life).collect()
    }

    fn person(name: &str) -> Person {
        Person {
            name: name.to_owned(),
            uid: 1001,
        }
    }

    #[test]
    fn what_overlaps_counts_once_for_a_person_and_for_each_role() {
        let lives = lives(&[
            Held(1, "carol", "deploy", 1_000, 3_000),
            Held(2, "carol", "deploy", 2_000, 4_000),
            Held(3, "carol", "db", 3_000, 5_000),
            Held(4, "dave", "db", 3_000, 4_000),
        ]);
        let sums = Sums::of(&lives, PERIOD, NOW);
        let time = |elevations, held, used| Time {
            elevations,
            sessions: elevations,
            held,
            used,
        };
        let (carol, dave) = (person("carol"), person("dave"));
        let of = |who: &Person, role: &str| (who.clone(), role.to_owned());
        assert_eq!(
            sums.pairs,
            [
                (of(&carol, "deploy"), time(2, 3_000, 2_000)),
                (of(&carol, "db"), time(1, 2_000, 1_000)),
                (of(&dave, "db"), time(1, 1_000, 500)),
            ]
        );
        assert_eq!(
            sums.people,
            [(carol, time(3, 4_000, 3_000)), (dave, time(1, 1_000, 500))]
        );
        assert_eq!(
            sums.roles,
            [
                ("db".to_owned(), time(2, 3_000, 1_500)),
                ("deploy".to_owned(), time(2, 3_000, 2_000)),
            ]
        );
        assert_eq!(sums.total, time(4, 5_000, 3_500));
        assert_eq!(sums.total.share(), 70);
        assert_eq!(sums.ends.expired, 4);
    }

    #[test]
    fn two_accounts_of_one_name_are_two_people() {
        let mut lives = lives(&[
            Held(1, "carol", "db", 1_000, 2_000),
            Held(2, "carol", "db", 1_000, 2_000),
        ]);
        lives[1].elevation.uid = 2002;
        let sums = Sums::of(&lives, PERIOD, NOW);
        assert_eq!(sums.people.len(), 2);
        assert_eq!(sums.total.held, 2_000);
    }

    #[test]
    fn requests_of_before_count_for_nothing_but_what_was_held() {
        let lives = lives(&[Held(1, "carol", "db", 500, 2_000)]);
        let sums = Sums::of(&lives, PERIOD, NOW);
        assert_eq!((sums.requests, sums.waits.len()), (0, 0));
        assert_eq!((sums.answered, sums.total.held), (None, 1_000));
    }

    #[test]
    fn what_goes_on_after_the_period_is_held_still() {
        let lives = lives(&[Held(1, "carol", "db", 8_000, 9_400)]);
        let ends = Sums::of(&lives, PERIOD, NOW).ends;
        assert_eq!((ends.expired, ends.active), (0, 1));
    }

    #[test]
    fn glass_is_counted_with_what_nobody_took_note_of() {
        let mut lives = lives(&[
            Held(1, "carol", "db", 1_000, 2_000),
            Held(2, "carol", "db", 3_000, 4_000),
            Held(3, "carol", "db", 5_000, 6_000),
        ]);
        lives[0].elevation.break_glass = true;
        lives[1].elevation.break_glass = true;
        lives[1].elevation.acknowledged_at = Some(3_500);
        assert_eq!(Sums::of(&lives, PERIOD, NOW).glass, (2, 1));
    }

    #[test]
    fn percentiles_are_of_those_that_there_are() {
        let many: Vec<i64> = (1..=200).collect();
        assert_eq!(percentile(&many, 50), Some(100));
        assert_eq!(percentile(&many, 95), Some(190));
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[], 50), None);
        assert_eq!((percent(1, 3), percent(2, 3), percent(1, 0)), (33, 67, 0));
    }

    proptest! {
        #[test]
        fn sums_agree_with_each_other(
            held in proptest::collection::vec(
                (0..4_usize, 0..3_usize, 0..9_000_i64, 1..3_000_i64), 0..30,
            )
        ) {
            const PEOPLE: [&str; 4] = ["carol", "dave", "erin", "frank"];
            const ROLES: [&str; 3] = ["db", "deploy", "root"];
            let held: Vec<_> = (1..).zip(&held).map(|(id, (who, role, from, length))| {
                Held(id, PEOPLE[*who], ROLES[*role], *from, *from + *length)
            }).collect();
            let lives = lives(&held);
            let sums = Sums::of(&lives, PERIOD, NOW);
            let by_person: i64 = sums.people.iter().map(|(_, time)| time.held).sum();
            let by_role: i64 = sums.roles.iter().map(|(_, time)| time.held).sum();
            let by_pair: i64 = sums.pairs.iter().map(|(_, time)| time.held).sum();
            prop_assert_eq!(by_person, sums.total.held);
            prop_assert_eq!(by_role, by_pair);
            prop_assert!(by_person <= by_pair);
            for (_, time) in &sums.people {
                prop_assert!(time.used <= time.held);
                prop_assert!(time.held <= PERIOD.length());
            }
            let counted: usize = sums.waits.iter().map(|(_, waits)| waits.count).sum();
            prop_assert_eq!(counted, sums.requests);
            for (_, waits) in &sums.waits {
                prop_assert!(waits.median <= waits.p95 && waits.p95 <= waits.longest);
            }
        }
    }
}
