//! Client proxies.

use std::collections::HashMap;

use zbus::wire::OwnedFd;

use crate::{
    Archive, Drift, Elevation, Error, EventFilter, Explanation, Filter, ListedSession,
    RequestOptions, SessionFilter, Status,
};

/// `org.jitd1.Elevations`, as people call it.
///
/// Who calls is decided by the bus, or the socket, and the kernel, never by an argument.
#[zbus::proxy(
    interface = "org.jitd1.Elevations",
    default_service = "org.jitd1",
    default_path = "/org/jitd1"
)]
pub trait Elevations {
    /// Ask for a role; gives the elevation's number.
    fn request(&self, role: &str, options: &RequestOptions) -> Result<u64, Error>;
    /// Ask for more of an elevation of one's own; gives the number of what goes on from it.
    fn extend(&self, id: u64, options: &RequestOptions) -> Result<u64, Error>;
    /// Take a role at once, to answer for it afterwards; gives the elevation's number.
    fn break_glass(&self, role: &str, options: &RequestOptions) -> Result<u64, Error>;
    /// Take note that somebody broke the glass.
    fn acknowledge(&self, id: u64, comment: &str) -> Result<Elevation, Error>;
    /// What waits to be acknowledged by the caller.
    fn unacknowledged(&self) -> Result<Vec<Elevation>, Error>;
    /// Agree to a pending elevation; `duration` (seconds, 0: as asked) may only shorten it.
    fn approve(&self, id: u64, duration: u64, comment: &str) -> Result<Elevation, Error>;
    /// Decide against a pending elevation.
    fn deny(&self, id: u64, comment: &str) -> Result<Elevation, Error>;
    /// Take back a pending request of one's own.
    fn cancel(&self, id: u64) -> Result<Elevation, Error>;
    /// End an active elevation of one's own; 0 ends all of them. Gives those that ended.
    fn end(&self, id: u64) -> Result<Vec<Elevation>, Error>;
    /// End somebody's active elevation.
    fn revoke(&self, id: u64, comment: &str) -> Result<Elevation, Error>;
    /// End all active elevations of a user and a role (empty: of any). Gives those that ended.
    fn revoke_matching(
        &self,
        user: &str,
        role: &str,
        comment: &str,
    ) -> Result<Vec<Elevation>, Error>;
    /// One elevation.
    fn get(&self, id: u64) -> Result<Elevation, Error>;
    /// Elevations the caller may see.
    fn list(&self, filter: &Filter) -> Result<Vec<Elevation>, Error>;
    /// What waits for the caller's decision.
    fn pending(&self) -> Result<Vec<Elevation>, Error>;
    /// Where the caller stands.
    fn status(&self) -> Result<Status, Error>;

    /// An elevation came into a state, and the host has been made to match.
    #[zbus(signal)]
    fn state_changed(&self, id: u64, state: &str) -> zbus::Result<()>;
}

/// `org.jitd1.Policy`, as people call it.
#[zbus::proxy(
    interface = "org.jitd1.Policy",
    default_service = "org.jitd1",
    default_path = "/org/jitd1"
)]
pub trait Policy {
    /// Names of the groups whose members are managed. Only root.
    fn managed(&self) -> Result<Vec<String>, Error>;
    /// Read the policy files again; they come into force whole or not at all. Gives how many
    /// elevations that has ended. Without any role they are taken only where nothing is held, or
    /// with `all_may_end`. Only root.
    fn reload(&self, all_may_end: bool) -> Result<u32, Error>;
    /// The policy in force, every default said: TOML. Root and auditors.
    fn show(&self) -> Result<String, Error>;
    /// What would come of a request, and why. Root and auditors; everybody about themselves.
    fn explain(
        &self,
        user: &str,
        role: &str,
        options: &RequestOptions,
    ) -> Result<Explanation, Error>;
    /// How the host differs from what the elevations say. Root and auditors.
    fn drift(&self) -> Result<Drift, Error>;
}

/// `org.jitd1.Audit`, as people call it.
#[zbus::proxy(
    interface = "org.jitd1.Audit",
    default_service = "org.jitd1",
    default_path = "/org/jitd1"
)]
pub trait Audit {
    /// Events, a line of JSON each, from a stream; its last line is `{"end":SEQ}` with the number
    /// up to which the record was read, or `{"error":TEXT}`. Root and auditors read all; everybody
    /// what is about themselves, and about an elevation that they may see.
    fn read(&self, filter: &EventFilter) -> Result<OwnedFd, Error>;
    /// Move events from before a time, in milliseconds since the Unix epoch, into a file. Those of
    /// what is still open, and what came after, stay. Only root.
    fn archive(&self, before: i64) -> Result<Archive, Error>;
    /// A copy of the whole database as it is at this moment: a file without a name. Only root.
    fn copy(&self) -> Result<OwnedFd, Error>;
    /// Sessions, newest first: everybody's for root and auditors, others' own, and those of an
    /// elevation that they may see.
    fn sessions(&self, filter: &SessionFilter) -> Result<Vec<ListedSession>, Error>;
    /// The files of what sudo recorded of a session, by their names, to be read. Root and auditors.
    fn recording(&self, session: u64) -> Result<HashMap<String, OwnedFd>, Error>;
    /// Put on record that the caller has put the gate into PAM, or has taken it out. Only root.
    #[zbus(no_autostart)]
    fn gate_installed(&self, is_in: bool) -> Result<(), Error>;
}
