//! The sudo that writes a recording, for as long as it does.

use std::time::Duration;

use super::cgroups;
use crate::domain::session::{Recording, SessionId};
use crate::process_end::ProcessEnd;
use crate::reconcile::recording;

/// What the kernel needs to clear away a process that has just ended.
const LAST_BREATH: Duration = Duration::from_millis(50);

/// Waits until a recording is written no more; gives whether anything of its session is left.
/// Its holder can kill the sudo that writes it, and what it runs would go on unseen.
pub(super) async fn outlives(id: SessionId, recording: &Recording) -> bool {
    // Only what has the recording open is the process that was meant: numbers come again.
    if let Some(recorder) = ProcessEnd::of(recording.recorder)
        && recording::written_by(recording.recorder).as_ref() == Ok(&recording.folder)
    {
        recorder.wait().await;
    }
    if !cgroups::is_populated(id) {
        return false;
    }
    breathe().await;
    cgroups::is_populated(id)
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is left is ended either way"
)]
async fn breathe() {
    tokio::time::sleep(LAST_BREATH).await;
}
