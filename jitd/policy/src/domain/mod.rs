//! Roles, elevations and policy decisions: pure, without input, output or a clock.

pub mod account;
pub mod approvals;
pub mod assess;
pub mod budget;
pub mod clocks;
pub mod decide;
pub mod desired;
pub mod elevation;
pub mod names;
pub mod person;
pub mod policy;
pub mod rules;
pub mod schedule;
pub mod session;
pub mod text;
pub mod time;
