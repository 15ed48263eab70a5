//! jitd gives privilege when it was approved, and takes it back when its time is up.
//!
//! One engine, four doors in (people, the gate, the clock, start-up), one way through:
//! decide (pure) → commit (durable) → reconcile (idempotent) → tell.

pub use jitd_policy::{command, domain, file as policy_file, nsswitch, sudoers};

pub mod asked;
pub mod bus;
pub mod clock;
mod crash;
pub mod daemon;
mod dbus;
pub mod directory;
pub mod engine;
mod logins;
pub mod paths;
pub mod policy_source;
mod process_end;
pub mod reconcile;
pub mod record;
pub mod store;
pub mod terminals;
pub mod watch;
