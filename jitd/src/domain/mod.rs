//! Roles, elevations and policy decisions: pure, without input, output or a clock.
#![forbid(unsafe_code)]

pub mod decide;
pub mod desired;
pub mod elevation;
pub mod names;
pub mod person;
pub mod policy;
pub mod text;
pub mod time;
