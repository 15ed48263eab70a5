//! Desired state against the host.
//!
//! [`Reconciler`] is the only one who changes the host. It is given what the host should look
//! like, compares, and does what is missing; doing it twice does nothing the second time.
#![forbid(unsafe_code)]

mod backend;
mod book;
mod census;
mod drift;
mod error;
mod etc_file;
mod etc_lock;
mod files;
mod freezer;
mod grip;
mod group_file;
mod groups;
mod holders;
mod memberships;
mod notes;
mod plan;
mod processes;
mod recording;
mod sessions;
mod sudoers;
mod systemd;
mod thread;
mod timers;
mod userdb;
mod userdb_groups;

pub use drift::{Drift, DriftKind, Sighting, Witness};
pub use error::ReconcileError;
pub use memberships::{Memberships, Places};
pub use processes::{Gone, HostProcesses, Processes};
pub use recording::{RecordingError, open_recording};
pub use sessions::{Leader, Left, SessionError, Sessions, Terms, Work};
pub use sudoers::Sudoers;
pub use systemd::Systemd;
pub use thread::{Convergence, Reconciler};
pub use timers::{Deadlines, Timers};

/// Parts that fuzzers and benchmarks drive by themselves.
pub mod parts {
    pub use super::etc_lock::EtcLock;
    pub use super::group_file::GroupFile;
}

#[cfg(test)]
mod tests;
