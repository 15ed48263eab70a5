//! What `setup` and `doctor` ask of a stack: is the gate reached, and does it change anything for
//! those whom it lets by, whatever the other modules answer?

use std::collections::HashSet;

use super::Stage;
use super::control::Code;
use super::stack::{Handler, Kind, Place};
use super::walk::Walk;

/// Our module's file.
pub const OURS: &str = "pam_jit.so";
/// It puts a login into a scope of its own; where it comes after ours, it takes the session
/// away from jitd.
pub const TAKES_AWAY: &str = "pam_systemd.so";

/// More different situations than any stack of a host has.
const MOST: usize = 200_000;

/// A stack of one stage, and how the program takes what comes of it.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// Which stage.
    pub stage: Stage,
    /// Whether the service is sudo's, who goes on after a `PAM_SESSION_ERR` as if nothing were.
    pub of_sudo: bool,
    /// The groups that must be gated.
    pub groups: &'a [String],
}

/// Why a stack does not hold those back whom it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// The program goes on without having come to our line; after this line, where it is one
    /// that decides.
    Skipped(Option<Place>),
    /// Our line is reached, and what it says does not count.
    Ignored(Place),
    /// After ours comes what takes the session away.
    TakenAway(Place),
    /// There are too many ways through it to look at all.
    TooInvolved,
}

/// What becomes of a program after a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Yes,
    /// It goes on all the same.
    Tolerated,
    No,
}

/// What our line says, as `pam_jit` has it in its verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    LetBy,
    Refused,
}

impl Judge<'_> {
    /// Whether everybody whom our line refuses is refused, on every way through the stack; and,
    /// of sessions, whether each is registered, and stays so. Nothing: it holds.
    #[must_use]
    pub fn gap(&self, stack: &[Handler]) -> Option<Gap> {
        let refused = self.look(stack, Says::Refused);
        if refused.is_some() || self.stage != Stage::Session {
            return refused;
        }
        self.look(stack, Says::LetBy)
    }

    fn look(&self, stack: &[Handler], says: Says) -> Option<Gap> {
        let mut search = Search {
            judge: self,
            stack,
            says,
            seen: HashSet::new(),
            way: Vec::new(),
        };
        search.from(&Walk::begin(stack), Passed::default())
    }

    /// Whether the stack holds no one back but by our line: the same comes of it as of the one
    /// that it was made from, for everybody whom our line lets by. `Err`: the ways are too many.
    ///
    /// # Errors
    /// There are too many ways to look at all.
    pub fn is_as_before(&self, before: &[Handler], after: &[Handler]) -> Result<bool, Gap> {
        let Some(pairs) = pairs(before, after) else {
            return Ok(false);
        };
        let mut comparison = Comparison {
            judge: self,
            before,
            after,
            pairs: &pairs,
            seen: HashSet::new(),
        };
        comparison.same(0, &Walk::begin(before), &Walk::begin(after))
    }

    /// Whether a place has our module, and gates these groups at least.
    #[must_use]
    pub fn is_ours(&self, handler: &Handler) -> bool {
        if handler.kind != Kind::Module || handler.name() != OURS {
            return false;
        }
        let named = handler.arguments.iter();
        let named = named.filter_map(|argument| argument.strip_prefix("managed_group="));
        let named: Vec<_> = named.collect();
        let gates = |group: &String| named.contains(&group.as_str());
        named.is_empty() || self.groups.iter().all(gates)
    }

    fn end(&self, code: Code) -> End {
        match (self.stage, code) {
            (_, Code::SUCCESS) => End::Yes,
            // sudo and su have the password changed, and go on.
            (Stage::Account, Code::NEW_AUTHTOK_REQD) => End::Tolerated,
            (Stage::Session, Code::SESSION_ERR) if self.of_sudo => End::Tolerated,
            _ => End::No,
        }
    }

    /// The answers of which a place can give one, those left out that differ in nothing.
    fn answers(&self, handler: &Handler, says: Says) -> Vec<Code> {
        if let Some(known) = self.known(handler, says) {
            return known;
        }
        let mut seen = HashSet::new();
        let kind = |code: Code| {
            (
                handler.actions.of(code),
                self.end(code),
                code == Code::IGNORE,
            )
        };
        Code::all()
            .filter(|code| seen.insert(kind(*code)))
            .collect()
    }

    fn known(&self, handler: &Handler, says: Says) -> Option<Vec<Code>> {
        if handler.kind == Kind::MustFail {
            return Some(vec![Code::MUST_FAIL]);
        }
        if self.is_ours(handler) {
            return Some(self.our_answers(says));
        }
        match handler.name() {
            // Another gate, for other groups: whoever is managed by ours only is let by.
            OURS => Some(self.our_answers(Says::LetBy)),
            "pam_permit.so" => Some(vec![Code::SUCCESS]),
            "pam_deny.so" => Some(vec![match self.stage {
                Stage::Session => Code::SESSION_ERR,
                _ => Code::AUTH_ERR,
            }]),
            _ => None,
        }
    }

    /// As `pam_jit`'s verdicts have it. Without an account of that name, it leaves the answer to
    /// others.
    fn our_answers(&self, says: Says) -> Vec<Code> {
        match (says, self.stage) {
            (Says::Refused, Stage::Auth) => vec![Code::CRED_INSUFFICIENT],
            (Says::Refused, _) => vec![Code::PERM_DENIED],
            (Says::LetBy, Stage::Auth | Stage::Password) => vec![Code::IGNORE],
            (Says::LetBy, Stage::Account) => vec![Code::SUCCESS, Code::IGNORE],
            (Says::LetBy, Stage::Session) => vec![Code::SUCCESS],
        }
    }
}

