//! The one place where a state changes.
//!
//! Four doors lead here: people, the gate, the clock, and start-up. Behind each there is one
//! way: decide (pure) → commit (durable) → reconcile (idempotent) → tell.
//!
//! | room | |
//! |---|---|
//! | `asking`, `deciding`, `ending`, `reading` | the door for people |
//! | `gate` | the door for `pam_jit` |
//! | `due`, `warnings` | the door for the clock |
//! | `policy` | a new policy, and what it ends |
//! | `sessions` | what is opened under an elevation, and ends with it |
//! | `settle` | commit → reconcile → tell, the same for all of them |
//! | `attempts` | what people tried and may not |
#![forbid(unsafe_code)]

mod asking;
mod attempts;
mod deciding;
mod due;
mod ending;
mod error;
mod gate;
mod policy;
mod reading;
mod sessions;
mod settle;
mod state;
mod warnings;

pub use error::EngineError;
pub use gate::{Gate, GateVerdict};
pub use sessions::{Opened, Opening};
pub use state::{Engine, Host, PolicyInForce, StateChange};

#[cfg(test)]
mod tests;
