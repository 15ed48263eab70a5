//! The gate: may this person use this PAM service now?
//!
//! Answered from memory, against the clock, without waiting for the engine or the disk.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use jitd_api::State;

use super::PolicyInForce;
use crate::clock::Clock;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::names::RoleName;
use crate::domain::time::Wall;

/// What the gate knows. Clones share it.
#[derive(Clone)]
pub struct Gate {
    clock: Arc<dyn Clock>,
    known: Arc<RwLock<Known>>,
}

struct Known {
    policy: PolicyInForce,
    /// Open elevations by their holder's account.
    open: HashMap<u32, Vec<Elevation>>,
    untaken: Untaken,
}

/// Who may still have on the host what has ended. To them the gate is closed: another elevation
/// must not bring the ended one's power back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Untaken {
    /// These accounts; mostly none.
    From(HashSet<u32>),
    /// Nobody knows whom: the host has not been made to match since the start.
    Unknown,
}

/// The gate's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateVerdict {
    /// An active elevation opens the service.
    Open {
        /// The one of them that ends last.
        elevation: ElevationId,
        /// Its end.
        ends_at: Wall,
    },
    /// None does.
    Closed {
        /// Requests of this person that wait, for any role.
        pending: Vec<(ElevationId, RoleName)>,
    },
    /// The policy is broken: closed for everyone.
    BrokenPolicy,
    /// What an elevation gave that has ended could not be taken back yet.
    Untaken,
}

impl Untaken {
    fn concerns(&self, uid: u32) -> bool {
        match self {
            Self::From(uids) => uids.contains(&uid),
            Self::Unknown => true,
        }
    }
}

impl Gate {
    pub(super) fn new(clock: Arc<dyn Clock>, policy: PolicyInForce) -> Self {
        let known = Known {
            policy,
            open: HashMap::new(),
            untaken: Untaken::Unknown,
        };
        Self {
            clock,
            known: Arc::new(RwLock::new(known)),
        }
    }

    /// Decides.
    #[must_use]
    pub fn check(&self, uid: u32, name: &str, service: &str) -> GateVerdict {
        let now = self.clock.now();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if matches!(known.policy, PolicyInForce::Broken(_)) {
            return GateVerdict::BrokenPolicy;
        }
        if known.untaken.concerns(uid) {
            return GateVerdict::Untaken;
        }
        let open = known.open.get(&uid).map(Vec::as_slice).unwrap_or_default();
        let last = open
            .iter()
            // A uid can have got another owner since.
            .filter(|elevation| elevation.user.as_str() == name)
            .filter(|elevation| elevation.is_active(&now))
            .filter_map(|elevation| Some((elevation.id, elevation.grant.as_ref()?)))
            .filter(|(_, grant)| {
                grant
                    .services
                    .iter()
                    .any(|opened| opened.as_str() == service)
            })
            .max_by_key(|(_, grant)| grant.ends_at);
        match last {
            Some((elevation, grant)) => GateVerdict::Open {
                elevation,
                ends_at: grant.ends_at,
            },
            None => GateVerdict::Closed {
                pending: open
                    .iter()
                    .filter(|elevation| elevation.state == State::Pending)
                    .map(|elevation| (elevation.id, elevation.role.clone()))
                    .collect(),
            },
        }
    }

    /// Whether somebody holds something under this name or this number, and not under both.
    #[must_use]
    pub fn contradicts(&self, uid: u32, name: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let all = known.open.values().flatten();
        all.into_iter()
            .any(|one| (one.uid == uid) != (one.user.as_str() == name))
    }

    /// The policy that the gate goes by.
    #[must_use]
    pub fn policy(&self) -> PolicyInForce {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .policy
            .clone()
    }

    /// Goes by another policy from now on.
    pub(super) fn learn_policy(&self, policy: PolicyInForce) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.policy = policy;
    }

    /// Takes note that the host matches, or that what these accounts had may still be there.
    pub(super) fn learn_untaken(&self, from: Option<&[u32]>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match (from, &mut known.untaken) {
            (None, untaken) => *untaken = Untaken::From(HashSet::new()),
            (Some(from), Untaken::From(uids)) => uids.extend(from),
            (Some(_), Untaken::Unknown) => {}
        }
    }

    /// Takes note of an elevation as it is now.
    pub(super) fn learn(&self, elevation: &Elevation) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let own = known.open.entry(elevation.uid).or_default();
        own.retain(|other| other.id != elevation.id);
        if elevation.state.is_open() {
            own.push(elevation.clone());
        }
        if own.is_empty() {
            known.open.remove(&elevation.uid);
        }
    }
}
