//! The program as people run it, against a service of the tests on a bus of their own.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    unreachable_pub,
    reason = "a test says what went wrong by ending, and nobody uses its items"
)]

mod asking;
mod assets;
mod audit;
mod bus;
mod changing;
mod doctor;
mod fake;
mod glass;
mod policy;
mod reading;
mod record;
mod report;
mod requesting;
mod running;
mod scene;
mod setup;
mod status;
mod statuses;
mod terminal;
