//! Where memberships are kept.

use std::collections::BTreeSet;

use super::ReconcileError;
use super::book::Book;
use crate::domain::desired::{Desired, Membership};
use crate::domain::names::GroupName;

/// A place where memberships are kept, whose changes the whole host sees.
pub(super) trait Backend: Send + std::fmt::Debug {
    /// How it is called when a group is not to be had.
    fn name(&self) -> String;

    /// Takes note of what of `held` is kept here, and of what may have been interrupted.
    /// `elsewhere` is what is known to be kept in another place.
    fn recall(&mut self, held: &BTreeSet<Membership>, elsewhere: &BTreeSet<Membership>) -> Recall;

    /// Whether people can be put into the group here.
    fn has_group(&self, group: &GroupName) -> Result<bool, ReconcileError>;

    /// Makes a system group, with this number where it is known elsewhere by it.
    fn create_group(&self, group: &GroupName, gid: Option<u32>) -> Result<(), ReconcileError>;

    /// Removes a group of ours, if it is here.
    fn delete_group(&self, group: &GroupName) -> Result<(), ReconcileError>;

    /// Which of these memberships are here.
    fn kept(&self, of: &BTreeSet<Membership>) -> Result<BTreeSet<Membership>, ReconcileError>;

    /// Makes the memberships match; the book learns of everything before it is done.
    fn apply(&mut self, desired: &Desired, book: &mut Book) -> Result<(), ReconcileError>;
}

/// What a place knows of what jitd did before its start.
#[derive(Debug, Default)]
pub(super) struct Recall {
    /// Kept here.
    pub(super) held: BTreeSet<Membership>,
    /// Of those, what may not have got here.
    pub(super) unseen: BTreeSet<Membership>,
}
