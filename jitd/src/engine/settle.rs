//! Commit → reconcile → tell, the same for whoever came through whichever door.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jitd_api::State;
use tokio::sync::MutexGuard;
use tokio::time::timeout;

use super::state::{Open, StateChange};
use super::{Engine, EngineError};
use crate::crash::crash_point;
use crate::domain::decide;
use crate::domain::desired::desired;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::time::Now;
use crate::reconcile::{Convergence, Deadlines, ReconcileError};
use crate::record::{Event, EventName, Priority, note};
use crate::store::{Change, Seen, StoreError};

/// How long giving may take, from when the host first did not match.
const GIVING: Duration = Duration::from_secs(30);
/// How long to wait before it is tried again.
const REST: Duration = Duration::from_millis(500);

/// Why the host does not match after all.
pub(super) type Trouble = Option<Arc<ReconcileError>>;

/// What the host was told to look like.
pub(super) struct Wish {
    /// The later, the higher.
    number: u64,
    convergence: Convergence,
}

/// How it went last.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// With which wish.
    of: u64,
    /// Why the host does not match it.
    trouble: Option<String>,
}

/// What counts now.
struct Committed {
    changes: Vec<Change>,
    /// Why that is not all.
    lost: Option<StoreError>,
}

impl Engine {
    /// Makes changes durable, lets the gate know, has the host made to match, and tells.
    ///
    /// The lock is held until the change is durable and the reconciler has its wish, so that
    /// wishes come in the order of commits; not while the host is changed.
    pub(super) async fn settle(
        &self,
        open: MutexGuard<'_, Open>,
        changes: Vec<Change>,
        now: &Now,
    ) -> Result<Trouble, EngineError> {
        let seen = open.readings.to_keep(now);
        self.settle_at(open, changes, seen, now).await
    }

    /// The same, with what the clocks have to say.
    pub(super) async fn settle_at(
        &self,
        mut open: MutexGuard<'_, Open>,
        changes: Vec<Change>,
        seen: Seen,
        now: &Now,
    ) -> Result<Trouble, EngineError> {
        // What the clocks take counts at once, whether or not the disk follows.
        for elevation in &seen.moved {
            self.shared.gate.learn(elevation);
            open.learn(elevation.clone());
        }
        let mut changes = with_what_follows(changes, &open, now);
        changes.extend(Self::extended(&open, &changes, now));
        crash_point!("engine.decided");
        let Committed { changes, lost } = self.commit_at(&mut open, changes, seen).await?;
        let elevations = changes
            .iter()
            .filter_map(|change| change.elevation.as_ref());
        let told: Vec<StateChange> = elevations.map(told).collect();
        let wish = self.wish(&mut open, now);
        let settling = &self.shared.settling;
        settling.send_modify(|ids| ids.extend(told.iter().map(|change| change.id)));
        drop(open);
        crash_point!("engine.wished");
        let ended: Vec<u32> = told
            .iter()
            .filter(|change| !change.state.is_open())
            .map(|change| change.uid)
            .collect();
        let number = wish.number;
        let outcome = self.come_true(wish).await;
        self.report(number, outcome.as_ref(), &ended);
        crash_point!("engine.matched");
        settling.send_modify(|ids| ids.retain(|id| told.iter().all(|change| change.id != *id)));
        for change in told {
            // Without a listener there is nobody to tell.
            let _ = self.shared.changes.send(change);
        }
        lost.map_or(Ok(outcome.err()), |why| Err(EngineError::OnlyEnded(why)))
    }

