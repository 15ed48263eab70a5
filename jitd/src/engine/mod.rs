//! The one place where a state changes.
//!
//! Four doors lead here: people, the gate, the clock, and start-up. Behind each there is one
//! way: decide (pure) → commit (durable) → reconcile (idempotent) → tell.
#![forbid(unsafe_code)]

mod error;
mod gate;
mod people;
mod settle;
mod state;

pub use error::EngineError;
pub use gate::{Gate, GateVerdict};
pub use state::{Engine, PolicyInForce, StateChange};

#[cfg(test)]
mod tests;
