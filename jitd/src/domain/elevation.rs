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
    /// Length as asked for, or as shortened by an approver.
    pub duration: Seconds,
    /// When it was asked for.
    pub requested_at: Wall,
    /// When a pending one lapses.
    pub lapses_at: Wall,
    /// What it gives, once it was active.
    pub grant: Option<Grant>,
    /// How it ended, once it has.
    pub ended: Option<Ended>,
    /// Who has decided.
    pub decisions: Vec<Decision>,
}

/// What an active elevation gives, as it was approved, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Groups held.
    pub groups: Vec<GroupName>,
    /// PAM services opened.
    pub services: Vec<ServiceName>,
    /// When it began.
    pub starts_at: Wall,
    /// Its end by the wall clock.
    pub ends_at: Wall,
    /// Its end by the boot clock of the boot in which it began.
    pub ends_at_boot: Boot,
    /// That boot.
    pub boot_id: BootId,
}

/// The end of an elevation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
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

impl Grant {
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
        self.state == State::Active && self.grant.as_ref().is_some_and(|g| !g.is_over(now))
    }

    /// Whether the clock has an end in store for it that is due.
    #[must_use]
    pub fn is_due(&self, now: &Now) -> bool {
        match self.state {
            State::Pending => now.wall >= self.lapses_at,
            State::Active => self.grant.as_ref().is_none_or(|g| g.is_over(now)),
            _ => false,
        }
    }

    /// How long from now, in milliseconds, until the clock ends it; none for one that is closed.
    #[must_use]
    pub fn due_in(&self, now: &Now) -> Option<i64> {
        let by_wall = |end: Wall| end.0.saturating_sub(now.wall.0);
        match (self.state, &self.grant) {
            (State::Pending, _) => Some(by_wall(self.lapses_at)),
            (State::Active, Some(grant)) if grant.boot_id == now.boot_id => {
                let by_boot = grant.ends_at_boot.0.saturating_sub(now.boot.0);
                Some(by_wall(grant.ends_at).min(by_boot))
            }
            (State::Active, Some(grant)) => Some(by_wall(grant.ends_at)),
            (State::Active, None) => Some(0),
            _ => None,
        }
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
