//! Errors as they have names on the bus.

use zbus::DBusError;

/// Why jitd did not do what it was asked: `org.jitd1.Error.*`.
///
/// The text says what was wrong and what to type next.
#[derive(Debug, Clone, PartialEq, DBusError)]
#[zbus(prefix = "org.jitd1.Error")]
pub enum Error {
    /// The bus itself failed: jitd is not reachable, or something that is not jitd's error.
    #[zbus(error)]
    ZBus(zbus::Error),
    /// The caller may not do this.
    NotAllowed(String),
    /// There is no such role or elevation, or the caller may not know of it.
    NotFound(String),
    /// An argument is malformed or out of bounds.
    InvalidArgument(String),
    /// The elevation is not in a state in which this can be done.
    WrongState(String),
    /// Too much at once, of one caller.
    LimitExceeded(String),
    /// jitd could not do it: its disk, its database, its host.
    Failed(String),
}

impl Error {
    /// The text for people, without the name.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::ZBus(cause) => cause.to_string(),
            Self::NotAllowed(text)
            | Self::NotFound(text)
            | Self::InvalidArgument(text)
            | Self::WrongState(text)
            | Self::LimitExceeded(text)
            | Self::Failed(text) => text.clone(),
        }
    }
}
