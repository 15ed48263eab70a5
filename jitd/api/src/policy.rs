//! What the policy says to a request.

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
