//! Roles and the decisions on them, and the files that say so.
//!
//! | room | |
//! |---|---|
//! | `domain` | roles, elevations, decisions: pure, no I/O, no clock |
//! | `command` | whether a role gives what sudo was asked for |
//! | `file` | from TOML to a checked policy, with exact errors |
//! | `nsswitch` | whether a host sees memberships that are kept in drop-ins |
//! | `sudoers` | what a policy means to sudo |
//! | `show`, `explain`, `expect` | a policy in full, a decision step by step, a table of expectations |
//!
//! The daemon decides by it; the command line checks and explains with the same code.
#![forbid(unsafe_code)]

pub mod command;
pub mod domain;
pub mod expect;
pub mod explain;
pub mod file;
pub mod nsswitch;
pub mod show;
pub mod sudoers;
