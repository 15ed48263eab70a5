//! What jitd has put into one place: noted before it is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ReconcileError;
use super::drift::{Drift, Witness};
use super::notes::Notes;
use super::plan::{Ours, Plan};
use crate::domain::desired::Membership;

/// What is ours in one place where memberships are kept.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) ours: Ours,
    notes: Notes,
    witness: Arc<Witness>,
    /// Drift that was told of and is not undone yet.
    told: Vec<Drift>,
}

impl Book {
    pub(super) fn new(notes: Notes, witness: Arc<Witness>) -> Self {
        Self {
            ours: Ours::default(),
            notes,
            witness,
            told: Vec::new(),
        }
    }

    /// Notes what a plan is about to add, durably, before it is there: what was not noted would
    /// never be taken away again.
    pub(super) fn enter(&mut self, plan: &Plan) -> Result<(), ReconcileError> {
        let new: Vec<Membership> = plan.added.difference(&self.ours.held).cloned().collect();
        if !new.is_empty() {
            self.notes.given(new.clone())?;
            self.ours.unseen.extend(new.iter().cloned());
            self.ours.held.extend(new);
        }
        Ok(())
    }

    /// Takes what is there under another name for ours, from now on. Taking it away must not wait
    /// for a disk: what can't be noted is ours for as long as this runs.
    pub(super) fn take_over(&mut self, there: BTreeSet<Membership>) -> Result<(), ReconcileError> {
        if there.is_empty() {
            return Ok(());
        }
        let noted = self.notes.given(there.iter().cloned().collect());
        self.ours.held.extend(there);
        noted
    }

    /// Whether a plan undoes drift that was not told of yet.
    pub(super) fn is_news(&self, plan: &Plan) -> bool {
        plan.drift.iter().any(|drift| !self.is_told(drift))
    }

    /// Tells of the drift that a plan undoes, once: when it can be undone, and while there is no
    /// trace of the plan. A start that found one would take what is missing for work of its own
    /// that was not done yet.
    pub(super) fn tell(&mut self, plan: &Plan) {
        let untold = plan.drift.iter().filter(|drift| !self.is_told(drift));
        let untold: Vec<Drift> = untold.cloned().collect();
        self.witness.tell(untold.clone());
        self.told.extend(untold);
    }

    fn is_told(&self, drift: &Drift) -> bool {
        self.told.iter().any(|told| told.is_like(drift))
    }

    /// Notes that the place matches: what is found from now on is new.
    pub(super) fn close(&mut self) {
        self.ours.unseen.clear();
        self.told.clear();
    }

    /// What it holds that is not wanted, so that it is gone from a place that matches.
    pub(super) fn left_over(&self, wanted: &BTreeSet<Membership>) -> BTreeSet<Membership> {
        self.ours.held.difference(wanted).cloned().collect()
    }
}
