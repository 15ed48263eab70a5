//! What the daemon shows of itself to the second enforcer: that what keeps time goes round. Alive is
//! not the same as doing it.

use std::fs;
use std::path::PathBuf;

use crate::domain::time::Boot;
use crate::paths;

/// When the last round began that was gone through whole, by the boot clock. It is in a file system
/// of memory: a full disk does not make jitd look dead, and a reboot takes it away.
pub(super) struct Turns(PathBuf);

impl Turns {
    pub(super) fn of_host() -> Self {
        Self(paths::TURNS.into())
    }

    /// A round that began then is over. Where that can't be said, the enforcer goes by the record.
    pub(super) fn note(&self, began: Boot) {
        let _ = fs::write(&self.0, format!("{}\n", began.0));
    }

    /// Whether one has been gone through that began then or later.
    pub(super) fn have_passed(&self, since: Boot) -> bool {
        let last = fs::read_to_string(&self.0).unwrap_or_default();
        // Half a line is none.
        let last = last.strip_suffix('\n').and_then(|last| last.parse().ok());
        last.is_some_and(|last: i64| last >= since.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_round_that_began_since_counts() {
        let folder = tempfile::tempdir().unwrap();
        let turns = Turns(folder.path().join("turns"));
        assert!(!turns.have_passed(Boot(0)), "there is none");
        turns.note(Boot(12_000));
        assert!(turns.have_passed(Boot(12_000)));
        assert!(!turns.have_passed(Boot(12_001)));
        fs::write(&turns.0, "99999").unwrap();
        assert!(!turns.have_passed(Boot(12_000)), "half a line");
    }
}
