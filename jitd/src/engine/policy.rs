//! A new policy: checked whole, then swapped whole, with what it ends.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};

use sha2::{Digest, Sha256};

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

/// Who had the policy read.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// Somebody.
    Caller(&'a Caller),
    /// Nobody knows: a signal.
    Signal,
    /// jitd, at its start.
    Start,
}

impl By<'_> {
    fn told(self, event: Event) -> Event {
        match self {
            Self::Caller(caller) => event.by(caller),
            Self::Signal => event.with("by", "SIGHUP"),
            Self::Start => event.with("by", "jitd"),
        }
    }
}

/// What a new policy may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayEnd {
    /// What it no longer allows.
    Some,
    /// Everything there is: whoever has it read has said so.
    All,
}

/// The SHA-256 of what `jitctl policy show` prints.
fn digest(policy: &Policy) -> String {
    format!("{:x}", Sha256::digest(jitd_policy::show::toml(policy)))
}

impl Engine {
    /// Puts a policy into force that somebody had read. What it no longer allows ends; gives how
    /// many that were.
    ///
    /// # Errors
    /// It has mistakes, or no role while somebody holds something and nobody said that this may
    /// end, or who holds what could not be looked up; then the old one stays.
    pub async fn adopt(
        &self,
        read: Result<Policy, Vec<PolicyError>>,
        by: By<'_>,
        may_end: MayEnd,
    ) -> Result<usize, EngineError> {
        match read {
            Ok(policy) => self.swap(Arc::new(policy), by, may_end).await,
            Err(errors) => {
                let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
                let first = texts.first().cloned().unwrap_or_default();
                self.put_on_record(self.policy_refused(&first, by)).await?;
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

    async fn swap(
        &self,
        policy: Arc<Policy>,
        by: By<'_>,
        may_end: MayEnd,
    ) -> Result<usize, EngineError> {
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
            if policy.roles.is_empty() && may_end == MayEnd::Some {
                has_nothing_to_end(&open)?;
            }
            let mut changes = vec![Change::alone(self.policy_loaded(&policy, by))];
            changes.extend(ended_by(&policy, &open, &holders, &now));
            let ended = changes.len().saturating_sub(1);
            // What follows goes by it; should it not become durable, the old one comes back.
            let old = self.put_in_force(PolicyInForce::Loaded(policy));
            let settled = self.settle(open, changes, &now).await;
            if settled.is_err() {
                self.put_in_force(old);
            }
            return settled.map(|_| ended);
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
        let (open, now) = self.begin().await;
        let elevations = open.elevations.values();
        let gone = |elevation: &&Elevation| policy.role(elevation.role.as_str()).is_none();
        let changes: Vec<Change> = elevations
            .filter(gone)
            .map(|elevation| end(elevation, "the role is no longer in the policy", &now))
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.settle(open, changes, &now).await.map(drop)
    }

    /// Ends everything that is open, because the package is being removed, by whom that was asked
    /// for; on record also where nothing is open.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn withdraw(&self, by: Option<&Caller>) -> Result<(), EngineError> {
        let (open, now) = self.begin().await;
        let event = Event::of_none(EventName::DaemonWithdrawn, now.wall);
        let event = match by {
            Some(caller) => event.by(caller),
            None => event.with("by", "root"),
        };
        let elevations = open.elevations.values();
        let ended = elevations.map(|elevation| end(elevation, "jitd is being removed", &now));
        let changes = std::iter::once(Change::alone(event)).chain(ended).collect();
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

    pub(super) fn policy_loaded(&self, policy: &Policy, by: By<'_>) -> Event {
        let now = self.shared.clock.now();
        by.told(Event::of_none(EventName::PolicyLoaded, now.wall))
            .with("roles", policy.roles.len().to_string())
            .with("digest", digest(policy))
    }

    /// The digest is that of the policy that stays in force.
    pub(super) fn policy_refused(&self, why: &str, by: By<'_>) -> Event {
        let now = self.shared.clock.now();
        let in_force = self.policy_in_force();
        let digest = in_force.loaded().map(|policy| digest(policy));
        by.told(Event::of_none(EventName::PolicyRefused, now.wall))
            .with("error", why)
            .with("digest", digest.unwrap_or_default())
    }

    pub(super) async fn put_on_record(&self, event: Event) -> Result<(), EngineError> {
        let (open, now) = self.begin().await;
        let change = Change::alone(event);
        self.settle(open, vec![change], &now).await.map(drop)
    }
}

/// A policy without roles is more often a file that was lost than meant.
fn has_nothing_to_end(open: &Open) -> Result<(), Refusal> {
    let held = open.elevations.values();
    let held = held.filter(|elevation| elevation.grant.is_some()).count();
    if held == 0 {
        return Ok(());
    }
    let held = match held {
        1 => "the elevation that is held or granted".to_owned(),
        more => format!("all {more} elevations that are held or granted"),
    };
    Err(Refusal::WrongState(format!(
        "the policy has no role, so that it would end {held}; the old one stays in force. If it is meant: jitctl policy reload --yes"
    )))
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

pub(super) fn end(elevation: &Elevation, why: &str, now: &Now) -> Change {
    let ended = decide::end_by_policy(elevation, now);
    let event = Event::new(EventName::Revoked, &ended, now.wall)
        .with("by", "jitd")
        .with("comment", why);
    Change::of(ended, event)
}
