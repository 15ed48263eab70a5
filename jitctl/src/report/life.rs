//! One elevation, as far as a report is about it.

use jitd_api::{Elevation, State};

use super::spans::{self, Span};

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outcome {
    /// People said yes.
    Approved,
    /// The policy asks nobody.
    Automatic,
    /// Taken without anybody's yes.
    BrokenGlass,
    /// Somebody said no.
    Denied,
    /// Taken back before an answer.
    Cancelled,
    /// Nobody answered in time.
    Lapsed,
    /// There is no answer yet.
    Waiting,
}

impl Outcome {
    pub(crate) const ALL: [Self; 7] = [
        Self::Approved,
        Self::Automatic,
        Self::BrokenGlass,
        Self::Denied,
        Self::Cancelled,
        Self::Lapsed,
        Self::Waiting,
    ];

    /// The word for it, for programs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Automatic => "automatic",
            Self::BrokenGlass => "break-glass",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Lapsed => "lapsed",
            Self::Waiting => "waiting",
        }
    }
}

/// An elevation in a period. Lengths are milliseconds.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) elevation: Elevation,
    pub(crate) outcome: Outcome,
    /// How long the answer took, or how long there was none.
    pub(crate) waited: i64,
    /// Whether it was asked for in the period.
    pub(crate) asked: bool,
    /// When it was held, in the period.
    pub(crate) held: Option<Span>,
    /// When a session was open under it, while it was held in the period; apart, in order.
    pub(crate) used: Vec<Span>,
    /// How many sessions there were.
    pub(crate) sessions: usize,
}

impl Life {
    /// An elevation with the sessions under it.
    pub(crate) fn new(elevation: Elevation, sessions: &[Span], period: Span, now: i64) -> Self {
        let held = held(&elevation, now).and_then(|held| held.within(period));
        let cut = |held: Span| sessions.iter().filter_map(move |open| open.within(held));
        let used: Vec<_> = held.into_iter().flat_map(cut).collect();
        let outcome = outcome(&elevation);
        Self {
            waited: waited(&elevation, outcome, now),
            outcome,
            asked: period.has(elevation.requested_at),
            held,
            sessions: used.len(),
            used: spans::union(used),
            elevation,
        }
    }

    pub(crate) fn held_for(&self) -> i64 {
        self.held.map_or(0, Span::length)
    }

    pub(crate) fn used_for(&self) -> i64 {
        spans::total(&self.used)
    }
}

/// When an elevation was held, or is, up to now.
pub(crate) fn held(elevation: &Elevation, now: i64) -> Option<Span> {
    let state: State = elevation.state.parse().ok()?;
    let was_active = matches!(
        state,
        State::Active | State::Expired | State::Released | State::Revoked
    );
    let from = elevation.starts_at.filter(|_| was_active)?;
    let to = elevation.ends_at.unwrap_or(now);
    Span::new(from, to.min(elevation.ended_at.unwrap_or(now)))
}

fn outcome(elevation: &Elevation) -> Outcome {
    match elevation.state.parse() {
        Ok(State::Denied) => Outcome::Denied,
        Ok(State::Lapsed) => Outcome::Lapsed,
        Ok(State::Pending) | Err(_) => Outcome::Waiting,
        // It was granted where it has an end; what was taken back after that was granted, too.
        Ok(State::Cancelled) if elevation.ends_at.is_none() => Outcome::Cancelled,
        Ok(_) if elevation.break_glass => Outcome::BrokenGlass,
        Ok(_) if elevation.decisions.is_empty() => Outcome::Automatic,
        Ok(_) => Outcome::Approved,
    }
}

fn waited(elevation: &Elevation, outcome: Outcome, now: i64) -> i64 {
    let answered = match outcome {
        Outcome::Automatic | Outcome::BrokenGlass => return 0,
        Outcome::Approved => elevation.decisions.iter().map(|decision| decision.at).max(),
        Outcome::Denied | Outcome::Cancelled | Outcome::Lapsed => elevation.ended_at,
        Outcome::Waiting => Some(now),
    };
    let answered = answered.unwrap_or(elevation.requested_at);
    answered.saturating_sub(elevation.requested_at).max(0)
}

#[cfg(test)]
pub(super) mod tests {
    use jitd_api::Decision;

    use super::*;

    pub(crate) const PERIOD: Span = Span {
        from: 1_000,
        to: 9_000,
    };
    const NOW: i64 = 9_500;

