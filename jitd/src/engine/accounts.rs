//! Accounts that are not who they were: what they hold ends.
//!
//! An elevation belongs to a name and a number ([`crate::domain::account`]). The host's own files
//! are watched, and directories are asked at each yes and every few seconds.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::policy::end;
use super::{Engine, EngineError};
use crate::directory::DirectoryError;
use crate::domain::account::{Look, Pairing};
use crate::domain::desired::Holder;
use crate::domain::names::UserName;
use crate::domain::time::Boot;
use crate::store::Change;

/// How long an account may be nowhere to be found before what it holds ends, in milliseconds: a
/// directory that is started anew has not deleted anybody. The host's own file says it at once.
const ABSENT_FOR: i64 = 60_000;

/// How long a yes may rest on one look, in milliseconds.
const SURE_FOR: i64 = 2_000;

/// Between two looks at somebody who seems to be gone: who writes the file anew in its place may
/// be half through.
const BLINK: Duration = Duration::from_millis(50);

/// How long the gate waits for the directory.
const AT_THE_GATE: Duration = Duration::from_secs(3);

/// What is known of the accounts of those who hold, or wait for, something.
#[derive(Debug, Default)]
pub(super) struct Accounts(Mutex<HashMap<Holder, Seen>>);

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    /// Whether it stood in the host's own file.
    is_local: bool,
    /// Since when it is nowhere to be found.
    absent_since: Option<Boot>,
    /// When name and number last belonged together.
    sure_at: Option<Boot>,
}

/// Whose accounts are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of all who hold, or wait for, something.
    All,
    /// Those of them that were not looked at yet.
    New,
}

/// Why what an account holds ends.
#[derive(Debug)]
struct Loss {
    why: String,
    renamed: Option<String>,
}

impl Seen {
    /// Takes note of a look; tells why what the account holds ends, where it does.
    fn learn(&mut self, holder: &Holder, look: &Look, now: Boot) -> Option<Loss> {
        let was_local = self.is_local;
        match look.of(holder) {
            Pairing::Holds => {
                *self = Self {
                    is_local: look.is_local,
                    absent_since: None,
                    sure_at: Some(now),
                };
                return None;
            }
            Pairing::Broken { why, renamed } => return Some(Loss { why, renamed }),
            Pairing::Absent => self.absent_since = Some(self.absent_since.unwrap_or(now)),
            Pairing::Unknown => self.absent_since = None,
        }
        let long = |since: Boot| now.0.saturating_sub(since.0) >= ABSENT_FOR;
        let is_gone = (was_local && !look.is_local) || self.absent_since.is_some_and(long);
        let (name, uid) = holder;
        is_gone.then(|| Loss {
            why: format!("the account is gone: {name}, uid {uid}"),
            renamed: None,
        })
    }
}

impl Accounts {
    fn known(&self) -> MutexGuard<'_, HashMap<Holder, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_sure(&self, holder: &Holder, now: Boot) -> bool {
        let sure_at = self.known().get(holder).and_then(|seen| seen.sure_at);
        sure_at.is_some_and(|at| now.0.saturating_sub(at.0) < SURE_FOR)
    }

    fn learn(&self, holders: &[Holder], looks: &[Look], now: Boot) -> HashMap<Holder, Loss> {
        let mut known = self.known();
        let each = holders.iter().zip(looks);
        each.filter_map(|(holder, look)| {
            let seen = known.entry(holder.clone()).or_default();
            Some((holder.clone(), seen.learn(holder, look, now)?))
        })
        .collect()
    }

    /// Of whom something is to be found out; of others nothing is kept.
    fn to_ask(&self, holders: BTreeSet<Holder>, whose: Whose) -> Vec<Holder> {
        let mut known = self.known();
        known.retain(|holder, _| holders.contains(holder));
        if whose == Whose::All {
            // Until it is known again, no yes rests on it.
            known.values_mut().for_each(|seen| seen.sure_at = None);
        }
        let is_asked = |holder: &Holder| whose == Whose::All || !known.contains_key(holder);
        holders.into_iter().filter(is_asked).collect()
    }
}

