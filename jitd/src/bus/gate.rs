//! What `pam_jit` is answered: `org.jitd1.Gate`.
//!
//! It is asked at a socket ([`super::gate_socket`]); the same interface is on the bus, for people
//! who look. The bus policy lets only root call it.

use std::time::Duration;

use jitd_api::{Error, GateAnswer, MAX_ACCOUNT_NAME, MAX_NAME};

use super::wire;
use crate::directory::HostDirectory;
use crate::engine::{Engine, Gate, GateVerdict, Opened, Opening, PolicyInForce, Refusal};

/// How long the directory may take over the roles that a refused person may ask for: the module
/// has two seconds for everything.
const PATIENCE: Duration = Duration::from_millis(800);

const JOURNAL: &str = "journalctl -u jitd";

/// The gate's word, in the words of the contract.
#[derive(Clone)]
pub(super) struct GateInterface {
    gate: Gate,
    engine: Engine,
    directory: HostDirectory,
}

impl GateInterface {
    pub(super) fn new(engine: Engine, directory: HostDirectory) -> Self {
        Self {
            gate: engine.gate(),
            engine,
            directory,
        }
    }

    /// Whether an active elevation opens a PAM service to an account now.
    ///
    /// # Errors
    /// A name that no account and no service has.
    pub(super) async fn answer(
        &self,
        uid: u32,
        user: &str,
        service: &str,
    ) -> Result<GateAnswer, Error> {
        possible_names(user, service)?;
        let verdict = self.gate.check(uid, user, service);
        if let Some(refused) = self.changed(&verdict, uid, user).await {
            return Ok(refused);
        }
        Ok(self.said(verdict, uid, service).await)
    }

    /// Whether a session may begin, which is held together from then on.
    ///
    /// # Errors
    /// A name that no account and no service has; what happens could not be made durable.
    pub(super) async fn open(&self, opening: &Opening) -> Result<GateAnswer, Error> {
        possible_names(&opening.name, &opening.service)?;
        let verdict = self
            .gate
            .check(opening.uid, &opening.name, &opening.service);
        if let Some(refused) = self.changed(&verdict, opening.uid, &opening.name).await {
            return Ok(refused);
        }
        let opened = self.engine.open_session(opening).await;
        Ok(match opened.map_err(wire::error)? {
            Opened::Under {
                elevation, ends_at, ..
            } => GateAnswer {
                allowed: true,
                elevation: Some(elevation.0),
                ends_at: Some(ends_at.0),
                ..GateAnswer::default()
            },
            Opened::Free => GateAnswer {
                allowed: true,
                ..GateAnswer::default()
            },
            Opened::Closed(verdict) => self.said(verdict, opening.uid, &opening.service).await,
            Opened::Unrecorded(why) => refused_because(&why, JOURNAL),
            Opened::Refused(why) => {
                let why = format!("the session could not be registered ({why})");
                refused_because(&why, JOURNAL)
            }
        })
    }

    /// The answer to somebody whose account is not who it was: a yes rests on name and number.
    async fn changed(&self, verdict: &GateVerdict, uid: u32, user: &str) -> Option<GateAnswer> {
        if let GateVerdict::Open { .. } = verdict {
            let confirmed = self.engine.confirm_account(uid, user).await;
            return confirmed.err().map(|why| refused_because(&why, JOURNAL));
        }
        if self.gate.contradicts(uid, user) {
            self.engine.doubt_accounts();
        }
        None
    }

    /// Takes note that somebody was not let in.
    pub(super) fn refused(&self, refusal: Refusal) {
        self.engine.refused(refusal);
    }

    async fn said(&self, verdict: GateVerdict, uid: u32, service: &str) -> GateAnswer {
        match verdict {
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
                self.closed(uid, service, pending).await
            }
            GateVerdict::BrokenPolicy => refused_because("its policy is broken", JOURNAL),
            GateVerdict::Untaken => {
                refused_because("what has ended could not be taken back yet", JOURNAL)
            }
        }
    }

    async fn closed(&self, uid: u32, service: &str, pending: Vec<u64>) -> GateAnswer {
        let roles = match self.gate.policy() {
            PolicyInForce::Loaded(policy) => {
                let person = self.directory.person_within(PATIENCE, uid).await.ok();
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
    /// Whether an active elevation opens a PAM service to an account now. The name is the
    /// account's, as the host knows it at this moment.
    async fn check(&self, uid: u32, user: &str, service: &str) -> Result<GateAnswer, Error> {
        self.answer(uid, user, service).await
    }
}

fn possible_names(user: &str, service: &str) -> Result<(), Error> {
    for (what, name, most) in [
        ("user", user, MAX_ACCOUNT_NAME),
        ("service", service, MAX_NAME),
    ] {
        if name.is_empty() || name.len() > most {
            return Err(Error::InvalidArgument(format!(
                "a {what} name has 1 to {most} bytes, not {}",
                name.len()
            )));
        }
    }
    Ok(())
}

/// A refusal that no request would change, and where to look.
pub(super) fn refused_because(why: &str, look: &str) -> GateAnswer {
    let text = format!("{why}; an administrator can look: {look}");
    GateAnswer {
        allowed: false,
        because: Some(text),
        ..GateAnswer::default()
    }
}
