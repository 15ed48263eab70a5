//! The record: what happened, in the words of jitd-events(7).
//!
//! An [`Event`] is committed in the transaction of the change it tells of, and is then
//! [`Recorded`], with its number and its link of the chain. A [`Teller`] writes it to the journal
//! or, without one, to syslog, on a thread of its own: a stalled log never holds up an elevation.
#![forbid(unsafe_code)]

mod catalogue;
mod event;
mod journal;
mod logfmt;
mod note;
mod recorded;
mod syslog_socket;
mod teller;

pub use catalogue::{EventName, Severity};
pub use event::{Event, Subject};
pub use note::{Priority, note};
pub use recorded::Recorded;
pub use teller::Teller;
