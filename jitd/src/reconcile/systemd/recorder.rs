//! The sudo that writes a recording, for as long as it does.

use std::time::Duration;

use tokio::task::spawn_blocking;

use super::cgroups;
use super::link::Systemd;
use crate::domain::session::{Recording, SessionId};
use crate::process_end::ProcessEnd;
use crate::reconcile::recording::{self, RecordingError};

/// What the kernel needs to clear away a process that has just ended.
const LAST_BREATH: Duration = Duration::from_millis(50);

impl Systemd {
    /// The recording that a process writes. Whoever starts sudo leaves it as many open files as they
    /// like: others do not wait until those are looked through.
    pub(super) async fn written_by(&self, pid: u32) -> Result<String, RecordingError> {
        let _place = self.shared.searches.acquire().await;
        let search = spawn_blocking(move || recording::written_by(pid)).await;
        search.unwrap_or(Err(RecordingError::None))
    }

    /// Waits until a recording is written no more; gives whether anything of its session is left.
    /// Its holder can kill the sudo that writes it, and what it runs would go on unseen.
    pub(super) async fn is_outlived(&self, id: SessionId, recording: &Recording) -> bool {
        // Only what has the recording open is the process that was meant: numbers come again.
        if let Some(recorder) = ProcessEnd::of(recording.recorder)
            && self.written_by(recording.recorder).await.as_ref() == Ok(&recording.folder)
        {
            recorder.wait().await;
        }
        if !cgroups::is_populated(id) {
            return false;
        }
        breathe().await;
        cgroups::is_populated(id)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is left is ended either way"
)]
async fn breathe() {
    tokio::time::sleep(LAST_BREATH).await;
}
