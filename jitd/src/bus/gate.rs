//! `org.jitd1.Gate`: for `pam_jit` alone. The bus policy lets only root call it.

use std::time::Duration;

use jitd_api::{Error, GateAnswer, MAX_NAME};

use super::Directory;
use crate::engine::{Gate, GateVerdict, PolicyInForce};

/// How long the directory may take over the roles that a refused person may ask for: the module
/// has two seconds for everything.
const PATIENCE: Duration = Duration::from_millis(800);

pub(super) struct GateInterface {
    gate: Gate,
    directory: Directory,
}

impl GateInterface {
    pub(super) fn new(gate: Gate, directory: Directory) -> Self {
        Self { gate, directory }
    }

    async fn refused(&self, uid: u32, service: &str, pending: Vec<u64>) -> GateAnswer {
        let roles = match self.gate.policy() {
            PolicyInForce::Loaded(policy) => {
                let person = self.directory.person(uid, PATIENCE).await.ok();
                person.map(|person| {
                    policy
                        .requestable(&person)
                        .filter(|role| role.opens(service))
                        .map(|role| role.name.to_string())
                        .collect()
                })
            }
            PolicyInForce::Broken(_) => None,
        };
        GateAnswer {
            allowed: false,
            roles,
            pending: Some(pending),
            ..GateAnswer::default()
        }
    }
}

#[zbus::interface(name = "org.jitd1.Gate")]
impl GateInterface {
    /// Whether an active elevation opens a PAM service to an account now.
    async fn check(&self, uid: u32, service: &str) -> Result<GateAnswer, Error> {
        if service.is_empty() || service.len() > MAX_NAME {
            return Err(Error::InvalidArgument(format!(
                "a service name has 1 to {MAX_NAME} bytes, not {}",
                service.len()
            )));
        }
        Ok(match self.gate.check(uid, service) {
            GateVerdict::Open { elevation, ends_at } => GateAnswer {
                allowed: true,
                elevation: Some(elevation.0),
                ends_at: Some(ends_at.0),
                ..GateAnswer::default()
            },
            GateVerdict::Closed { pending } => {
                let policy = self.gate.policy();
                let opens = |role: &str| {
                    policy
                        .loaded()
                        .and_then(|policy| policy.role(role))
                        .is_some_and(|role| role.opens(service))
                };
                let pending = pending
                    .into_iter()
                    .filter(|(_, role)| opens(role.as_str()))
                    .map(|(id, _)| id.0)
                    .collect();
                self.refused(uid, service, pending).await
            }
            GateVerdict::BrokenPolicy => GateAnswer {
                allowed: false,
                because: Some(
                    "jitd's policy is broken; an administrator can look: journalctl -u jitd"
                        .to_owned(),
                ),
                ..GateAnswer::default()
            },
        })
    }
}
