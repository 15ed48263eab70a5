//! jitd's own comings and goings, on record; and what it finds to catch up with.

use tokio::sync::MutexGuard;

use super::policy::By;
use super::state::Open;
use super::{Engine, EngineError, PolicyInForce};
use crate::domain::desired::{Membership, desired};
use crate::domain::person::Caller;
use crate::domain::time::Now;
use crate::record::{Event, EventName};
use crate::store::{Change, LastRun};

/// What became of the run of jitd before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// There is none on record.
    Nothing,
    /// It was stopped.
    Stop,
    /// It was stopped, and so was the host.
    Reboot,
    /// It died, and the host did not.
    Crash,
    /// It died with the host.
    Outage,
}

impl After {
    fn new(last: Option<&LastRun>, now: &Now) -> Self {
        let Some(last) = last else {
            return Self::Nothing;
        };
        match (last.was_stopped, last.boot == now.boot_id.0) {
            (true, true) => Self::Stop,
            (true, false) => Self::Reboot,
            (false, true) => Self::Crash,
            (false, false) => Self::Outage,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Stop => "stop",
            Self::Reboot => "reboot",
            Self::Crash => "crash",
            Self::Outage => "outage",
        }
    }

    const fn was_orderly(self) -> bool {
        matches!(self, Self::Nothing | Self::Stop | Self::Reboot)
    }
}

/// What ends elevations.
const ENDS: &[EventName] = &[
    EventName::Expired,
    EventName::Lapsed,
    EventName::Revoked,
    EventName::Cancelled,
    EventName::Released,
];
/// What ends sessions.
const CLOSES: &[EventName] = &[EventName::SessionClosed, EventName::SessionEnded];

/// How things stand before something is caught up with.
#[derive(Debug)]
pub struct Stock {
    newest: u64,
    held: Vec<Membership>,
}

/// What was caught up with.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// Whether anything at all has happened.
    is_something: bool,
    /// Elevations that ended.
    ended: u64,
    /// Sessions that were over.
    closed: u64,
    /// Memberships that nobody is to have any more.
    taken: usize,
}

/// The right to change something before anybody else does.
pub struct FirstWord<'a>(MutexGuard<'a, Open>);

impl CaughtUp {
    fn told(&self, event: Event) -> Event {
        event
            .with("ended", self.ended.to_string())
            .with("closed", self.closed.to_string())
            .with("taken", self.taken.to_string())
    }
}

impl Engine {
    /// How things stand now.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn take_stock(&self) -> Result<Stock, EngineError> {
        Ok(Stock {
            newest: self.shared.store.newest().await?,
            held: self.shared.store.all_held().await?,
        })
    }

    /// What has been caught up with since then.
    ///
    /// # Errors
    /// The database is, or was, broken.
    pub async fn caught_up(
        &self,
        since: Result<Stock, EngineError>,
    ) -> Result<CaughtUp, EngineError> {
        let Stock { newest, held } = since?;
        let store = &self.shared.store;
        let taken = self.unwanted(&held).await;
        Ok(CaughtUp {
            is_something: store.newest().await? > newest || taken > 0,
            ended: store.count_after(newest, ENDS).await?,
            closed: store.count_after(newest, CLOSES).await?,
            taken,
        })
    }

    /// Keeps everybody else waiting who is to change something.
    pub async fn first_word(&self) -> FirstWord<'_> {
        let (open, _) = self.begin().await;
        FirstWord(open)
    }

    /// Puts on record, before anything else, that jitd runs, under which policy, and what became
    /// of it before; where it had not been stopped, what there was to catch up with.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn begins(
        &self,
        FirstWord(mut open): FirstWord<'_>,
        caught_up: Result<CaughtUp, EngineError>,
    ) -> Result<(), EngineError> {
        let now = self.shared.clock.now();
        let last = self.shared.store.last_run().await?;
        let after = After::new(last.as_ref(), &now);
        let policy = self.policy_in_force();
        let (word, loaded) = match &policy {
            PolicyInForce::Loaded(policy) => ("loaded", self.policy_loaded(policy, By::Start)),
            PolicyInForce::Broken(why) => ("broken", self.policy_refused(why, By::Start)),
        };
        let started = Event::of_none(EventName::DaemonStarted, now.wall)
            .with("version", env!("CARGO_PKG_VERSION"))
            .with("schema", self.shared.store.schema().to_string())
            .with("policy", word)
            .with("boot", now.boot_id.0.as_str())
            .with("after", after.as_str());
        let mut changes = vec![Change::alone(started), Change::alone(loaded)];
        if !after.was_orderly() {
            let recovered = Event::of_none(EventName::DaemonRecovered, now.wall);
            let recovered = recovered.with("after", after.as_str());
            changes.push(Change::alone(caught_up?.told(recovered)));
        }
        self.commit(&mut open, changes).await
    }

    /// Puts on record that the second enforcer had something to do: what it did, and whom it
    /// killed for that.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn has_enforced(
        &self,
        caught_up: Result<CaughtUp, EngineError>,
        killed: &str,
    ) -> Result<(), EngineError> {
        self.tell_what_was_counted(true).await?;
        let caught_up = caught_up?;
        if !caught_up.is_something && killed.is_empty() {
            return Ok(());
        }
        let event = |now: &Now| {
            let event = Event::of_none(EventName::EnforcerActed, now.wall);
            caught_up.told(event).with("killed", killed)
        };
        self.put_alone(event).await
    }

    /// Puts on record that somebody has put the gate into PAM, or has taken it out.
    ///
    /// # Errors
    /// The caller is not root; it could not be made durable.
    pub async fn gate_installed(&self, caller: &Caller, is_in: bool) -> Result<(), EngineError> {
        let (name, tried) = if is_in {
            (EventName::GateInstalled, "setup")
        } else {
            (EventName::GateUninstalled, "setup --undo")
        };
        self.only_root(caller, tried).await?;
        self.put_alone(|now| Event::of_none(name, now.wall).by(caller))
            .await
    }

    /// Puts on record what was counted, and that jitd is stopped. Nothing may happen after.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn stops(&self, because: &str) -> Result<(), EngineError> {
        self.tell_what_was_counted(true).await?;
        let event =
            |now: &Now| Event::of_none(EventName::DaemonStopped, now.wall).with("because", because);
        self.put_alone(event).await
    }

    /// How many of these memberships nobody is to have now.
    async fn unwanted(&self, held: &[Membership]) -> usize {
        let (open, now) = self.begin().await;
        let policy = self.policy_in_force();
        let policy = policy.loaded().map(AsRef::as_ref);
        let desired = desired(policy, open.elevations.values(), &now);
        let is_unwanted = |one: &&Membership| {
            !desired.memberships.contains(one) && !desired.untouched.contains(&one.0)
        };
        held.iter().filter(is_unwanted).count()
    }

    /// Puts on record what nothing of the host follows from.
    pub(super) async fn put_alone(
        &self,
        event: impl FnOnce(&Now) -> Event,
    ) -> Result<(), EngineError> {
        let (mut open, now) = self.begin().await;
        let change = Change::alone(event(&now));
        self.commit(&mut open, vec![change]).await
    }
}
