//! Why the engine did not do it.

use crate::directory::DirectoryError;
use crate::domain::decide::Refusal;
use crate::domain::elevation::ElevationId;
use crate::reconcile::SessionError;
use crate::store::{ArchiveError, StoreError};

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The decision was no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be made durable.
    #[error("nothing was changed: {0}")]
    Store(#[from] StoreError),
    /// It could not be made durable, but for what it ended.
    #[error("what was to end has ended; nothing else was changed: {0}")]
    OnlyEnded(StoreError),
    /// The record could not be archived.
    #[error("nothing was archived: {0}")]
    Archive(#[from] ArchiveError),
    /// Who is who could not be found out.
    #[error("nothing was changed: {0}")]
    Directory(#[from] DirectoryError),
    /// The host could not be made to match, and what was given of it was taken back.
    #[error(
        "elevation {0} could not be given and is revoked: {1}. Mend that and ask again; an administrator sees more with: jitctl doctor"
    )]
    NotGiven(ElevationId, String),
    /// systemd could not be asked.
    #[error("nothing was changed: {0}")]
    Session(#[from] SessionError),
    /// There is no policy to decide by.
    #[error("the policy is broken, so nothing can be requested or approved: {0}")]
    BrokenPolicy(String),
}
