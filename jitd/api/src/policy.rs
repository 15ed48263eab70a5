//! What the policy says to a request, and how far the host is from it.

use zbus::{DeserializeDict, SerializeDict, wire::Type};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Step {
    /// The key of the policy that it depends on.
    pub key: String,
    /// Where that is said, as `FILE:LINE`; empty when the program's own value counts.
    pub place: String,
    /// Whether it speaks for it.
    pub holds: bool,
    /// What was found, in words.
    pub text: String,
}

/// What would come of a request. The last step is the one that decides.
#[derive(Debug, Clone, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Explanation {
    /// `automatic`, `needs` or `refused`.
    pub outcome: String,
    /// Whose yes it needs, like `2 of group:dba`.
    pub needs: Vec<String>,
    /// What was looked at, in order.
    pub steps: Vec<Step>,
}

/// A membership that gives what a role gives, without an elevation.
#[derive(Debug, Clone, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Standing {
    /// Who has it.
    pub user: String,
    /// The group.
    pub group: String,
    /// A role that gives it.
    pub role: String,
}

/// How the host differs from what the elevations say.
#[derive(Debug, Clone, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct Drift {
    /// Why the host does not match yet; it is tried again.
    pub trouble: Option<String>,
    /// Standing privilege, which jitd leaves alone.
    pub standing: Vec<Standing>,
}
