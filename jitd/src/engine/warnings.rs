//! Before the end, its holder is warned, where they work under it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use super::Engine;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::time::{Now, Seconds};
use crate::engine::state::Open;
use crate::record::{Priority, note};

/// How long all that are warned at a time may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// Warns those whose elevation ends soon, each once at each of the role's times. Nobody waits
    /// for it: where they are has to be found out, and what is to end does not wait for that.
    pub fn begin_to_warn(&self) {
        let engine = self.clone();
        tokio::spawn(async move {
            if timeout(PATIENCE, engine.warn()).await.is_err() {
                note(Priority::Warning, "not everybody could be warned in time");
            }
        });
    }

    pub(super) async fn warn(&self) {
        let Ok(policy) = self.policy() else { return };
        let (mut open, now) = self.begin().await;
        let mut due = Vec::new();
        for elevation in open.elevations.values() {
            let Some(role) = policy.role(elevation.role.as_str()) else {
                continue;
            };
            let Some(before) = warning(elevation, &role.warn_before, &now) else {
                continue;
            };
            let warned = open.warned.get(&elevation.id);
            if warned.is_none_or(|last| before < *last) && !goes_on(&open, elevation.id) {
                let text = text(elevation, &now);
                let sessions = open.sessions_under(elevation.id);
                due.push((elevation.id, elevation.uid, before, sessions, text));
            }
        }
        for (id, _, before, ..) in &due {
            open.warned.insert(*id, *before);
        }
        let Open {
            warned, elevations, ..
        } = &mut *open;
        warned.retain(|id, _| elevations.contains_key(id));
        drop(open);
        for (_, uid, _, sessions, text) in due {
            let mut at = BTreeSet::new();
            for session in &sessions {
                at.extend(self.shared.sessions.terminals(session).await);
            }
            // Without a session at a terminal they hold it all the same.
            self.shared.terminals.tell(uid, &at, &text);
        }
    }

    /// Milliseconds until somebody is to be warned; none while nobody is.
    pub async fn next_warning(&self) -> Option<i64> {
        let policy = self.policy().ok()?;
        let (open, now) = self.begin().await;
        let each = open.elevations.values().filter_map(|elevation| {
            let role = policy.role(elevation.role.as_str())?;
            let left = elevation.left(&now)?;
            let times = role.warn_before.iter().map(|before| left - before.millis());
            times.filter(|wait| *wait > 0).min()
        });
        each.min()
    }
}

/// The time before the end that has come last; none before the first one, and none that was
/// before the beginning.
fn warning(elevation: &Elevation, before: &[Seconds], now: &Now) -> Option<Seconds> {
    let left = elevation.left(now)?;
    let times = before.iter().copied();
    times
        .filter(|time| *time < elevation.duration && left <= time.millis())
        .min()
}

/// Whether another elevation joins on.
fn goes_on(open: &Open, id: ElevationId) -> bool {
    let mut others = open.elevations.values();
    others.any(|other| other.extends == Some(id) && other.grant.is_some())
}

fn text(elevation: &Elevation, now: &Now) -> String {
    let left = elevation
        .left(now)
        .unwrap_or_default()
        .max(0)
        .unsigned_abs();
    format!(
        "jitd: your elevation {0} ({1}) ends in {2}. To go on: jitctl extend {0} --for {3} --reason \"...\"",
        elevation.id,
        elevation.role,
        Seconds(left.div_ceil(1000)),
        elevation.duration.to_string().replace(' ', ""),
    )
}