/// What was come by on a way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Passed {
    ours: Option<usize>,
    taken_away: Option<usize>,
}

/// All ways through a stack, until one has a gap.
struct Search<'a> {
    judge: &'a Judge<'a>,
    stack: &'a [Handler],
    says: Says,
    seen: HashSet<(Walk, Passed)>,
    way: Vec<usize>,
}

impl Search<'_> {
    fn from(&mut self, walk: &Walk, passed: Passed) -> Option<Gap> {
        let Some(handler) = self.stack.get(walk.next()) else {
            return self.gap(walk, passed);
        };
        if !self.seen.insert((walk.clone(), passed)) {
            return None;
        }
        if self.seen.len() > MOST {
            return Some(Gap::TooInvolved);
        }
        let at = walk.next();
        let mut then = passed;
        if self.judge.is_ours(handler) {
            then = Passed {
                ours: Some(at),
                taken_away: None,
            };
        } else if passed.ours.is_some()
            && handler.kind == Kind::Module
            && handler.name() == TAKES_AWAY
        {
            then.taken_away = Some(at);
        }
        self.way.push(at);
        for code in self.judge.answers(handler, self.says) {
            let mut next = walk.clone();
            next.answer(self.stack, code);
            if let Some(gap) = self.from(&next, then) {
                return Some(gap);
            }
        }
        self.way.pop();
        None
    }

    fn gap(&self, walk: &Walk, passed: Passed) -> Option<Gap> {
        let end = self.judge.end(walk.outcome());
        if end == End::No {
            return None;
        }
        let place = |at: usize| self.stack[at].place.clone();
        let Some(ours) = passed.ours else {
            return Some(Gap::Skipped(self.way.last().map(|at| place(*at))));
        };
        match (self.says, passed.taken_away) {
            (Says::LetBy, taken_away) => taken_away.map(|at| Gap::TakenAway(place(at))),
            // What sudo makes of a failure before ours can't be helped by the stack: jitd ends
            // what it has refused.
            (Says::Refused, _) if self.judge.stage == Stage::Session && end == End::Tolerated => {
                None
            }
            (Says::Refused, _) => Some(Gap::Ignored(place(ours))),
        }
    }
}

/// Which place of the one is which of the other; what the other has besides is ours.
fn pairs(before: &[Handler], after: &[Handler]) -> Option<Vec<(Option<usize>, usize)>> {
    let mut pairs = Vec::new();
    let mut at = 0;
    for (index, handler) in after.iter().enumerate() {
        if before.get(at).is_some_and(|before| before.is_as(handler)) {
            pairs.push((Some(at), index));
            at += 1;
        } else if handler.name() == OURS {
            pairs.push((None, index));
        } else {
            return None;
        }
    }
    (at == before.len()).then_some(pairs)
}

/// Both walked side by side, each module giving both the same answer.
struct Comparison<'a> {
    judge: &'a Judge<'a>,
    before: &'a [Handler],
    after: &'a [Handler],
    pairs: &'a [(Option<usize>, usize)],
    seen: HashSet<(usize, Walk, Walk)>,
}

impl Comparison<'_> {
    fn same(&mut self, from: usize, old: &Walk, new: &Walk) -> Result<bool, Gap> {
        let Some((in_old, in_new)) = self.pairs.get(from) else {
            let end = |walk: &Walk| self.judge.end(walk.outcome());
            return Ok(end(old) == end(new));
        };
        let asked_before = in_old.is_some_and(|at| at == old.next());
        let asked_after = *in_new == new.next();
        if !asked_before && !asked_after {
            return self.same(from + 1, old, new);
        }
        if !self.seen.insert((from, old.clone(), new.clone())) {
            return Ok(true);
        }
        if self.seen.len() > MOST {
            return Err(Gap::TooInvolved);
        }
        let handler = &self.after[*in_new];
        for code in self.judge.answers(handler, Says::LetBy) {
            let (mut old, mut new) = (old.clone(), new.clone());
            if asked_before {
                old.answer(self.before, code);
            }
            if asked_after {
                new.answer(self.after, code);
            }
            if !self.same(from + 1, &old, &new)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
