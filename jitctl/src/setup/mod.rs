//! `setup`: the gate in the PAM files of sudo and su, and sudo's group look-up.
//!
//! What to write is a pure function of what is there ([`plan`]), judged by what libpam makes of it
//! ([`gate`]); writing works on a root directory ([`apply`]); afterwards sudo and su are tried
//! ([`prove`]).

pub mod apply;
pub mod block;
pub mod diff;
mod gate;
pub mod plan;
pub mod prove;
mod see;
pub mod services;
mod sudo_conf;
