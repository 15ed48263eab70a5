//! One request and all that becomes of it.

use jitd_api::{State, Verdict};

use super::names::{GroupName, RoleName, ServiceName, UserName};
use super::time::{Boot, BootId, Now, Seconds, Wall};

/// The number of an elevation, for life. The first one is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElevationId(pub u64);

impl std::fmt::Display for ElevationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// An elevation in whatever state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elevation {
    /// Its number.
    pub id: ElevationId,
    /// Where it stands.
    pub state: State,
    /// The holder's account name when it was asked for.
    pub user: UserName,
    /// The holder's account.
    pub uid: u32,
    /// Who was logged in when the account asked, where that was somebody else.
    pub login_uid: Option<u32>,
    /// The role.
    pub role: RoleName,
    /// Why.
    pub reason: String,
    /// For which ticket; may be empty.
    pub ticket: String,
    /// Length as asked for, or as shortened by an approver.
    pub duration: Seconds,
    /// When it was asked for.
    pub requested_at: Wall,
    /// When it is to begin, where a time was set.
    pub start: Option<Wall>,
    /// The one that it goes on from.
    pub extends: Option<ElevationId>,
    /// Whether it was taken by breaking the glass.
    pub break_glass: bool,
    /// Who took note of that.
    pub acknowledged: Option<Act>,
    /// When a pending one lapses.
    pub lapses_at: Wall,
    /// What it gives, once it was approved.
    pub grant: Option<Grant>,
    /// How it ended, once it has.
    pub ended: Option<Act>,
    /// Who has decided.
    pub decisions: Vec<Decision>,
}

/// What an elevation gives, as it was approved, and from when until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Groups held.
    pub groups: Vec<GroupName>,
    /// PAM services opened.
    pub services: Vec<ServiceName>,
    /// Its beginning by the wall clock.
    pub starts_at: Wall,
    /// Its beginning by the boot clock.
    pub starts_at_boot: Boot,
    /// Its end by the wall clock.
    pub ends_at: Wall,
    /// Its end by the boot clock.
    pub ends_at_boot: Boot,
    /// The boot that these count from.
    pub boot_id: BootId,
}

/// Something that somebody did to an elevation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: Wall,
    /// Who: an account name, or `jitd` for the clock and the policy.
    pub by: String,
}

/// One person's yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The person it counts as.
    pub by: UserName,
    /// Their account.
    pub uid: u32,
    /// Yes or no.
    pub verdict: Verdict,
    /// What was said with it.
    pub comment: String,
    /// When.
    pub at: Wall,
}

/// How long before its beginning an extension is made active, in milliseconds: it gives nothing
/// until then, but must be there at the very moment.
const AHEAD: i64 = 2_000;

impl Grant {
    /// Whether its time has come, by either clock.
    #[must_use]
    pub fn has_begun(&self, now: &Now) -> bool {
        self.begins_in(now) <= 0
    }

    /// Milliseconds until its time comes.
    fn begins_in(&self, now: &Now) -> i64 {
        let by_wall = self.starts_at.0.saturating_sub(now.wall.0);
        if now.boot_id == self.boot_id {
            by_wall.min(self.starts_at_boot.0.saturating_sub(now.boot.0))
        } else {
            by_wall
        }
    }

    /// Milliseconds until its time is up.
    fn ends_in(&self, now: &Now) -> i64 {
        let by_wall = self.ends_at.0.saturating_sub(now.wall.0);
        if now.boot_id == self.boot_id {
            by_wall.min(self.ends_at_boot.0.saturating_sub(now.boot.0))
        } else {
            by_wall
        }
    }

    /// Whether its end has passed, by either clock: for one that has not begun, which a reboot
    /// keeps.
    #[must_use]
    pub fn has_passed(&self, now: &Now) -> bool {
        self.ends_in(now) <= 0
    }

    /// Whether its time is up. The earlier of both clocks wins, so that setting one gains
    /// nobody a second. After a reboot only the wall clock is left to compare; one that
    /// stands before the start was set back and proves nothing, so the time counts as up.
    #[must_use]
    pub fn is_over(&self, now: &Now) -> bool {
        now.wall >= self.ends_at
            || if now.boot_id == self.boot_id {
                now.boot >= self.ends_at_boot
            } else {
                now.wall < self.starts_at
            }
    }
}