    /// What was given just now has to be there whole, or is taken back; broken glass gives what
    /// can be given, since anybody can sit on the lock of the account files. A host that is merely
    /// slow has [`GIVING`] for it.
    ///
    /// # Errors
    /// It was taken back.
    pub(super) async fn must_be_given(
        &self,
        id: ElevationId,
        trouble: Trouble,
    ) -> Result<(), EngineError> {
        let Some(trouble) = trouble else {
            return Ok(());
        };
        let must_be_whole = |one: &&Elevation, now| one.is_active(now) && !one.break_glass;
        let (open, now) = self.begin().await;
        if !open
            .elevations
            .get(&id)
            .is_some_and(|one| must_be_whole(&one, &now))
        {
            return Ok(());
        }
        drop(open);
        let Some(trouble) = self.given_after_all(id, trouble).await else {
            return Ok(());
        };
        let (open, now) = self.begin().await;
        let given = open.elevations.get(&id);
        let Some(elevation) = given.filter(|one| must_be_whole(one, &now)) else {
            return Ok(());
        };
        let ended = decide::end_by_policy(elevation, &now);
        let event = Event::new(EventName::Revoked, &ended, now.wall)
            .with("by", "jitd")
            .with("comment", format!("it could not be given: {trouble}"));
        self.settle(open, vec![Change::of(ended, event)], &now)
            .await?;
        Err(EngineError::NotGiven(id, trouble.to_string()))
    }

    /// Tries again what may pass, for as long as giving may take; what is left of it then.
    async fn given_after_all(
        &self,
        id: ElevationId,
        trouble: Arc<ReconcileError>,
    ) -> Option<Arc<ReconcileError>> {
        if trouble.may_pass() {
            let text = format!("elevation {id} is still being given: {trouble}");
            note(Priority::Warning, &text);
        }
        let mut left = Some(trouble);
        let trying = async {
            while left.as_ref().is_some_and(|trouble| trouble.may_pass()) {
                rest().await;
                left = self.try_to_match().await.err();
            }
        };
        // Whether it is over or too late, what is left says.
        let _ = timeout(GIVING, trying).await;
        left
    }

    /// Makes changes durable, and known to the gate. The logs follow the record by themselves.
    pub(super) async fn commit(
        &self,
        open: &mut Open,
        changes: Vec<Change>,
    ) -> Result<(), EngineError> {
        let seen = open.readings.to_keep(&self.shared.clock.now());
        let committed = self.commit_at(open, changes, seen).await?;
        committed
            .lost
            .map_or(Ok(()), |why| Err(EngineError::OnlyEnded(why)))
    }

    /// What ends counts also where the database does not take it.
    async fn commit_at(
        &self,
        open: &mut Open,
        mut changes: Vec<Change>,
        seen: Seen,
    ) -> Result<Committed, EngineError> {
        let all = [open.backlog.changes(), changes.as_slice()].concat();
        let mut lost = None;
        match self.shared.store.commit(all, seen.clone()).await {
            Ok(()) => {
                crash_point!("engine.committed");
                open.readings.kept(seen.reading);
                self.forget_backlog(open).await;
            }
            Err(error) => {
                let ends = self.end_without_record(open, &changes, &error).await;
                if ends.is_empty() {
                    return Err(error.into());
                }
                lost = (ends.len() < changes.len()).then_some(error);
                changes = ends;
            }
        }
        for change in &changes {
            if let Some(elevation) = &change.elevation {
                self.shared.gate.learn(elevation);
                open.learn(elevation.clone());
            }
            if let (Some(session), Some(subject)) = (&change.session, &change.event.subject) {
                open.learn_session(session.clone(), subject.clone());
            }
        }
        Ok(Committed { changes, lost })
    }

    /// Makes the host match what is known now; true when it does.
    pub async fn reconcile(&self) -> bool {
        self.try_to_match().await.is_ok()
    }

    async fn try_to_match(&self) -> Result<(), Arc<ReconcileError>> {
        let wish = {
            let mut open = self.shared.open.lock().await;
            let now = self.shared.clock.now();
            self.wish(&mut open, &now)
        };
        let number = wish.number;
        let outcome = self.come_true(wish).await;
        self.report(number, outcome.as_ref(), &[]);
        outcome
    }

    /// Waits until the host matches, and until something else would see to it in time.
    pub(super) async fn come_true(&self, wish: Wish) -> Result<(), Arc<ReconcileError>> {
        let timers = self.shared.timers.set().await;
        wish.convergence.done().await?;
        timers.map_err(|error| Arc::new(ReconcileError::Timers(error.to_string())))
    }

    /// Whether the host matched when it was last made to.
    #[must_use]
    pub fn matches(&self) -> bool {
        self.trouble().is_none()
    }

