//! Where memberships are kept.

use std::collections::BTreeSet;

use super::ReconcileError;
use super::book::Book;
use crate::domain::desired::{Desired, Membership};
use crate::domain::names::GroupName;

/// A way to keep memberships, whose changes the whole host sees at once.
pub(super) trait MembershipBackend: Send + std::fmt::Debug {
    /// How it is called where a group is not to be had.
    fn name(&self) -> String;

    /// Those of the groups that are not there, so that nobody can be put into them.
    fn absent(&self, of: &BTreeSet<GroupName>) -> Result<BTreeSet<GroupName>, ReconcileError>;

    /// Makes a system group; with this number, where the host knows it by it already.
    fn create_group(&self, group: &GroupName, gid: Option<u32>) -> Result<(), ReconcileError>;

    /// Removes a group that jitd made, where it is kept here.
    fn delete_group(&self, group: &GroupName) -> Result<(), ReconcileError>;

    /// Which of these memberships are kept here.
    fn kept(&self, of: &BTreeSet<Membership>) -> Result<BTreeSet<Membership>, ReconcileError>;

    /// Makes the memberships match; the book learns of everything before it is done.
    fn apply(&self, desired: &Desired, book: &mut Book) -> Result<(), ReconcileError>;
}

/// What jitd has put into one place, as far as that can be told at its start.
#[derive(Debug, Default)]
pub(super) struct Recalled {
    /// What is kept there.
    pub(super) held: BTreeSet<Membership>,
    /// Of that, what may not have got there.
    pub(super) unseen: BTreeSet<Membership>,
}
