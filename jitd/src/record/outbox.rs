//! What is to be told, and how far it has been.

use super::Recorded;

/// How far the record has been told: the number of the last event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// To the journal.
    pub journal: u64,
    /// To syslog.
    pub syslog: u64,
}

/// Why it is not known what to tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// One of the events that were asked for makes no sense.
    #[error("{0}")]
    Event(String),
    /// All of it, for now.
    #[error("{0}")]
    Record(String),
}

/// The record, as a [`super::Teller`] sees it.
pub trait Outbox: Send {
    /// How far it has been told.
    ///
    /// # Errors
    /// The database is broken.
    fn told(&mut self) -> Result<Told, Unreadable>;

    /// At most so many events after this one, in their order.
    ///
    /// # Errors
    /// The database is broken, or has something in it that makes no sense.
    fn after(&mut self, seq: u64, most: usize) -> Result<Vec<Recorded>, Unreadable>;

    /// Notes how far it has been told.
    ///
    /// # Errors
    /// The disk is full, or the database broken.
    fn note(&mut self, told: Told) -> Result<(), String>;
}
