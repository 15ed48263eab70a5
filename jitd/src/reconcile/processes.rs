//! Processes that still hold a group which their person has lost.
//!
//! A process keeps the groups that it started with (credentials(7)); for a group with power of
//! its own, such as docker, membership ends only when those processes do.
//!
//! One look that sees nobody is none: who forks and exits all the time is not seen. The person's
//! processes are kept still while they are looked at, and several looks must see nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;

use super::census;
use super::freezer::Frozen;
use super::grip::Grip;
use super::holders::{Lost, is_holder};
use crate::crash::crash_point;
use crate::domain::desired::{Holder, Membership};
use crate::domain::names::{GroupName, RoleName};
use crate::record::{Priority, note};

/// How long a process has to go by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// How many looks in a row must see nobody, and how long to wait between those.
const QUIET_LOOKS: u32 = 3;
const QUIET_PAUSE: Duration = Duration::from_millis(10);
/// After so many looks what is left cannot be ended: it waits for the kernel, and has no more
/// instructions to run.
const MOST_LOOKS: u32 = 50;

/// What is to be done when nobody holds these any more.
pub type Gone = Box<dyn FnOnce(Vec<Membership>) + Send>;

/// Ends what still holds lost groups.
pub trait Processes: Send + std::fmt::Debug {
    /// Ends all processes of these people that hold these groups, and in those of `ours`, which jitd
    /// has made, all that nobody else accounts for; does not wait for it. `gone` is told when there
    /// is none any more, of those whom nobody has spared meanwhile.
    fn end(&self, lost: Vec<Membership>, ours: &BTreeSet<GroupName>, gone: Gone);

    /// Takes note of the numbers of those who hold something now: by the time they are to be
    /// ended, their account may be gone, or called otherwise.
    fn know(&self, holders: &BTreeMap<RoleName, BTreeSet<Holder>>);

    /// Ends no more of those who have, or are about to get, a group again.
    fn spare(&self, held: &BTreeSet<Membership>);
}

/// Those of this host. Clones share what is under way.
#[derive(Debug, Clone, Default)]
pub struct HostProcesses {
    lost: Arc<Mutex<BTreeSet<Membership>>>,
    /// By name and number, those who hold something.
    holders: Arc<Mutex<BTreeSet<Holder>>>,
    /// Who has what.
    held: Arc<Mutex<BTreeSet<Membership>>>,
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
    fn end_all(
        &self,
        memberships: &[Membership],
        known: &BTreeSet<Holder>,
        ours: &BTreeSet<GroupName>,
        gone: Gone,
    ) {
        // Whoever ends it may hold the group too: the answer comes first.
        pause(PAUSE);
        let mut places = BTreeSet::new();
        let mut quiet = 0;
        for look in 0..MOST_LOOKS {
            if self.look(look, (memberships, known), ours, &mut places) > 0 {
                quiet = 0;
                crash_point!("processes.asked");
                pause(PAUSE);
                continue;
            }
            quiet += 1;
            if quiet == QUIET_LOOKS {
                self.forget(memberships, gone);
                return;
            }
            pause(QUIET_PAUSE);
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

    /// One look, and a signal where it is time for one; gives how many there still were. `places` is
    /// where some were seen.
    fn look(
        &self,
        look: u32,
        (memberships, known): (&[Membership], &BTreeSet<Holder>),
        ours: &BTreeSet<GroupName>,
        places: &mut BTreeSet<PathBuf>,
    ) -> usize {
        // A directory may be slow; who is to have something does not wait for it.
        let held = locked(&self.held).clone();
        let numbers = |one| {
            let lost = Lost::of(one, known, ours.contains(&one.0), &held).into_iter();
            lost.map(move |lost| (one, lost))
        };
        let all: Vec<(&Membership, Lost)> = memberships.iter().flat_map(numbers).collect();
        // Held until it is done: who is spared then is spared.
        let lost = locked(&self.lost);
        if *locked(&self.held) != held {
            return 1;
        }
        let still = all.into_iter().filter(|(one, _)| lost.contains(*one));
        let still: Vec<Lost> = still.map(|(_, numbers)| numbers).collect();
        let signal = match look {
            0 => Some(Signal::TERM),
            look if PAUSE * look < GRACE => None,
            _ => Some(Signal::KILL),
        };
        holders(&still, places, |process| {
            if let Some(signal) = signal {
                // A stopped one must run to take the first.
                process.signal(signal);
                process.signal(Signal::CONT);
            }
        })
    }
}

impl Processes for HostProcesses {
    fn end(&self, lost: Vec<Membership>, ours: &BTreeSet<GroupName>, gone: Gone) {
        locked(&self.lost).extend(lost.iter().cloned());
        let (these, ours) = (self.clone(), ours.clone());
        let known = locked(&self.holders).clone();
        let ending = std::thread::Builder::new()
            .name("ends".to_owned())
            .spawn(move || these.end_all(&lost, &known, &ours, gone));
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

    fn know(&self, holders: &BTreeMap<RoleName, BTreeSet<Holder>>) {
        *locked(&self.holders) = holders.values().flatten().cloned().collect();
    }

    fn spare(&self, held: &BTreeSet<Membership>) {
        let mut lost = locked(&self.lost);
        lost.retain(|lost| !held.contains(lost));
        locked(&self.held).clone_from(held);
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does something to each process that holds what is lost; gives how many there are. Those of the
/// people, and where some were seen before, are kept still meanwhile.
fn holders(all: &[Lost], places: &mut BTreeSet<PathBuf>, mut each: impl FnMut(&Grip)) -> usize {
    let people: BTreeSet<PathBuf> = all.iter().map(|lost| census::slice_of(lost.uid)).collect();
    let mut seen = BTreeSet::new();
    let mut count = 0;
    let mut look_at = |place: &Path, pid| {
        let is_meant = |pid| is_holder(pid, all);
        if !is_meant(pid) {
            return;
        }
        // The number could have got another owner before it was held on to.
        if let Some(process) = Grip::take(pid, is_meant) {
            each(&process);
            seen.insert(place.to_owned());
            count += 1;
        }
    };
    let tops: Vec<_> = people.union(places).cloned().collect();
    let still = Frozen::new(tops.iter().cloned());
    for top in &tops {
        census::processes_in(top, &mut look_at);
    }
    drop(still);
    let is_else = |place: &Path| !tops.iter().any(|top| top == place);
    census::processes(is_else, look_at);
    places.extend(seen);
    count
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at /proc, which tells nobody when it changes"
)]
fn pause(length: Duration) {
    std::thread::sleep(length);
}
