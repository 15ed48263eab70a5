//! What jitd has put on the host and taken from it: durable, and on record.

use std::fmt;
use std::sync::Arc;

use super::ReconcileError;
use crate::clock::Clock;
use crate::domain::desired::Membership;
use crate::store::Store;

/// Where it is noted. Clones note in the same place.
#[derive(Clone)]
pub(super) struct Notes {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Notes {
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// These memberships are about to be given.
    pub(super) fn given(&self, memberships: Vec<Membership>) -> Result<(), ReconcileError> {
        self.note(memberships, Vec::new())
    }

    /// These memberships are gone.
    pub(super) fn taken(&self, memberships: Vec<Membership>) -> Result<(), ReconcileError> {
        self.note(Vec::new(), memberships)
    }

    fn note(&self, given: Vec<Membership>, taken: Vec<Membership>) -> Result<(), ReconcileError> {
        let at = self.clock.now().wall;
        Ok(self.store.note_held(given, taken, at)?)
    }
}

impl fmt::Debug for Notes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notes").finish_non_exhaustive()
    }
}