impl Engine {
    /// Looks whether those who hold, or wait for, something are who they were, and ends it where
    /// they are not.
    ///
    /// # Errors
    /// The directory does not say, or the end could not be made durable.
    pub async fn look_at_accounts(&self, whose: Whose) -> Result<(), EngineError> {
        let holders = {
            let (open, _) = self.begin().await;
            let elevations = open.elevations.values();
            elevations.map(|one| (one.user.clone(), one.uid)).collect()
        };
        let holders = self.shared.accounts.to_ask(holders, whose);
        let suspects = self.losses(holders).await?;
        if suspects.is_empty() {
            return Ok(());
        }
        blink().await;
        let losses = self.losses(suspects.into_keys().collect()).await?;
        self.end_what_was_lost(&losses).await
    }

    /// Whether name and number of somebody whom the gate would let in belong together.
    ///
    /// # Errors
    /// Why not, for people.
    pub async fn confirm_account(&self, uid: u32, name: &str) -> Result<(), String> {
        let name = UserName::new(name).map_err(|error| error.to_string())?;
        let holder = (name, uid);
        if self.shared.accounts.is_sure(&holder, self.boot()) {
            return Ok(());
        }
        let asked = self.shared.directory.looks(vec![holder.clone()]);
        let looks = timeout(AT_THE_GATE, asked).await;
        let looks = looks.unwrap_or(Err(DirectoryError::Slow));
        let look = looks.map_err(|error| error.to_string())?;
        let pairing = look
            .first()
            .map_or(Pairing::Unknown, |look| look.of(&holder));
        match pairing {
            Pairing::Holds => {
                self.shared.accounts.learn(&[holder], &look, self.boot());
                Ok(())
            }
            Pairing::Broken { why, .. } => {
                self.doubt_accounts();
                Err(why)
            }
            Pairing::Absent => Err(format!("there is no account {}, uid {uid}", holder.0)),
            Pairing::Unknown => Err(DirectoryError::Slow.to_string()),
        }
    }

    /// Has them looked at soon: somebody has a name or a number of a holder, and not both.
    pub fn doubt_accounts(&self) {
        self.shared.account_doubted.notify_one();
    }

    /// Waits until there is doubt.
    pub async fn account_doubted(&self) {
        self.shared.account_doubted.notified().await;
    }

    fn boot(&self) -> Boot {
        self.shared.clock.now().boot
    }

    async fn losses(&self, holders: Vec<Holder>) -> Result<HashMap<Holder, Loss>, EngineError> {
        if holders.is_empty() {
            return Ok(HashMap::new());
        }
        let looks = self.shared.directory.looks(holders.clone()).await?;
        let accounts = &self.shared.accounts;
        Ok(accounts.learn(&holders, &looks, self.boot()))
    }

    async fn end_what_was_lost(&self, losses: &HashMap<Holder, Loss>) -> Result<(), EngineError> {
        let renamed = renamed(losses);
        if !renamed.is_empty() {
            // Before the end is on record: were we stopped in between, nobody would know any
            // more under which name to take it.
            let wish = {
                let (mut open, now) = self.begin().await;
                open.renamed = renamed;
                self.wish(&mut open, &now)
            };
            // What could not be done is tried again at the end.
            let _ = self.come_true(wish).await;
        }
        let (mut open, now) = self.begin().await;
        open.renamed.clear();
        let changes: Vec<Change> = open
            .elevations
            .values()
            .filter_map(|one| {
                let loss = losses.get(&(one.user.clone(), one.uid))?;
                Some(end(one, &loss.why, &now))
            })
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.settle(open, changes, &now).await.map(drop)
    }
}

fn renamed(losses: &HashMap<Holder, Loss>) -> BTreeSet<(UserName, UserName)> {
    let each = losses.iter().filter_map(|((old, _), loss)| {
        let new = UserName::new(loss.renamed.as_deref()?).ok()?;
        Some((old.clone(), new))
    });
    each.collect()
}

#[expect(clippy::disallowed_methods, reason = "nothing ends by it")]
async fn blink() {
    tokio::time::sleep(BLINK).await;
}
