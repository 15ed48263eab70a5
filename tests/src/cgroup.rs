//! A cgroup for each machine.
//!
//! Two machines in one cgroup would share `payload`, where systemd-nspawn puts
//! the system it boots, and take each other's processes for their own. The
//! cgroup is also what ends a machine for certain: systemd-nspawn can die and
//! leave its system running.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::wait::holds_within;

/// A cgroup under the one we run in.
#[derive(Clone, Debug)]
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    /// The cgroup of the machine `name`, which need not exist.
    pub(crate) fn of(name: &str) -> Self {
        Self(our_own().join(format!("jit-{name}")))
    }

    /// Makes it.
    pub(crate) fn create(&self) {
        fs::create_dir_all(&self.0)
            .unwrap_or_else(|error| panic!("can't make {}: {error}", self.0.display()));
    }

    /// The file that a process joins by writing its number to it.
    pub(crate) fn door(&self) -> PathBuf {
        self.0.join("cgroup.procs")
    }

    /// The machine's PID 1 as numbered outside, once systemd has settled in
    /// its own cgroup.
    pub(crate) fn init(&self) -> Option<u32> {
        let processes = fs::read_to_string(self.init_door()).ok()?;
        processes.lines().next()?.parse().ok()
    }

    /// The door of the cgroup in which the machine's PID 1 lives.
    pub(crate) fn init_door(&self) -> PathBuf {
        self.0.join("payload/init.scope/cgroup.procs")
    }

    /// Kills everything in it and removes it. Does not panic: it runs in drops.
    pub(crate) fn destroy(&self) {
        let gone = holds_within(Duration::from_secs(10), || {
            // Each step may have been done already, or not be possible yet.
            let _ = fs::write(self.0.join("cgroup.kill"), "1");
            remove_tree(&self.0);
            !self.0.exists()
        });
        if !gone {
            eprintln!("lab: {} would not go away", self.0.display());
        }
    }
}

fn remove_tree(folder: &Path) {
    if let Ok(entries) = fs::read_dir(folder) {
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove_tree(&entry.path());
            }
        }
    }
    let _ = fs::remove_dir(folder);
}

fn our_own() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc is mounted");
    let mount = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((fields.next()?, fields.next()?))
        })
        .find_map(|(folder, kind)| (kind == "cgroup2").then_some(folder))
        .expect("a cgroup2 hierarchy is mounted");
    let cgroups = fs::read_to_string("/proc/self/cgroup").expect("/proc is mounted");
    let ours = cgroups
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .expect("this process is in a cgroup2 cgroup");
    Path::new(mount).join(ours.trim_start_matches('/'))
}
