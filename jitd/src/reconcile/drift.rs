//! What others changed in memberships that are jitd's to give: told before it is undone.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::domain::names::GroupName;

/// How long to wait until it is on record. Taking away must not wait for a disk.
const PATIENCE: Duration = Duration::from_secs(1);

/// In which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriftKind {
    /// Somebody was put into a group of jitd's own, and is removed.
    Removed,
    /// Somebody was taken out of what an elevation gives, and is put back.
    Restored,
}

/// One membership that others changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drift {
    /// What is done about it.
    pub kind: DriftKind,
    /// The group.
    pub group: GroupName,
    /// Whose membership; whatever stands in the file, which need not be an account.
    pub member: String,
    /// Who else was in the group when it was found.
    pub others: Vec<String>,
}

impl Drift {
    pub(super) fn new(
        kind: DriftKind,
        group: &GroupName,
        member: &[u8],
        present: &[Vec<u8>],
    ) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let others = present.iter().filter(|other| *other != member);
        Self {
            kind,
            group: group.clone(),
            member: text(member),
            others: others.map(|other| text(other)).collect(),
        }
    }

    /// Whether it is the same membership in the same direction.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.kind, &self.group, &self.member) == (other.kind, &other.group, &other.member)
    }
}

/// What was found at one look, about to be undone.
#[derive(Debug)]
pub struct Sighting {
    /// The memberships.
    pub drift: Vec<Drift>,
    noted: SyncSender<()>,
}

impl Sighting {
    /// Lets the reconciler go on.
    pub fn is_noted(&self) {
        // It may have gone on already.
        let _ = self.noted.try_send(());
    }
}

/// Who is told of drift.
#[derive(Debug)]
pub struct Witness(UnboundedSender<Sighting>);

impl Witness {
    /// A witness, and where what it is told comes out.
    #[must_use]
    pub fn new() -> (Self, UnboundedReceiver<Sighting>) {
        let (sender, sightings) = unbounded_channel();
        (Self(sender), sightings)
    }

    /// Tells of it, and gives it time to come on record.
    pub(super) fn tell(&self, drift: Vec<Drift>) {
        let (noted, answer) = sync_channel(1);
        if self.0.send(Sighting { drift, noted }).is_ok() {
            // Too slow, or nobody there to note it: it is undone all the same.
            let _ = answer.recv_timeout(PATIENCE);
        }
    }
}
