//! What the gate answers.

use zbus::{DeserializeDict, SerializeDict, wire::Type};

/// The answer of `org.jitd1.Gate.Check(uid, user, service)`, and, at the gate's socket, of
/// `Open(uid, user, service, terminal, remote, left)`.
///
/// A dictionary on the wire, so that an older module in a running sshd
/// understands a newer daemon. A missing `allowed` is a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "dict")]
pub struct GateAnswer {
    /// Whether an active elevation opens the service to this person now.
    pub allowed: bool,
    /// Its number, when allowed.
    pub elevation: Option<u64>,
    /// Its end, in milliseconds since the Unix epoch, when allowed.
    pub ends_at: Option<i64>,
    /// When refused: roles that this person may request and that open the service.
    pub roles: Option<Vec<String>>,
    /// When refused: numbers of this person's requests for such roles that wait for a decision.
    pub pending: Option<Vec<u64>>,
    /// When refused for another reason than a missing elevation: that reason.
    pub because: Option<String>,
}
