//! The numbers of a report. Lengths are milliseconds.

#[cfg(test)]
mod tests;

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
