//! `setup`: the gate in the PAM files of sudo and su, and sudo's group look-up.
//!
//! What to write is a pure function of what is there ([`plan`]); writing works
//! on a root directory ([`apply`]); afterwards sudo and su are tried ([`prove`]).

pub mod apply;
pub mod block;
pub mod diff;
pub mod plan;
pub mod prove;
