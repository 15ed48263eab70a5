//! What a role demands of those who ask for it, and of its end.

use super::policy::People;
use super::schedule::Schedule;
use super::time::Seconds;

/// What a role demands of a reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReasonRule {
    /// Whether there must be one.
    pub required: bool,
    /// Fewest characters, when one is given or required.
    pub min_length: usize,
    /// Reasons that are offered; others are taken too.
    pub choices: Vec<String>,
}

/// What a role demands of a ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketRule {
    /// Whether there must be one.
    pub required: bool,
    /// What one must look like.
    pub pattern: Option<Pattern>,
}

/// A regular expression, found anywhere in a text unless it is anchored.
#[derive(Debug, Clone)]
pub struct Pattern(regex::Regex);

impl Pattern {
    /// Most bytes that a compiled pattern may take.
    const LARGEST: usize = 256 * 1024;

    /// Compiles it.
    ///
    /// # Errors
    /// It is no regular expression, or one that would take too much memory.
    pub fn new(text: &str) -> Result<Self, String> {
        regex::RegexBuilder::new(text)
            .size_limit(Self::LARGEST)
            .build()
            .map(Self)
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "takes too much memory".to_owned(),
                // The last line says what is wrong; those before it draw where.
                other => other
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_owned(),
            })
    }

    /// Whether a text has it.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

/// When nobody is asked. All of it must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoApprove {
    /// In which the elevation must begin; always without it.
    pub schedule: Option<Schedule>,
    /// Longest length.
    pub max_duration: Option<Seconds>,
    /// What the ticket must look like.
    pub ticket: Option<Pattern>,
}

/// How much time one person may hold a role within a sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// So much.
    pub time: Seconds,
    /// In any stretch of this length.
    pub per: Seconds,
}

/// Who may take a role at once, to answer for it afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// They.
    pub people: People,
    /// Longest length.
    pub max_duration: Seconds,
}

/// Where memberships are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Backend {
    /// In /etc/group and /etc/gshadow.
    #[default]
    Files,
    /// In drop-ins of /run/userdb.
    Userdb,
}

impl Backend {
    /// The word for it in the policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Userdb => "userdb",
        }
    }
}

/// What becomes of processes that still hold a role's groups when it ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnEnd {
    /// They end too.
    #[default]
    Terminate,
    /// They go on.
    Keep,
}

impl OnEnd {
    /// The word for it in the policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Keep => "keep",
        }
    }
}