impl Elevation {
    /// Whether it gives its privilege at this moment, whatever a timer has or has not done.
    #[must_use]
    pub fn is_active(&self, now: &Now) -> bool {
        let given = |grant: &Grant| grant.has_begun(now) && !grant.is_over(now);
        self.state == State::Active && self.grant.as_ref().is_some_and(given)
    }

    /// The state as people are told: what the clock is about to do counts as done.
    #[must_use]
    pub fn shown_state(&self, now: &Now) -> State {
        let begun = self.grant.as_ref().is_none_or(|grant| grant.has_begun(now));
        match self.state {
            State::Pending if self.is_due(now) => State::Lapsed,
            State::Active if self.is_due(now) => State::Expired,
            State::Active if !begun => State::Scheduled,
            state => state,
        }
    }

    /// Whether the clock has something in store for it that is due: its end, or, for one that
    /// is scheduled, its beginning.
    #[must_use]
    pub fn is_due(&self, now: &Now) -> bool {
        match (self.state, &self.grant) {
            (State::Pending, _) => now.wall >= self.lapses_at,
            (State::Active, Some(grant)) => grant.is_over(now),
            (State::Active | State::Scheduled, None) => true,
            (State::Scheduled, Some(_)) => self.due_in(now).is_some_and(|left| left <= 0),
            _ => false,
        }
    }

    /// How long from now, in milliseconds, until that is due; none for one that is closed.
    #[must_use]
    pub fn due_in(&self, now: &Now) -> Option<i64> {
        match (self.state, &self.grant) {
            (State::Pending, _) => Some(self.lapses_at.0.saturating_sub(now.wall.0)),
            (State::Active, Some(grant)) => Some(grant.ends_in(now)),
            (State::Scheduled, Some(grant)) => {
                let ahead = if self.extends.is_some() { AHEAD } else { 0 };
                Some(grant.begins_in(now).saturating_sub(ahead))
            }
            (State::Active | State::Scheduled, None) => Some(0),
            _ => None,
        }
    }

    /// Milliseconds until an active one ends; none for any other.
    #[must_use]
    pub fn left(&self, now: &Now) -> Option<i64> {
        let grant = self.grant.as_ref().filter(|_| self.is_active(now));
        grant.map(|grant| grant.ends_in(now))
    }

    /// Milliseconds until the end of what was granted, also where it has not begun.
    #[must_use]
    pub fn time_left(&self, now: &Now) -> Option<i64> {
        self.grant.as_ref().map(|grant| grant.ends_in(now))
    }

    /// Whether an approver has yet to take note of it.
    #[must_use]
    pub fn to_acknowledge(&self) -> bool {
        self.break_glass && self.acknowledged.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(wall: i64, boot: i64, boot_id: &str) -> Now {
        Now {
            wall: Wall(wall),
            boot: Boot(boot),
            boot_id: BootId(boot_id.to_owned()),
        }
    }

    /// Began at wall 1000 and boot 100 of boot "a", for 10 s.
    fn grant() -> Grant {
        Grant {
            groups: Vec::new(),
            services: Vec::new(),
            starts_at: Wall(1_000),
            starts_at_boot: Boot(100),
            ends_at: Wall(11_000),
            ends_at_boot: Boot(10_100),
            boot_id: BootId("a".to_owned()),
        }
    }

    #[test]
    fn ends_exactly_when_its_length_has_passed() {
        assert!(!grant().is_over(&now(10_999, 10_099, "a")));
        assert!(grant().is_over(&now(11_000, 10_100, "a")));
    }

    #[test]
    fn a_clock_set_back_gains_nothing() {
        assert!(grant().is_over(&now(-5_000_000, 10_100, "a")));
    }

    #[test]
    fn a_clock_set_forward_only_shortens() {
        assert!(grant().is_over(&now(99_000, 200, "a")));
    }

    #[test]
    fn after_a_reboot_the_wall_clock_decides_and_may_not_lie_before_the_start() {
        assert!(!grant().is_over(&now(5_000, 99_999, "b")));
        assert!(grant().is_over(&now(11_000, 1, "b")));
        assert!(grant().is_over(&now(999, 1, "b")));
    }
}
