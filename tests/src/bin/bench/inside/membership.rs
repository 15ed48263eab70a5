//! Giving and taking a membership, by jitd and by the tool for it.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jitd::clock::HostClock;
use jitd::domain::desired::Desired;
use jitd::domain::names::{GroupName, UserName};
use jitd::paths;
use jitd::reconcile::{HostProcesses, Memberships, Places, Witness};
use jitd::store::Store;

use super::{must, sample, turns};

/// The group that jitd gives; the tool has one of its own.
const OURS: &str = "jit-deploy";
const THEIRS: &str = "by-hand";
const USER: &str = "carol";
/// Rounds that warm the caches.
const WARM_UP: usize = 3;

/// Gives and takes once by each in each round.
pub(super) fn run(rounds: usize) {
    let mut ours = Ours::new();
    for round in 0..WARM_UP + rounds {
        for turn in turns(round, 2) {
            let [give, take] = if turn == 0 {
                [true, false].map(|member| {
                    let before = Instant::now();
                    ours.make(member);
                    before.elapsed()
                })
            } else {
                ["-a", "-d"].map(|option| {
                    let before = Instant::now();
                    must("gpasswd", &[option, USER, THEIRS]);
                    before.elapsed()
                })
            };
            if round >= WARM_UP {
                let who = ["jitd", "gpasswd"][turn];
                sample(&format!("give {who}"), give);
                sample(&format!("take {who}"), take);
            }
        }
    }
}

/// Gives and takes so many times, for strace to look at.
pub(super) fn ours_alone(rounds: usize) {
    let mut ours = Ours::new();
    for _ in 0..rounds {
        ours.make(true);
        ours.make(false);
    }
}

/// jitd's own memberships over this machine's files and a database beside
/// jitd's, on the same disk.
struct Ours(Memberships);

impl Ours {
    fn new() -> Self {
        let database = Path::new(paths::STATE).join("bench.db");
        let store = Store::open(&database).expect("a database can be made");
        Self(
            Memberships::new(
                Places::of_host(),
                store,
                Arc::new(HostClock::new().expect("this host has clocks")),
                Box::new(HostProcesses::default()),
                Witness::new().0,
            )
            .expect("the database is new"),
        )
    }

    fn make(&mut self, member: bool) {
        let group = GroupName::new(OURS).expect("a group name");
        let user = UserName::new(USER).expect("a user name");
        let mut desired = Desired::default();
        desired.groups.insert(group.clone());
        if member {
            desired.memberships.insert((group, user));
        }
        self.0.apply(&desired).expect("the files can be changed");
    }
}
