//! The clock's door: what is due is done.

use std::collections::{BTreeSet, HashMap};

use jitd_api::State;

use super::asking::ends;
use super::state::Open;
use super::{Engine, EngineError};
use crate::directory::{self, DirectoryError};
use crate::domain::decide;
use crate::domain::elevation::{Elevation, Grant};
use crate::domain::person::Person;
use crate::domain::policy::Policy;
use crate::domain::time::Now;
use crate::record::{Event, EventName};
use crate::store::Change;

/// Who has the accounts of elevations that are about to begin; those that could be looked up.
type Holders = HashMap<u32, Person>;

impl Engine {
    /// Ends what the clock has ended, and begins what was scheduled.
    ///
    /// # Errors
    /// Something could not be made durable, or nobody could say whether it may begin; it is
    /// still due.
    pub async fn do_what_is_due(&self) -> Result<(), EngineError> {
        let looked = self.look_at_the_clock().await;
        let looked = looked.and(self.record_backlog().await);
        // What is over waits for no directory.
        self.settle_what_is_due(&Holders::new()).await?;
        let (holders, trouble) = self.holders_of_what_begins().await;
        if !holders.is_empty() {
            self.settle_what_is_due(&holders).await?;
        }
        trouble.map_or(looked, Err)
    }

    async fn settle_what_is_due(&self, holders: &Holders) -> Result<(), EngineError> {
        let (open, now) = self.begin().await;
        let policy = self.policy_in_force();
        let due = open
            .elevations
            .values()
            .filter(|elevation| elevation.is_due(&now));
        let policy = policy.loaded().map(AsRef::as_ref);
        let changes: Vec<Change> = due
            .filter_map(|elevation| change(elevation, policy, holders, &open, &now))
            .collect();
        if !changes.is_empty() {
            self.settle(open, changes, &now).await?;
        }
        Ok(())
    }

    /// Milliseconds until something is due; none while nothing is open.
    pub async fn next_due(&self) -> Option<i64> {
        let (open, now) = self.begin().await;
        open.elevations
            .values()
            .filter_map(|elevation| elevation.due_in(&now))
            .min()
    }

    async fn holders_of_what_begins(&self) -> (Holders, Option<EngineError>) {
        let uids: BTreeSet<u32> = {
            let (open, now) = self.begin().await;
            let begins = |elevation: &&Elevation| {
                elevation.state == State::Scheduled && elevation.is_due(&now)
            };
            let elevations = open.elevations.values().filter(begins);
            elevations.map(|elevation| elevation.uid).collect()
        };
        let mut holders = Holders::new();
        let mut trouble = None;
        if !uids.is_empty()
            && let Err(error) = self.policy()
        {
            trouble = Some(error);
        }
        for uid in uids {
            match directory::holder(self.shared.directory.as_ref(), uid).await {
                Ok(Some(holder)) => drop(holders.insert(uid, holder)),
                // Gone, or out of reach: it is tried again until the window is over.
                Ok(None) => trouble = Some(DirectoryError::NoSuchAccount(uid).into()),
                Err(error) => trouble = Some(error.into()),
            }
        }
        (holders, trouble)
    }
}

/// What becomes of an elevation that is due; nothing, where it is to begin and nobody can say
/// yet whether it may.
fn change(
    elevation: &Elevation,
    policy: Option<&Policy>,
    holders: &Holders,
    open: &Open,
    now: &Now,
) -> Option<Change> {
    let over = |grant: &Grant| grant.has_passed(now);
    if elevation.state != State::Scheduled || elevation.grant.as_ref().is_none_or(over) {
        return Some(end(elevation, now));
    }
    let holder = holders.get(&elevation.uid)?;
    let extends = elevation.extends.and_then(|id| open.elevations.get(&id));
    let (begun, unfounded) = decide::begin(policy?, elevation, holder, extends, now);
    let event = match unfounded {
        None => Event::new(EventName::Started, &begun, now.wall)
            .with("by", "jitd")
            .with("ends", ends(&begun)),
        Some(why) => Event::new(EventName::Revoked, &begun, now.wall)
            .with("by", "jitd")
            .with("comment", why),
    };
    Some(Change::of(begun, event))
}

fn end(elevation: &Elevation, now: &Now) -> Change {
    let ended = decide::end_by_clock(elevation, now);
    let name = match ended.state {
        State::Lapsed => EventName::Lapsed,
        _ => EventName::Expired,
    };
    let event = Event::new(name, &ended, now.wall).with("by", "jitd");
    Change::of(ended, event)
}