    /// Why it did not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let report = self.shared.report.lock();
        let report = report.unwrap_or_else(PoisonError::into_inner);
        report.trouble.clone()
    }

    /// Takes note of how it went with a wish. `ended` are the accounts that something was to be
    /// taken from. What comes after the word on a later wish says nothing of how it is now.
    pub(super) fn report(
        &self,
        number: u64,
        outcome: Result<&(), &Arc<ReconcileError>>,
        ended: &[u32],
    ) {
        let report = self.shared.report.lock();
        let mut report = report.unwrap_or_else(PoisonError::into_inner);
        if number < report.of {
            return;
        }
        report.of = number;
        let gate = &self.shared.gate;
        match outcome {
            Err(error) if error.leaves_something_untaken() => gate.learn_untaken(Some(ended)),
            _ => gate.learn_untaken(None),
        }
        let text = outcome.err().map(ToString::to_string);
        // Said once, however often it is tried.
        let is_news = |text: &&String| report.trouble.as_ref() != Some(*text);
        if let Some(text) = text.as_ref().filter(is_news) {
            note(
                Priority::Error,
                &format!("the host does not match the elevations yet: {text}"),
            );
        }
        report.trouble = text;
    }

    /// Says what the host should look like, in the order of the calls.
    pub(super) fn wish(&self, open: &mut Open, now: &Now) -> Wish {
        open.wishes = open.wishes.saturating_add(1);
        self.attend(open, now);
        self.shared.timers.want(deadlines(open, now));
        let policy = self.policy_in_force();
        let policy = policy.loaded();
        let mut desired = desired(policy.map(AsRef::as_ref), open.elevations.values(), now);
        desired.renamed.clone_from(&open.renamed);
        Wish {
            number: open.wishes,
            convergence: self.shared.reconciler.converge(desired, policy.cloned()),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "systemd tells nobody when it is less busy"
)]
async fn rest() {
    tokio::time::sleep(REST).await;
}

/// The moments at which something ends, rounded up to seconds.
fn deadlines(open: &Open, now: &Now) -> Deadlines {
    let granted = open.elevations.values().filter_map(|elevation| {
        let grant = elevation.grant.as_ref()?;
        let second = grant.ends_at.0.saturating_add(999).div_euclid(1000);
        Some((second, elevation.time_left(now)?))
    });
    let mut deadlines = Deadlines::new();
    for (second, left) in granted {
        let soonest = deadlines.entry(second).or_insert(left);
        *soonest = left.min(*soonest);
    }
    deadlines
}

/// With the ends of extensions whose elevation ends before its time, and of theirs.
fn with_what_follows(mut changes: Vec<Change>, open: &Open, now: &Now) -> Vec<Change> {
    let mut next = 0;
    while let Some(change) = changes.get(next) {
        next += 1;
        let Some(ended) = change.elevation.clone() else {
            continue;
        };
        let already: Vec<_> = changes
            .iter()
            .filter_map(|change| Some(change.elevation.as_ref()?.id))
            .collect();
        let extensions = open.elevations.values();
        let follow = extensions
            .filter(|extension| extension.extends == Some(ended.id))
            .filter(|extension| !already.contains(&extension.id))
            .filter_map(|extension| decide::follow(extension, &ended, now));
        changes.extend(follow.map(|elevation| followed(elevation, &ended, now)));
    }
    changes
}

fn followed(elevation: Elevation, ended: &Elevation, now: &Now) -> Change {
    let name = match elevation.state {
        State::Cancelled => EventName::Cancelled,
        State::Released => EventName::Released,
        _ => EventName::Revoked,
    };
    let by = elevation.ended.as_ref().map(|act| act.by.clone());
    let event = Event::new(name, &elevation, now.wall)
        .with("by", by.unwrap_or_default())
        .with(
            "comment",
            format!("elevation {}, which it extends, is over", ended.id),
        );
    Change::of(elevation, event)
}

fn told(elevation: &Elevation) -> StateChange {
    StateChange {
        id: elevation.id,
        uid: elevation.uid,
        role: elevation.role.clone(),
        state: elevation.state,
    }
}
