//! Timers as transient units (`systemd.timer(5)`).

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;

use super::link::{Systemd, locked, property};
use super::manager::Properties;
use crate::crash::crash_point;
use crate::reconcile::sessions::{SessionError, Work};
use crate::reconcile::timers::{Deadlines, Timers};

/// There while systemd is what runs the host (`sd_booted(3)`).
const RUNS: &str = "/run/systemd/system";
/// How long jitd itself has for an end before the second enforcer comes, in milliseconds.
const HEAD_START: i64 = 1_000;

impl Timers for Systemd {
    fn want(&self, deadlines: Deadlines) {
        *locked(&self.shared.wanted) = deadlines;
    }

    fn set(&self) -> Work<'_, Result<(), SessionError>> {
        Box::pin(async move {
            let mut known = self.shared.timers.lock().await;
            // Looked at only now: of several that wait here, all set the same.
            let wanted = locked(&self.shared.wanted).clone();
            let mut there = match known.take() {
                Some(there) => there,
                None if wanted.is_empty() && !Path::new(RUNS).exists() => return Ok(()),
                None => self.timers_there().await?,
            };
            // What was not answered in time may have been done all the same: after a failure
            // nothing is known, and the next one looks.
            self.set_wanted(&mut there, &wanted).await?;
            *known = Some(there);
            Ok(())
        })
    }
}

impl Systemd {
    async fn set_wanted(
        &self,
        there: &mut BTreeSet<i64>,
        wanted: &Deadlines,
    ) -> Result<(), SessionError> {
        let missing: Vec<_> = wanted
            .iter()
            .filter(|(second, _)| !there.contains(second))
            .collect();
        for (second, left) in missing {
            crash_point!("timers.unset");
            self.start(&name(second), &timer(*second, *left)).await?;
            crash_point!("timers.set");
            there.insert(*second);
        }
        let needless: Vec<_> = there
            .iter()
            .filter(|second| !wanted.contains_key(second))
            .copied()
            .collect();
        for second in needless {
            // One that has gone off is not there any more. The next elevation may end in the
            // same second, and its timer has the same name.
            self.stop(&name(second)).await?;
            crash_point!("timers.taken");
            there.remove(&second);
        }
        Ok(())
    }

    /// Those that systemd has, whoever made them.
    async fn timers_there(&self) -> Result<BTreeSet<i64>, SessionError> {
        let units = self.units(&[name("*")]).await?;
        Ok(units.iter().filter_map(|unit| second(unit)).collect())
    }
}

/// It starts the service of the same name, made from `jitd-enforce@.service`.
fn name(second: impl Display) -> String {
    format!("jitd-enforce@{second}.timer")
}

fn second(unit: &str) -> Option<i64> {
    let number = unit.strip_prefix("jitd-enforce@")?;
    number.strip_suffix(".timer")?.parse().ok()
}

/// By both clocks: a suspended host counts the one on, a clock that is set can't hold up the
/// other.
fn timer(second: i64, left: i64) -> Properties<'static> {
    let microseconds = |milliseconds: i64| {
        u64::try_from(milliseconds.saturating_add(HEAD_START).saturating_mul(1000)).unwrap_or(0)
    };
    let at = jiff::Timestamp::from_second(second.saturating_add(HEAD_START / 1000));
    let at = at.map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let mut properties = vec![
        property(
            "Description",
            "Ends what jitd should have ended, if it did not",
        ),
        property("AccuracyUSec", 1_u64),
        property("RemainAfterElapse", false),
        property(
            "TimersMonotonic",
            vec![("OnActiveSec".to_owned(), microseconds(left))],
        ),
    ];
    if let Ok(at) = at {
        properties.push(property(
            "TimersCalendar",
            vec![("OnCalendar".to_owned(), at)],
        ));
    }
    properties
}