    /// carol's, asked for at 500 and approved at 700, to be held from 2000 to 4000.
    pub(crate) fn elevation(id: u64, state: State) -> Elevation {
        Elevation {
            id,
            state: state.to_string(),
            user: "carol".into(),
            uid: 1001,
            role: "deploy".into(),
            groups: Vec::new(),
            services: Vec::new(),
            reason: "restart web".into(),
            ticket: String::new(),
            duration: 2,
            requested_at: 500,
            lapses_at: None,
            starts_at: Some(2_000),
            ends_at: Some(4_000),
            ended_at: Some(4_000),
            ended_by: Some("jitd".into()),
            extends: None,
            break_glass: false,
            acknowledged_at: None,
            acknowledged_by: None,
            approvers: Vec::new(),
            needs: Vec::new(),
            decisions: vec![Decision {
                by: "alice".into(),
                verdict: "approved".into(),
                comment: String::new(),
                at: 700,
            }],
            sessions: Vec::new(),
        }
    }

    fn span(from: i64, to: i64) -> Span {
        Span { from, to }
    }

    #[test]
    fn it_is_held_until_its_first_end() {
        let held_of = |change: fn(&mut Elevation)| {
            let mut elevation = elevation(1, State::Expired);
            change(&mut elevation);
            held(&elevation, NOW).map(|span| (span.from, span.to))
        };
        assert_eq!(held_of(|_| {}), Some((2_000, 4_000)));
        assert_eq!(held_of(|e| e.ended_at = Some(3_000)), Some((2_000, 3_000)));
        let noticed_late: fn(&mut Elevation) = |e| e.ended_at = Some(8_000);
        assert_eq!(held_of(noticed_late), Some((2_000, 4_000)));
        let active: fn(&mut Elevation) = |e| {
            e.state = "active".into();
            e.ends_at = Some(20_000);
            e.ended_at = None;
        };
        assert_eq!(held_of(active), Some((2_000, NOW)));
        let before_its_time: fn(&mut Elevation) = |e| {
            e.state = "revoked".into();
            e.ended_at = Some(1_000);
        };
        assert_eq!(held_of(before_its_time), None);
        for state in ["pending", "scheduled", "denied", "cancelled", "lapsed"] {
            let mut elevation = elevation(1, State::Denied);
            elevation.state = state.into();
            assert_eq!(held(&elevation, NOW), None, "{state}");
        }
    }

    #[test]
    fn sessions_count_once_and_while_it_is_held_in_the_period() {
        let mut elevation = elevation(1, State::Expired);
        elevation.starts_at = Some(500);
        let sessions = [
            span(i64::MIN, 1_500),
            span(1_400, 2_000),
            span(3_000, 8_000),
            span(5_000, 6_000),
        ];
        let life = Life::new(elevation, &sessions, PERIOD, NOW);
        assert_eq!(life.held, Some(span(1_000, 4_000)));
        assert_eq!(life.used, [span(1_000, 2_000), span(3_000, 4_000)]);
        assert_eq!(
            (life.held_for(), life.used_for(), life.sessions),
            (3_000, 2_000, 3)
        );
        assert!(!life.asked);
    }

    #[test]
    fn outcomes_and_how_long_they_took() {
        let told = |state, change: fn(&mut Elevation)| {
            let mut elevation = elevation(1, state);
            change(&mut elevation);
            let life = Life::new(elevation, &[], PERIOD, NOW);
            (life.outcome, life.waited)
        };
        let automatic: fn(&mut Elevation) = |e| e.decisions.clear();
        let broken: fn(&mut Elevation) = |e| {
            e.decisions.clear();
            e.break_glass = true;
        };
        let denied: fn(&mut Elevation) = |e| {
            e.ends_at = None;
            e.ended_at = Some(1_500);
        };
        let waiting: fn(&mut Elevation) = |e| e.ended_at = None;
        for (found, expected) in [
            (told(State::Active, |_| {}), (Outcome::Approved, 200)),
            (told(State::Scheduled, |_| {}), (Outcome::Approved, 200)),
            (told(State::Cancelled, |_| {}), (Outcome::Approved, 200)),
            (told(State::Expired, automatic), (Outcome::Automatic, 0)),
            (told(State::Expired, broken), (Outcome::BrokenGlass, 0)),
            (told(State::Denied, denied), (Outcome::Denied, 1_000)),
            (told(State::Cancelled, denied), (Outcome::Cancelled, 1_000)),
            (told(State::Lapsed, denied), (Outcome::Lapsed, 1_000)),
            (told(State::Pending, waiting), (Outcome::Waiting, 9_000)),
        ] {
            assert_eq!(found, expected);
        }
    }
}
