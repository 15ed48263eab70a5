//! The one place where a state changes.
//!
//! Five doors lead here: people, the gate, the clock, the host, and start-up. Behind each there is one
//! way: decide (pure) → commit (durable) → reconcile (idempotent) → tell.
//!
//! | room | |
//! |---|---|
//! | `asking`, `deciding`, `ending`, `reading`, `recordings` | the door for people |
//! | `gate` | the door for `pam_jit` |
//! | `due`, `warnings` | the door for the clock |
//! | `clocks` | the clocks themselves: set, or of another boot |
//! | `drift`, `accounts` | the door for what others change on the host |
//! | `policy` | a new policy, and what it ends |
//! | `sessions` | what is opened under an elevation, and ends with it |
//! | `standing` | who has for good what a role gives |
//! | `running` | jitd's own start and stop, and what it found to do |
//! | `settle` | commit → reconcile → tell, the same for all of them |
//! | `backlog` | what ended and could not be put on record yet |
//! | `attempts`, `refusals` | what people tried and may not |
//! | `floods` | how that comes on record without flooding it |
#![forbid(unsafe_code)]

mod accounts;
mod asking;
mod attempts;
mod backlog;
mod clocks;
mod deciding;
mod drift;
mod due;
mod ending;
mod error;
mod floods;
mod gate;
mod keeping;
mod policy;
mod reading;
mod recordings;
mod refusals;
mod running;
mod sessions;
mod settle;
mod standing;
mod state;
mod warnings;

pub use accounts::Whose;
pub use error::EngineError;
pub use gate::{Gate, GateVerdict};
pub use policy::{By, MayEnd};
pub use refusals::Refusal;
pub use running::{CaughtUp, FirstWord, Stock};
pub use sessions::{Opened, Opening};
pub use standing::Standing;
pub use state::{Engine, Host, PolicyInForce, StateChange};

#[cfg(test)]
mod tests;
