//! Elevations as they travel over the bus.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zbus::{DeserializeDict, SerializeDict, wire::Type};

/// Where an elevation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waits for a decision.
    Pending,
    /// Was approved and waits for its time.
    Scheduled,
    /// Gives its privilege now.
    Active,
    /// Its time was up.
    Expired,
    /// Its holder ended it.
    Released,
    /// Someone else, or a change of policy, ended it.
    Revoked,
    /// An approver said no.
    Denied,
    /// Its requester took it back before a decision.
    Cancelled,
    /// Nobody decided in time.
    Lapsed,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Scheduled,
        Self::Active,
        Self::Expired,
        Self::Released,
        Self::Revoked,
        Self::Denied,
        Self::Cancelled,
        Self::Lapsed,
    ];

    /// The word for it, the same in the database, on the bus, in logs and on the terminal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Released => "released",
            Self::Revoked => "revoked",
            Self::Denied => "denied",
            Self::Cancelled => "cancelled",
            Self::Lapsed => "lapsed",
        }
    }

    /// Whether something can still become of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Scheduled | Self::Active)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is not a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown state {0:?}: expected one of pending, scheduled, active, expired, released, revoked, denied, cancelled, lapsed"
)]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownState(word.to_owned()))
    }
}

/// One person's yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Yes.
    Approved,
    /// No.
    Denied,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Verdict {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "approved" => Ok(Self::Approved),
            "denied" => Ok(Self::Denied),
            _ => Err(UnknownState(word.to_owned())),
        }
    }
}

/// One decision on an elevation.
#[derive(Debug, Clone, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Decision {
    /// Name of the person who decided.
    pub by: String,
    /// `approved` or `denied`.
    pub verdict: String,
    /// What they said with it; may be empty.
    pub comment: String,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
}

/// One session that was opened under an elevation. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Session {
    /// Its number, for life.
    pub id: u64,
    /// The PAM service.
    pub service: String,
    /// The command line as invoked.
    pub command: String,
    /// Where it was opened; may be empty.
    pub terminal: String,
    /// From which host; may be empty.
    pub remote: String,
    /// When it was opened.
    pub opened_at: i64,
    /// When nothing of it was left; it is running without it.
    pub closed_at: Option<i64>,
}

/// One elevation, whole, as its readers see it. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Elevation {
    /// Its number, for life.
    pub id: u64,
    /// A word of [`State`].
    pub state: String,
    /// Name of the holder.
    pub user: String,
    /// Numeric id of the holder.
    pub uid: u32,
    /// Name of the role.
    pub role: String,
    /// Groups held while active.
    pub groups: Vec<String>,
    /// PAM services opened while active.
    pub services: Vec<String>,
    /// Why it was asked for; may be empty.
    pub reason: String,
    /// For which ticket; may be empty.
    pub ticket: String,
    /// Length in seconds, as asked for, or as granted where an approver shortened it.
    pub duration: u64,
    /// When it was asked for.
    pub requested_at: i64,
    /// When a pending one lapses.
    pub lapses_at: Option<i64>,
    /// When it began, or is to begin.
    pub starts_at: Option<i64>,
    /// When an active one ends.
    pub ends_at: Option<i64>,
    /// When it ended, or was decided against.
    pub ended_at: Option<i64>,
    /// Who ended it: a name, or `jitd` for the clock.
    pub ended_by: Option<String>,
    /// The one that it goes on from.
    pub extends: Option<u64>,
    /// Whether it was taken by breaking the glass.
    pub break_glass: bool,
    /// When an approver took note of that.
    pub acknowledged_at: Option<i64>,
    /// Who did.
    pub acknowledged_by: Option<String>,
    /// Who may decide, as `user:NAME` and `group:NAME`.
    pub approvers: Vec<String>,
    /// Whose yes a pending one still needs, like `2 of group:dba`.
    pub needs: Vec<String>,
    /// Who has decided.
    pub decisions: Vec<Decision>,
    /// What was opened under it, oldest first: all of it where one elevation is asked for, what
    /// is running where they are listed.
    pub sessions: Vec<Session>,
}

/// What goes with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct RequestOptions {
    /// Length in seconds; the role's default without it.
    pub duration: Option<u64>,
    /// When it is to begin, in milliseconds since the Unix epoch; once it is approved without it.
    pub start: Option<i64>,
    /// Why.
    pub reason: Option<String>,
    /// For which ticket.
    pub ticket: Option<String>,
}

/// Which elevations to list; all conditions must hold. Newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Filter {
    /// A word of [`State`].
    pub state: Option<String>,
    /// Name of the holder.
    pub user: Option<String>,
    /// Name of the role.
    pub role: Option<String>,
    /// Requested at or after this time, in milliseconds since the Unix epoch.
    pub since: Option<i64>,
    /// Requested before this time, in milliseconds since the Unix epoch.
    pub until: Option<i64>,
    /// Not over before this time, in milliseconds since the Unix epoch: still open, or ended or
    /// decided against at or after it.
    pub not_over_before: Option<i64>,
    /// With a number below this one: to go on from the last one of an answer.
    pub before: Option<u64>,
    /// At most so many; [`crate::MAX_LIST`] at the most, 100 without it.
    pub limit: Option<u32>,
}

/// A role that the caller may request or take.
#[derive(Debug, Clone, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a dictionary on the wire, each a fact of its own"
)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Length in seconds when none is asked for.
    pub default_duration: u64,
    /// Longest length in seconds.
    pub max_duration: u64,
    /// Whether a reason must be given.
    pub reason_required: bool,
    /// Reasons that are offered.
    pub reason_choices: Vec<String>,
    /// Whether a ticket must be given.
    pub ticket_required: bool,
    /// What a ticket must look like: a regular expression; may be empty.
    pub ticket_pattern: String,
    /// Whose yes it takes, like `2 of group:dba`; nobody's when empty.
    pub needs: Vec<String>,
    /// Whether the caller may ask for it.
    pub eligible: bool,
    /// Whether the caller may take it by breaking the glass.
    pub break_glass: bool,
    /// PAM services it opens.
    pub services: Vec<String>,
}

/// Where the caller stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Status {
    /// Name of the caller.
    pub user: String,
    /// Elevations of the caller that are active.
    pub active: Vec<Elevation>,
    /// Elevations of the caller that wait for their time.
    pub scheduled: Vec<Elevation>,
    /// Requests of the caller that wait.
    pub pending: Vec<Elevation>,
    /// Roles the caller may ask for, or take by breaking the glass.
    pub roles: Vec<Role>,
    /// How many requests wait for the caller's decision.
    pub to_decide: u32,
    /// How many elevations wait to be acknowledged by the caller.
    pub to_acknowledge: u32,
}
