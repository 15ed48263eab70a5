//! The record as jitd-events(7) describes it: its events, its chain, and what logs say of it.

pub(crate) mod chain;
pub(crate) mod event;
pub(crate) mod log;
pub(crate) mod pins;
pub(crate) mod stream;
