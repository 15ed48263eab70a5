//! What the engine has in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jitd_api::State;
use tokio::sync::{Mutex, Notify, broadcast, watch};

use super::accounts::Accounts;
use super::backlog::Backlog;
use super::clocks::Readings;
use super::floods::Floods;
use super::sessions::Held;
use super::settle::Report;
use super::{EngineError, Gate};
use crate::clock::Clock;
use crate::directory::Directory;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::names::{RoleName, UserName};
use crate::domain::policy::Policy;
use crate::domain::session::{Session, SessionId};
use crate::domain::time::{Boot, Seconds};
use crate::reconcile::{Reconciler, Sessions, Timers};
use crate::record::{Subject, Teller};
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
    /// What tells the logs of events.
    pub teller: Teller,
    /// Where people are told something.
    pub terminals: Box<dyn Terminals>,
    /// What holds sessions together.
    pub sessions: Arc<dyn Sessions>,
    /// What calls the second enforcer.
    pub timers: Arc<dyn Timers>,
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
    pub(super) sessions: Arc<dyn Sessions>,
    pub(super) timers: Arc<dyn Timers>,
    pub(super) gate: Gate,
    pub(super) changes: broadcast::Sender<StateChange>,
    /// Elevations whose change is durable, but not yet made true on the host.
    pub(super) settling: watch::Sender<BTreeSet<ElevationId>>,
    /// How it went when the host was last made to match.
    pub(super) report: std::sync::Mutex<Report>,
    /// What was refused, and what others changed, as far as it is not on record yet.
    pub(super) floods: Floods,
    /// Somebody saw that the clock was set.
    pub(super) clock_set: Notify,
    /// What is known of the accounts of holders.
    pub(super) accounts: Accounts,
    /// Somebody has a holder's name or number, and not both.
    pub(super) account_doubted: Notify,
    /// Whoever holds this archives or copies the record; one at a time.
    pub(super) archiving: Mutex<()>,
    /// Whoever holds this decides and commits; nobody else does meanwhile.
    pub(super) open: Mutex<Open>,
}

/// Elevations that something can still become of, and sessions of which something is left.
pub(super) struct Open {
    pub(super) elevations: BTreeMap<ElevationId, Elevation>,
    pub(super) next: ElevationId,
    /// How often the host was told what to look like.
    pub(super) wishes: u64,
    /// What has ended and is not on record yet.
    pub(super) backlog: Backlog,
    pub(super) sessions: BTreeMap<SessionId, Held>,
    pub(super) next_session: SessionId,
    /// When each account asked, within the last hour.
    pub(super) asked: HashMap<u32, VecDeque<Boot>>,
    /// How long before their end the holders of elevations were warned last.
    pub(super) warned: HashMap<ElevationId, Seconds>,
    /// How far the clocks were.
    pub(super) readings: Readings,
    /// Accounts that were found under another name, while the host is made to match that.
    pub(super) renamed: BTreeSet<(UserName, UserName)>,
}

impl Open {
    /// Takes note of an elevation as it is now.
    pub(super) fn learn(&mut self, elevation: Elevation) {
        self.next = self.next.max(ElevationId(elevation.id.0 + 1));
        if elevation.state.is_open() {
            self.elevations.insert(elevation.id, elevation);
        } else {
            self.elevations.remove(&elevation.id);
        }
    }

    /// Takes note of a session as it is now.
    pub(super) fn learn_session(&mut self, session: Session, subject: Subject) {
        self.next_session = self.next_session.max(SessionId(session.id.0 + 1));
        if session.closed_at.is_some() {
            self.sessions.remove(&session.id);
            return;
        }
        let known = self.sessions.get(&session.id);
        let held = Held {
            lasts_to: known.and_then(|held| held.lasts_to),
            is_moving: known.is_some_and(|held| held.is_moving),
            is_unrecorded: known.is_some_and(|held| held.is_unrecorded),
            is_astray: known.is_some_and(|held| held.is_astray),
            session,
            subject,
        };
        self.sessions.insert(held.session.id, held);
    }
}

/// The sessions of an earlier jitd.
async fn held(store: &Store) -> Result<(BTreeMap<SessionId, Held>, SessionId), StoreError> {
    let (sessions, next) = store.open_sessions().await?;
    let mut held = BTreeMap::new();
    for session in sessions {
        let Some(elevation) = store.get(session.under).await? else {
            continue;
        };
        let one = Held {
            subject: Subject::of(&elevation),
            session,
            lasts_to: None,
            is_moving: false,
            is_unrecorded: false,
            is_astray: false,
        };
        held.insert(one.session.id, one);
    }
    Ok((held, next))
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
            sessions,
            timers,
        } = host;
        let (open, next) = store.open_elevations().await?;
        let readings = Readings::new(store.last_seen().await?);
        let (running, next_session) = held(&store).await?;
        let mut elevations = open
            .into_iter()
            .map(|elevation| (elevation.id, elevation))
            .collect();
        let noted = store.noted_ends().await;
        let backlog = Backlog::recalled(noted, &mut elevations, &clock.now());
        let gate = Gate::new(clock.clone(), policy.clone());
        for elevation in elevations.values() {
            gate.learn(elevation);
        }
        let (changes, _) = broadcast::channel(BACKLOG);
        let mut open = Open {
            elevations,
            next,
            wishes: 0,
            backlog,
            sessions: running,
            next_session,
            asked: HashMap::new(),
            warned: HashMap::new(),
            readings,
            renamed: BTreeSet::new(),
        };
        open.trust_scopes(&clock.now());
        let shared = Shared {
            clock,
            store,
            directory,
            policy: RwLock::new(policy),
            reconciler,
            teller,
            terminals,
            sessions,
            timers,
            gate,
            changes,
            settling: watch::Sender::new(BTreeSet::new()),
            report: std::sync::Mutex::default(),
            floods: Floods::new(),
            clock_set: Notify::new(),
            accounts: Accounts::default(),
            account_doubted: Notify::new(),
            archiving: Mutex::new(()),
            open: Mutex::new(open),
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

    /// Waits until the logs have been told everything, at most so long. Blocks.
    pub fn tell_the_rest(&self, patience: Duration) {
        self.shared.teller.finish(patience);
    }
}
