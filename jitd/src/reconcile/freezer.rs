//! Processes are kept still while somebody looks at them: who forks and exits quickly enough is
//! never the one that was seen.
//!
//! What was frozen is marked before it is, so that the next jitd thaws it where this one dies.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::census;

/// On a cgroup that jitd has frozen: nobody but root can put it there, or take it away.
const MARK: &str = "user.jitd.frozen";
/// How often, and at what pace, it is looked whether all of it stands still. What waits for the
/// kernel does not, and does not fork either.
const MOST_LOOKS: u32 = 20;
const PACE: Duration = Duration::from_millis(1);

/// One look at a time, or one would thaw what another looks at.
static TURN: Mutex<()> = Mutex::new(());

/// Cgroups that stand still until this is dropped.
pub(super) struct Frozen {
    places: Vec<PathBuf>,
    _turn: MutexGuard<'static, ()>,
}

impl Frozen {
    /// Freezes these cgroups, where they are there and can be frozen. Never jitd's own, nor what
    /// the host can't do without.
    pub(super) fn new(places: impl IntoIterator<Item = PathBuf>) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let own = census::place(std::process::id());
        let frozen = places
            .into_iter()
            .filter(|place| may_stand_still(place, own.as_deref()))
            .filter(|place| freeze(place))
            .collect();
        let frozen = Self {
            places: frozen,
            _turn: turn,
        };
        frozen.wait();
        frozen
    }

    fn wait(&self) {
        for _ in 0..MOST_LOOKS {
            let is_still = |place: &PathBuf| census::says(place, "frozen 1");
            if self.places.iter().all(is_still) {
                return;
            }
            pause();
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for place in &self.places {
            thaw(place);
        }
    }
}

/// Lets go on what an earlier jitd had no time to let go on.
pub(super) fn thaw_what_was_left() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    census::places(|place| {
        if xattr::get(place, MARK).is_ok_and(|mark| mark.is_some()) {
            thaw(place);
        }
    });
}

/// Not PID 1, not jitd itself, and no more than one service, or one person, at a time.
fn may_stand_still(place: &Path, own: Option<&Path>) -> bool {
    let name = place.file_name().and_then(|name| name.to_str());
    let (Some(own), Some(name)) = (own, name) else {
        return false;
    };
    let is_wide = is_of_kind(name, "slice") && !name.starts_with("user-");
    name != "init.scope" && !is_wide && !own.starts_with(place)
}

/// Whether a unit is of a kind, by its name.
fn is_of_kind(name: &str, kind: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == kind)
}

/// False for what somebody else has frozen already.
fn freeze(place: &Path) -> bool {
    let switch = place.join("cgroup.freeze");
    if !fs::read_to_string(&switch).is_ok_and(|state| state.trim() == "0") {
        return false;
    }
    // Without a mark nobody would know that it is to be thawed.
    xattr::set(place, MARK, b"1").is_ok() && fs::write(switch, "1").is_ok()
}

fn thaw(place: &Path) {
    // It may have gone meanwhile.
    let _ = fs::write(place.join("cgroup.freeze"), "0");
    let _ = xattr::remove(place, MARK);
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at the kernel's work; no end depends on it"
)]
fn pause() {
    std::thread::sleep(PACE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_needs_is_never_frozen() {
        let own = Path::new("/sys/fs/cgroup/system.slice/jitd.service");
        let may = |place: &str| may_stand_still(Path::new(place), Some(own));
        for place in [
            "/sys/fs/cgroup",
            "/sys/fs/cgroup/init.scope",
            "/sys/fs/cgroup/system.slice",
            "/sys/fs/cgroup/system.slice/jitd.service",
            "/sys/fs/cgroup/user.slice",
        ] {
            assert!(!may(place), "{place}");
        }
        for place in [
            "/sys/fs/cgroup/user.slice/user-1001.slice",
            "/sys/fs/cgroup/user.slice/user-1001.slice/user@1001.service/out",
            "/sys/fs/cgroup/system.slice/cron.service",
            "/sys/fs/cgroup/jit.slice/jit-1-1.scope",
        ] {
            assert!(may(place), "{place}");
        }
        assert!(!may_stand_still(
            Path::new("/sys/fs/cgroup/a/b.scope"),
            None
        ));
    }
}
