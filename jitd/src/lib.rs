//! jitd gives privilege when it was approved, and takes it back when its time is up.
//!
//! One engine, four doors in (people, the gate, the clock, start-up), one way through:
//! decide (pure) → commit (durable) → reconcile (idempotent) → tell.

pub mod bus;
pub mod clock;
pub mod daemon;
pub mod domain;
pub mod engine;
pub mod paths;
pub mod policy_file;
pub mod reconcile;
pub mod record;
pub mod store;
