//! A new policy: checked whole, then swapped whole, with what it ends.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use super::state::Open;
use super::{Engine, EngineError, PolicyInForce};
use crate::directory;
use crate::domain::decide::{self, Refusal};
use crate::domain::elevation::Elevation;
use crate::domain::person::{Caller, Person};
use crate::domain::policy::Policy;
use crate::domain::time::Now;
use crate::policy_file::PolicyError;
use crate::record::{Event, EventName};
use crate::store::Change;

impl Engine {
    /// Puts a policy into force that somebody (nobody: a signal) had read. What it no longer
    /// allows ends.
    ///
    /// # Errors
    /// It has mistakes, or who holds what could not be looked up; then the old one stays.
    pub async fn adopt(
        &self,
        read: Result<Policy, Vec<PolicyError>>,
        by: Option<&Caller>,
    ) -> Result<(), EngineError> {
        match read {
            Ok(policy) => self.swap(Arc::new(policy), by).await,
            Err(errors) => {
                let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
                let event = self.policy_event(EventName::PolicyRefused, by);
                let first = texts.first().cloned().unwrap_or_default();
                self.put_on_record(event.with("error", first)).await?;
                Err(Refusal::InvalidArgument(texts.join("\n")).into())
            }
        }
    }

    /// Refuses those who are not root.
    ///
    /// # Errors
    /// The caller is not root.
    pub async fn only_root(&self, caller: &Caller, tried: &'static str) -> Result<(), EngineError> {
        if caller.is_root() {
            return Ok(());
        }
        let refusal = Refusal::NotAllowed(format!("only root may do this: sudo jitctl {tried}"));
        self.on_record(caller, tried, None, Err(refusal.into()))
            .await
    }

    async fn swap(&self, policy: Arc<Policy>, by: Option<&Caller>) -> Result<(), EngineError> {
        loop {
            let seen = self.holders().await;
            // The directory may be slow: it is asked while nobody waits for us.
            let directory = self.shared.directory.as_ref();
            let mut holders = HashMap::new();
            for uid in seen {
                holders.insert(uid, directory::holder(directory, uid).await?);
            }
            let (open, now) = self.begin().await;
            let known = |elevation: &Elevation| holders.contains_key(&elevation.uid);
            if !open.elevations.values().all(known) {
                // Somebody has asked meanwhile.
                continue;
            }
            let mut changes = vec![Change::alone(
                self.policy_event(EventName::PolicyLoaded, by)
                    .with("roles", policy.roles.len().to_string()),
            )];
            changes.extend(ended_by(&policy, &open, &holders, &now));
            // What follows goes by it; should it not become durable, the old one comes back.
            let old = self.put_in_force(PolicyInForce::Loaded(policy));
            let settled = self.settle(open, changes, &now).await.map(drop);
            if settled.is_err() {
                self.put_in_force(old);
            }
            return settled;
        }
    }

    /// Ends elevations whose role is no longer in the policy: at start-up, when the directory may
    /// not be up yet, so that nothing else can be said.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn end_what_policy_ended(&self) -> Result<(), EngineError> {
        let Ok(policy) = self.policy() else {
            return Ok(());
        };
        let gone = |elevation: &Elevation| policy.role(elevation.role.as_str()).is_none();
        self.end_all("the role is no longer in the policy", gone)
            .await
    }

    /// Ends everything that is open, because the package is being removed.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn end_everything(&self) -> Result<(), EngineError> {
        self.end_all("jitd is being removed", |_| true).await
    }

    async fn end_all(
        &self,
        why: &str,
        which: impl Fn(&Elevation) -> bool,
    ) -> Result<(), EngineError> {
        let (open, now) = self.begin().await;
        let elevations = open.elevations.values();
        let changes: Vec<Change> = elevations
            .filter(|elevation| which(elevation))
            .map(|elevation| end(elevation, why, &now))
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.settle(open, changes, &now).await.map(drop)
    }

    async fn holders(&self) -> BTreeSet<u32> {
        let (open, _) = self.begin().await;
        open.elevations
            .values()
            .map(|elevation| elevation.uid)
            .collect()
    }

    pub(super) fn put_in_force(&self, policy: PolicyInForce) -> PolicyInForce {
        self.shared.gate.learn_policy(policy.clone());
        let mut in_force = self
            .shared
            .policy
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *in_force, policy)
    }

    fn policy_event(&self, name: EventName, by: Option<&Caller>) -> Event {
        let event = Event::of_none(name, self.shared.clock.now().wall);
        match by {
            Some(caller) => event.by(caller),
            None => event.with("by", "SIGHUP"),
        }
    }

    pub(super) async fn put_on_record(&self, event: Event) -> Result<(), EngineError> {
        let (open, now) = self.begin().await;
        let change = Change::alone(event);
        self.settle(open, vec![change], &now).await.map(drop)
    }
}

fn ended_by<'a>(
    policy: &'a Policy,
    open: &'a Open,
    holders: &'a HashMap<u32, Option<Person>>,
    now: &'a Now,
) -> impl Iterator<Item = Change> + 'a {
    open.elevations.values().filter_map(move |elevation| {
        // One whom the directory does not find may only be out of its reach. Their account is
        // of no use to anybody meanwhile, and the elevation ends by its time.
        let holder = holders.get(&elevation.uid).and_then(Option::as_ref);
        decide::unfounded(policy, elevation, holder).map(|why| end(elevation, why, now))
    })
}

fn end(elevation: &Elevation, why: &str, now: &Now) -> Change {
    let ended = decide::end_by_policy(elevation, now);
    let event = Event::new(EventName::Revoked, &ended, now.wall)
        .with("by", "jitd")
        .with("comment", why);
    Change::of(ended, event)
}
