//! Processes that still hold a group which their person has lost.
//!
//! A process keeps the groups that it started with (credentials(7)); for a group with power of
//! its own, such as docker, membership ends only when those processes do.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::unistd::{Group, User};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::crash::crash_point;
use crate::domain::desired::Membership;
use crate::record::{Priority, note};

/// How long a process has to go by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// After so many looks what is left cannot be ended: it waits for the kernel, and has no more
/// instructions to run.
const MOST_LOOKS: u32 = 50;

/// What is to be done when nobody holds these any more.
pub type Gone = Box<dyn FnOnce(Vec<Membership>) + Send>;

/// Ends what still holds lost groups.
pub trait Processes: Send + std::fmt::Debug {
    /// Ends all processes of these people that hold these groups; does not wait for it. `gone` is
    /// told when there is none any more, of those whom nobody has spared meanwhile.
    fn end(&self, lost: Vec<Membership>, gone: Gone);

    /// Ends no more of those who have, or are about to get, a group again.
    fn spare(&self, held: &BTreeSet<Membership>);
}

/// Those of this host. Clones share what is under way.
#[derive(Debug, Clone, Default)]
pub struct HostProcesses {
    lost: Arc<Mutex<BTreeSet<Membership>>>,
    under_way: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl HostProcesses {
    /// Waits until all that was to be ended has ended.
    pub fn wait(&self) {
        for ending in std::mem::take(&mut *locked(&self.under_way)) {
            // What it had to say it has said.
            let _ = ending.join();
        }
    }

    /// Looks again and again, since one may have started another between being seen and being
    /// ended.
    fn end_all(&self, memberships: &[Membership], gone: Gone) {
        // Whoever ends it may hold the group too: the answer comes first.
        pause();
        let known: Vec<(&Membership, Lost)> = memberships
            .iter()
            .filter_map(|membership| Some((membership, numbers(membership)?)))
            .collect();
        for look in 0..MOST_LOOKS {
            if self.look(look, &known) == 0 {
                self.forget(memberships, gone);
                return;
            }
            crash_point!("processes.asked");
            pause();
        }
        note(
            Priority::Warning,
            "a process that holds a lost group does not end: it waits for the kernel",
        );
    }

    fn forget(&self, memberships: &[Membership], gone: Gone) {
        // Held until it is done: who is to get one of them again waits, and finds it forgotten.
        let mut lost = locked(&self.lost);
        let still = memberships.iter().filter(|one| lost.contains(one));
        gone(still.cloned().collect());
        lost.retain(|lost| !memberships.contains(lost));
    }

    /// One look, and a signal where it is time for one; gives how many there still were.
    fn look(&self, look: u32, known: &[(&Membership, Lost)]) -> usize {
        // Held until it is done: who is spared then is spared.
        let lost = locked(&self.lost);
        let still = known
            .iter()
            .filter(|(membership, _)| lost.contains(*membership));
        let held = holders(&still.map(|(_, numbers)| *numbers).collect());
        let signal = match look {
            0 => Signal::TERM,
            look if PAUSE * look < GRACE => return held.len(),
            _ => Signal::KILL,
        };
        for process in &held {
            // It may have gone meanwhile; a stopped one must run to take the first.
            let _ = pidfd_send_signal(process, signal);
            let _ = pidfd_send_signal(process, Signal::CONT);
        }
        held.len()
    }
}

impl Processes for HostProcesses {
    fn end(&self, lost: Vec<Membership>, gone: Gone) {
        locked(&self.lost).extend(lost.iter().cloned());
        let these = self.clone();
        let ending = std::thread::Builder::new()
            .name("ends".to_owned())
            .spawn(move || these.end_all(&lost, gone));
        match ending {
            Ok(ending) => {
                let mut under_way = locked(&self.under_way);
                under_way.retain(|ending| !ending.is_finished());
                under_way.push(ending);
            }
            Err(error) => note(
                Priority::Error,
                &format!("processes that hold lost groups could not be ended: {error}"),
            ),
        }
    }

    fn spare(&self, held: &BTreeSet<Membership>) {
        locked(&self.lost).retain(|lost| !held.contains(lost));
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A person's number, and that of a group.
type Lost = (u32, u32);

/// Of those who are still there.
fn numbers((group, user): &Membership) -> Option<Lost> {
    let user = User::from_name(user.as_str()).ok().flatten()?;
    let group = Group::from_name(group.as_str()).ok().flatten()?;
    Some((user.uid.as_raw(), group.gid.as_raw()))
}

/// The processes of these people that hold these groups.
fn holders(lost: &BTreeSet<Lost>) -> Vec<OwnedFd> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| holds(*pid, lost))
        .filter_map(|pid| {
            let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
            // The number could have got another owner before it was held on to.
            holds(pid, lost).then_some(process)
        })
        .collect()
}

fn holds(pid: i32, lost: &BTreeSet<Lost>) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| is_holder(&status, lost))
}

/// By `proc_pid_status(5)`: the real uid says whose it is, and any of the groups will do.
fn is_holder(status: &str, lost: &BTreeSet<Lost>) -> bool {
    let numbers = |key: &str| -> Vec<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let words = line.unwrap_or_default().split_whitespace();
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let Some(&uid) = numbers("Uid:").first() else {
        return false;
    };
    let groups = [numbers("Gid:"), numbers("Groups:")].concat();
    groups.iter().any(|gid| lost.contains(&(uid, *gid)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at /proc, which tells nobody when it changes"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_a_lost_group_by_any_way_is_its_holder() {
        let lost = BTreeSet::from([(1001, 900)]);
        let status = |uids: &str, gids: &str, groups: &str| {
            format!(
                "Name:\tx Groups: 900\nUid:\t{uids}\nGid:\t{gids}\nFDSize:\t64\nGroups:\t{groups} \n"
            )
        };
        for (uids, gids, groups) in [
            (
                "1001\t1001\t1001\t1001",
                "1001\t1001\t1001\t1001",
                "20 900 1001",
            ),
            ("1001\t0\t0\t0", "1001\t900\t1001\t1001", ""),
        ] {
            assert!(is_holder(&status(uids, gids, groups), &lost));
        }
        for (uids, gids, groups) in [
            (
                "1001\t1001\t1001\t1001",
                "1001\t1001\t1001\t1001",
                "20 1001",
            ),
            ("1002\t1001\t1001\t1001", "1001\t1001\t1001\t1001", "900"),
            ("0\t1001\t1001\t1001", "900\t900\t900\t900", "900"),
            ("", "", ""),
        ] {
            assert!(!is_holder(&status(uids, gids, groups), &lost));
        }
    }
}
