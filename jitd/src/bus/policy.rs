//! `org.jitd1.Policy`: what is in force, and what it says to a request.

use jitd_api::{Drift, Error, Explanation, MAX_ACCOUNT_NAME, RequestOptions};
use zbus::message::Header;

use super::caller::{Callers, Visitor};
use super::wire;
use crate::domain::decide::Refusal;
use crate::engine::{By, Engine, MayEnd};
use crate::policy_source::{self, Groups};

pub(super) struct PolicyInterface {
    engine: Engine,
    callers: Callers,
}

impl PolicyInterface {
    pub(super) fn new(engine: Engine, callers: Callers) -> Self {
        Self { engine, callers }
    }

    async fn root(&self, header: &Header<'_>, tried: &'static str) -> Result<Visitor, Error> {
        let caller = self.callers.identify(header).await?;
        let allowed = self.engine.only_root(&caller, tried).await;
        allowed.map_err(wire::error)?;
        Ok(caller)
    }
}

#[zbus::interface(name = "org.jitd1.Policy")]
impl PolicyInterface {
    /// The groups by which `pam_jit` knows managed people. Only root.
    async fn managed(&self, #[zbus(header)] header: Header<'_>) -> Result<Vec<String>, Error> {
        self.root(&header, "setup").await?;
        Ok(self.engine.policy().map_err(wire::error)?.managed_groups())
    }

    /// Reads the policy files again; they come into force whole or not at all. Gives how many
    /// elevations that has ended. Without any role they are taken only where nothing is held, or
    /// where the caller says that all of it may end. Only root.
    async fn reload(
        &self,
        #[zbus(header)] header: Header<'_>,
        all_may_end: bool,
    ) -> Result<u32, Error> {
        let caller = self.root(&header, "policy reload").await?;
        let read = tokio::task::spawn_blocking(|| policy_source::load(Groups::Known)).await;
        let read = read.map_err(|error| Error::Failed(error.to_string()))?;
        let may_end = if all_may_end {
            MayEnd::All
        } else {
            MayEnd::Some
        };
        let adopted = self.engine.adopt(read, By::Caller(&caller), may_end).await;
        let ended = adopted.map_err(wire::error)?;
        Ok(u32::try_from(ended).unwrap_or(u32::MAX))
    }

    /// The policy in force, every default said: TOML. Root and auditors.
    async fn show(&self, #[zbus(header)] header: Header<'_>) -> Result<String, Error> {
        let caller = self.callers.identify(&header).await?;
        if !self.engine.reads_all(&caller) {
            return Err(Error::NotAllowed(
                "only root and auditors may see the whole policy; what you may ask for: jitctl status"
                    .to_owned(),
            ));
        }
        let policy = self.engine.policy().map_err(wire::error)?;
        Ok(jitd_policy::show::toml(&policy))
    }

    /// What would come of a request, and why. Root and auditors; everybody about themselves.
    async fn explain(
        &self,
        #[zbus(header)] header: Header<'_>,
        user: &str,
        role: &str,
        options: RequestOptions,
    ) -> Result<Explanation, Error> {
        for name in [user, role] {
            if name.len() > MAX_ACCOUNT_NAME {
                return Err(Error::InvalidArgument(format!(
                    "a name has at most {MAX_ACCOUNT_NAME} bytes"
                )));
            }
        }
        let caller = self.callers.identify(&header).await?;
        let person = if caller.account.name.as_str() == user {
            caller.account.clone()
        } else if self.engine.reads_all(&caller) {
            self.callers.named(user).await?
        } else {
            let refusal = Refusal::NotAllowed(
                "only root and auditors may ask about others; about yourself: jitctl policy explain USER ROLE"
                    .to_owned(),
            );
            return Err(wire::error(refusal.into()));
        };
        let explained = self.engine.explain(&person, role, &options).await;
        explained.map_err(wire::error)
    }

    /// How the host differs from what the elevations say. Root and auditors.
    async fn drift(&self, #[zbus(header)] header: Header<'_>) -> Result<Drift, Error> {
        let caller = self.callers.identify(&header).await?;
        if !self.engine.reads_all(&caller) {
            return Err(Error::NotAllowed(
                "only root and auditors may see who else holds what".to_owned(),
            ));
        }
        let standing = self.engine.standing(self.callers.directory()).await;
        let standing = standing.map_err(wire::error)?;
        Ok(Drift {
            trouble: self.engine.trouble(),
            standing: standing.iter().map(wire::standing).collect(),
        })
    }
}
