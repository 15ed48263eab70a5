//! The record: what happened, in the words of jitd-events(7).
//!
//! An [`Event`] is committed in the transaction of the change it tells of, and is then
//! [`Recorded`], with its number and its link of the chain. The record is the [`Outbox`] of a
//! [`Teller`], which tells the journal and syslog on a thread of its own: nothing waits for a log,
//! and no log misses anything.
//!
//! | room | |
//! |---|---|
//! | `event`, `recorded` | what happens, and what is on record |
//! | `teller` | the thread |
//! | `delivery`, `outbox` | which log is told what, and how far it has been |
//! | `logs`, `peer`, `datagrams` | which logs there are, and what they have read |
//! | `line`, `logfmt`, `journal`, `syslog_line` | what they are told |
//! | `note` | what jitd has to say about itself |
#![forbid(unsafe_code)]

mod catalogue;
mod datagrams;
mod delivery;
mod event;
mod journal;
mod line;
mod logfmt;
mod logs;
mod note;
mod outbox;
mod peer;
mod recorded;
mod syslog_line;
mod teller;

pub use catalogue::{EventName, Severity};
pub use event::{Event, Subject};
pub use note::{Priority, note};
pub use outbox::{Outbox, Told, Unreadable};
pub use recorded::Recorded;
pub use teller::Teller;
