//! The end of a session is moved: `RuntimeMaxSec=` of a running scope can't be changed, so what is
//! in it goes on in another one.

use tokio::time::timeout;

use super::link::Systemd;
use super::{cgroups, leader, scopes};
use crate::crash::crash_point;
use crate::domain::session::Session;
use crate::reconcile::sessions::{SessionError, Terms};

/// How often a move into a new scope is tried. What stays behind ends earlier.
const MOST_TRIES: u32 = 20;

impl Systemd {
    /// Lets a session last as long as is said.
    pub(super) async fn move_on(
        &self,
        session: &Session,
        terms: &Terms,
    ) -> Result<(), SessionError> {
        if session.login.is_some() {
            // Nothing but us ends it in time.
            return Ok(());
        }
        let _place = self.shared.moves.acquire().await;
        let old = self.units(&scopes::patterns(session)).await?;
        for unit in &old {
            self.freeze(unit).await;
        }
        crash_point!("scopes.frozen");
        let moved = self.move_all(session, &old, terms).await;
        crash_point!("scopes.moved");
        for unit in &old {
            self.thaw(unit).await;
        }
        moved
    }

    /// Nobody in a scope ends or forks while they are moved: systemd does not start a scope with
    /// a process that has just gone. Where the kernel can't, it is tried all the same.
    async fn freeze(&self, unit: &str) {
        let Ok(link) = self.link().await else { return };
        let _ = timeout(scopes::GRACE, link.systemd.freeze_unit(unit)).await;
    }

    /// One that has nobody left in it is gone already.
    pub(super) async fn thaw(&self, unit: &str) {
        let Ok(link) = self.link().await else { return };
        let _ = timeout(scopes::GRACE, link.systemd.thaw_unit(unit)).await;
    }

    /// Moves everything into a new scope. What is forked meanwhile is where its parent is.
    async fn move_all(
        &self,
        session: &Session,
        old: &[String],
        terms: &Terms,
    ) -> Result<(), SessionError> {
        let last = old.iter().map(|unit| scopes::generation(unit)).max();
        let mut generation = last.unwrap_or(1);
        let mut outcome = Ok(());
        for _ in 0..MOST_TRIES {
            let members = cgroups::members(session.id);
            if members.is_empty() {
                return Ok(());
            }
            generation += 1;
            let new = scopes::scope(session, generation);
            outcome = self.start(&new, &scopes::properties(terms, members)).await;
            if outcome.is_ok() {
                crash_point!("scopes.renewed");
                return self.follow(session, &new).await;
            }
        }
        outcome
    }

    /// Moves those that were forked while their parents were moved.
    async fn follow(&self, session: &Session, new: &str) -> Result<(), SessionError> {
        let systemd = &self.link().await?.systemd;
        for _ in 0..MOST_TRIES {
            let mut left = cgroups::members(session.id);
            left.retain(|pid| leader::unit(*pid).is_some_and(|unit| unit != new));
            if left.is_empty() {
                break;
            }
            // One of them may just have ended; then all of them are tried again.
            let _ = systemd.attach_processes_to_unit(new, "", &left).await;
        }
        Ok(())
    }
}
