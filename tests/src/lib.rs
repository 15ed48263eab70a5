//! Throwaway Debian machines for end-to-end tests.
//!
//! A [`Machine`] is a booted Debian 12 or 13 with systemd, D-Bus, sshd and
//! sudo, in namespaces of its own, over an overlay that is thrown away. Its
//! only network is loopback. Nothing on the machine that builds is touched
//! but the folder `lab` under the target folder.
//!
//! ```no_run
//! use jit_tests::{Machine, Release};
//!
//! let machine = Machine::builder(Release::Bookworm)
//!     .user_in("carol", &["contractors"])
//!     .boot();
//! let carol = machine.ssh("carol");
//! carol.run("sudo -n id").fails_with(1);
//! ```
//!
//! These are tests' means: whatever goes wrong here panics with what was
//! tried and what came back. Every wait has a time limit.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "in a test library a panic is the report of a failure, and waiting is an effect"
)]
#![forbid(unsafe_code)]

mod account_lock;
mod background;
mod builder;
mod cgroup;
mod container;
mod door;
pub mod failpoints;
mod layer;
mod machine;
mod output;
pub mod packages;
pub mod past;
pub mod python;
mod quote;
pub mod recorded;
mod release;
mod root;
pub mod scene;
mod shell;
mod slow;
mod streams;
mod terminal;
mod wait;
mod workplace;

pub use account_lock::AccountLock;
pub use background::Background;
pub use builder::MachineBuilder;
pub use machine::Machine;
pub use output::Output;
pub use release::Release;
pub use shell::{Shell, ShellEnded};
pub use slow::Slowed;
pub use terminal::Terminal;
pub use wait::{LIMIT, wait_until};
