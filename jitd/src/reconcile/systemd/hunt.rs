//! What has left its session is ended where it is.

use std::time::Duration;

use rustix::process::Signal;

use super::kin::{self, Found};
use crate::domain::session::Session;
use crate::reconcile::census;
use crate::reconcile::freezer::Frozen;

/// How often one looks, and how many looks in a row must see nobody.
const MOST_LOOKS: u32 = 100;
const QUIET_LOOKS: u32 = 3;
/// Between two looks: what was killed needs a moment to be gone.
const PACE: Duration = Duration::from_millis(10);

/// Looks for what is outside of a session's scopes. A look that saw somebody vanish is made again
/// with the person's processes kept still. Blocks.
pub(super) fn look(session: &Session) -> Found {
    let found = kin::outside(session);
    if !found.is_empty() || !found.is_restless {
        return found;
    }
    let _still = Frozen::new([census::slice_of(session.mark.uid)]);
    kin::outside(session)
}

/// Kills all that is outside of a session's scopes, with the person's processes kept still meanwhile,
/// until several looks see nobody. Gives whether that came to be. Blocks.
pub(super) fn kill(session: &Session, mut found: Found) -> bool {
    let mut quiet = 0;
    for _ in 0..MOST_LOOKS {
        let own = census::slice_of(session.mark.uid);
        let places = found
            .places
            .into_iter()
            .filter(|place| !place.starts_with(&own));
        let still = Frozen::new(places.chain([own.clone()]));
        found = kin::outside(session);
        for process in &found.processes {
            process.signal(Signal::KILL);
        }
        drop(still);
        quiet = if found.is_empty() { quiet + 1 } else { 0 };
        if quiet == QUIET_LOOKS {
            return true;
        }
        pause();
    }
    false
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at what the kernel clears away"
)]
fn pause() {
    std::thread::sleep(PACE);
}
