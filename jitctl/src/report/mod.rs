//! A period in retrospect: who held what, when and why, what was asked and answered, and whether
//! the record that says so is whole.
//!
//! What jitd told ([`gather`]) becomes numbers ([`sums`]), and those a page, JSON or CSV.

pub(crate) mod chain;
pub(crate) mod csv;
pub(crate) mod gather;
pub(crate) mod json;
mod life;
pub(crate) mod page;
mod record;
pub(crate) mod spans;
mod sums;
mod timeline;

use jiff::Zoned;

use chain::Chain;
use life::Life;
use record::Noted;
use spans::Span;
use sums::Sums;

/// Whose elevations a report is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everybody's: whoever had it made may read the whole record.
    Everybody,
    /// Their own, by this name: they may read no more.
    Own(String),
}

/// When, where and by whom a report was made.
#[derive(Debug, Clone)]
pub(crate) struct Making {
    /// When, in the zone of all its times.
    pub(crate) at: Zoned,
    /// The name of the host.
    pub(crate) host: String,
    /// The account's name.
    pub(crate) by: String,
}

/// All that a report says.
#[derive(Debug)]
pub(crate) struct Report {
    making: Making,
    period: Span,
    scope: Scope,
    chain: Chain,
    /// Before then, in the period, nothing is known of sessions and refusals: it is archived.
    cut: Option<i64>,
    /// Newest first.
    lives: Vec<Life>,
    noted: Noted,
    sums: Sums,
}

impl Report {
    /// The report of what jitd told.
    pub(crate) fn new(making: Making, period: Span, told: gather::Told) -> Self {
        let now = making.at.timestamp().as_millisecond();
        let mut noted = told.noted;
        let sessions = noted.sessions.by_elevation(now);
        let lives = told.elevations.into_iter();
        let lives: Vec<_> = lives
            .map(|elevation| {
                let sessions = sessions.get(&elevation.id);
                Life::new(elevation, sessions.map_or(&[], Vec::as_slice), period, now)
            })
            // What was asked for before, and denied or taken back in the period, is neither.
            .filter(|life| life.asked || life.held.is_some())
            .collect();
        noted.sort();
        Self {
            sums: Sums::of(&lives, period, now),
            making,
            period,
            scope: told.scope,
            chain: told.chain,
            cut: told.cut.filter(|at| *at > period.from),
            lives,
            noted,
        }
    }
}
