//! The contract of `jitd`: the names it has on the system bus, what travels over
//! it, the errors it answers with, and proxies for those who call it.
//!
//! Nothing here does any input or output of its own.
#![forbid(unsafe_code)]

mod audit;
#[cfg(feature = "chain")]
mod chain;
mod elevation;
mod error;
mod gate;
mod policy;
#[cfg(feature = "proxy")]
mod proxy;

pub use audit::{Archive, EventFilter, ListedSession, SessionFilter};
#[cfg(feature = "chain")]
pub use chain::{Link, NotALink};
pub use elevation::{
    Decision, Elevation, Filter, RequestOptions, Role, Session, State, Status, UnknownState,
    Verdict,
};
pub use error::Error;
pub use gate::GateAnswer;
pub use policy::{Drift, Explanation, Standing, Step};
#[cfg(feature = "proxy")]
pub use proxy::{AuditProxy, ElevationsProxy, PolicyProxy, StateChanged, StateChangedStream};

/// The well-known name on the system bus.
pub const BUS_NAME: &str = "org.jitd1";
/// The socket at which `pam_jit` asks, in a folder that only root can enter. It carries D-Bus
/// messages without a bus and without its handshake; the kernel says who is at either end.
pub const GATE_SOCKET: &str = "/run/jitd/gate";
/// The one object.
pub const OBJECT_PATH: &str = "/org/jitd1";
/// Where `pam_jit` asks; only root may call.
pub const GATE_INTERFACE: &str = "org.jitd1.Gate";
/// Where people ask, decide and look.
pub const ELEVATIONS_INTERFACE: &str = "org.jitd1.Elevations";
/// Where the record is read.
pub const AUDIT_INTERFACE: &str = "org.jitd1.Audit";
/// Where the policy is asked about.
pub const POLICY_INTERFACE: &str = "org.jitd1.Policy";

/// The system bus, as a constant: a variable of the environment must not lead jitd elsewhere.
pub const SYSTEM_BUS_ADDRESS: &str = "unix:path=/run/dbus/system_bus_socket";

/// Longest reason or comment, in bytes of UTF-8.
pub const MAX_TEXT: usize = 1024;
/// Longest ticket, in bytes of UTF-8.
pub const MAX_TICKET: usize = 128;
/// Longest name of a role or service, in bytes.
pub const MAX_NAME: usize = 64;
/// Longest name of a user or group, in bytes: what Linux keeps of one (`LOGIN_NAME_MAX`).
pub const MAX_ACCOUNT_NAME: usize = 256;
/// Most sessions in what is told of one elevation: the last ones.
pub const MAX_SESSIONS: u32 = 500;
/// Most elevations in one answer to `List`.
pub const MAX_LIST: u32 = 1000;
