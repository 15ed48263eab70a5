//! PAM's service files as libpam reads them, and what they come to.
//!
//! One reader ([`line`], [`control`], [`folder`], [`stack`]) and one walk ([`walk`]), in which
//! libpam's own loops can be recognised; on top of them what `setup` and `doctor` ask
//! ([`judge`]). That both do what libpam does is tried against the real one, with stacks made by
//! chance.

pub mod control;
pub mod folder;
pub mod judge;
pub mod line;
pub mod stack;
pub mod walk;

use std::fmt;

/// A stage of PAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Who are you?
    Auth,
    /// May you, now?
    Account,
    /// What is opened and closed.
    Session,
    /// A new password.
    Password,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auth, Self::Account, Self::Session, Self::Password];

    /// The stage of this word; libpam takes it in any case.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        let same = |stage: &Self| stage.as_str().eq_ignore_ascii_case(word);
        Self::ALL.into_iter().find(same)
    }

    /// The word in the first column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Session => "session",
            Self::Password => "password",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
