//! What the engine has in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use jitd_api::State;
use tokio::sync::{Mutex, broadcast, watch};

use super::{EngineError, Gate};
use crate::clock::Clock;
use crate::directory::Directory;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::names::RoleName;
use crate::domain::policy::Policy;
use crate::domain::time::{Boot, Seconds};
use crate::reconcile::Reconciler;
use crate::record::Teller;
use crate::store::{Store, StoreError};
use crate::terminals::Terminals;

/// Most state changes that a slow listener may be behind before it misses some.
const BACKLOG: usize = 4096;

/// The policy, or why there is none.
#[derive(Debug, Clone)]
pub enum PolicyInForce {
    /// Checked and in force.
    Loaded(Arc<Policy>),
    /// Broken: the gate is closed, ends still happen.
    Broken(String),
}

impl PolicyInForce {
    /// The policy, if there is one.
    #[must_use]
    pub fn loaded(&self) -> Option<&Arc<Policy>> {
        match self {
            Self::Loaded(policy) => Some(policy),
            Self::Broken(_) => None,
        }
    }
}

/// An elevation came into a state, and the host was made to match as far as it could be.
#[derive(Debug, Clone)]
pub struct StateChange {
    /// Which.
    pub id: ElevationId,
    /// Its holder's account.
    pub uid: u32,
    /// Its role.
    pub role: RoleName,
    /// The state.
    pub state: State,
}

/// What the engine stands on.
pub struct Host {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What lasts.
    pub store: Store,
    /// Who is who.
    pub directory: Arc<dyn Directory>,
    /// What makes the host match.
    pub reconciler: Reconciler,
    /// Where events are told.
    pub teller: Teller,
    /// Where people are told something.
    pub terminals: Box<dyn Terminals>,
}

/// The engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) store: Store,
    pub(super) directory: Arc<dyn Directory>,
    pub(super) policy: RwLock<PolicyInForce>,
    pub(super) reconciler: Reconciler,
    pub(super) teller: Teller,
    pub(super) terminals: Box<dyn Terminals>,
    pub(super) gate: Gate,
    pub(super) changes: broadcast::Sender<StateChange>,
    /// Elevations whose change is durable, but not yet made true on the host.
    pub(super) settling: watch::Sender<BTreeSet<ElevationId>>,
    /// Why the host did not match when it was last made to.
    pub(super) trouble: std::sync::Mutex<Option<String>>,
    /// Whoever holds this decides and commits; nobody else does meanwhile.
    pub(super) open: Mutex<Open>,
}

/// Elevations that something can still become of.
pub(super) struct Open {
    pub(super) elevations: BTreeMap<ElevationId, Elevation>,
    pub(super) next: ElevationId,
    /// When each account asked, within the last hour.
    pub(super) asked: HashMap<u32, VecDeque<Boot>>,
    /// How long before their end the holders of elevations were warned last.
    pub(super) warned: HashMap<ElevationId, Seconds>,
    /// When each person tried what they may not, within the last hour.
    pub(super) refused: HashMap<u32, VecDeque<Boot>>,
}

impl Engine {
    /// Reads the open elevations; changes nothing yet.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn new(host: Host, policy: PolicyInForce) -> Result<Self, StoreError> {
        let Host {
            clock,
            store,
            directory,
            reconciler,
            teller,
            terminals,
        } = host;
        let (open, next) = store.open_elevations().await?;
        let gate = Gate::new(clock.clone(), policy.clone());
        for elevation in &open {
            gate.learn(elevation);
        }
        let elevations = open
            .into_iter()
            .map(|elevation| (elevation.id, elevation))
            .collect();
        let (changes, _) = broadcast::channel(BACKLOG);
        let open = Mutex::new(Open {
            elevations,
            next,
            asked: HashMap::new(),
            refused: HashMap::new(),
            warned: HashMap::new(),
        });
        let shared = Shared {
            clock,
            store,
            directory,
            policy: RwLock::new(policy),
            reconciler,
            teller,
            terminals,
            gate,
            changes,
            settling: watch::Sender::new(BTreeSet::new()),
            trouble: std::sync::Mutex::new(None),
            open,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.shared.gate.clone()
    }

    /// The policy in force.
    ///
    /// # Errors
    /// It is broken.
    pub fn policy(&self) -> Result<Arc<Policy>, EngineError> {
        match self.policy_in_force() {
            PolicyInForce::Loaded(policy) => Ok(policy),
            PolicyInForce::Broken(why) => Err(EngineError::BrokenPolicy(why)),
        }
    }

    pub(super) fn policy_in_force(&self) -> PolicyInForce {
        self.shared
            .policy
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Everything that changes from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<StateChange> {
        self.shared.changes.subscribe()
    }
}
