//! The record: what happened, in the words of jitd-events(7).
//!
//! An [`Event`] is committed in the transaction of the change it tells of. Once it is durable
//! and has its number, a [`Teller`] writes it to the journal or, without one, to syslog, on a
//! thread of its own: a stalled log never holds up an elevation.
#![forbid(unsafe_code)]

mod event;
mod journal;
mod logfmt;
mod note;
mod syslog_socket;
mod teller;

pub use event::{Event, EventName, Recorded, Severity, Subject};
pub use note::{Priority, note};
pub use teller::Teller;
