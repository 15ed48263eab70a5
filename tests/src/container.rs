//! A booted system in namespaces of its own: start, stop, enter, clean up.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::cgroup::Cgroup;
use crate::door::{Door, FORBIDDEN};
use crate::output::Output;
use crate::streams::Streams;
use crate::wait::{LIMIT, holds_within};
use crate::workplace::lab;

/// Mounts the overlay in a mount namespace of its own, so that it goes when
/// the system goes, and boots it. `$1` the cgroup's door, `$2` the lower
/// folders, `$3` the machine's folder.
const BOOT: &str = r#"
echo $$ >"$1"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$3/upper,workdir=$3/work" "$3/mount"
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --quiet --register=no --keep-unit --machine=web --directory="$3/mount" \
    --boot --console=pipe --private-network \
    --capability=all --drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE
"#;

/// A booted system over an overlay, gone when dropped.
pub(crate) struct Container {
    folder: PathBuf,
    lower: Vec<PathBuf>,
    cgroup: Cgroup,
    nspawn: Child,
    door: Door,
}

impl Container {
    /// Boots a fresh system over `lower`, topmost folder first, and waits
    /// until it runs.
    #[track_caller]
    pub(crate) fn boot(lower: Vec<PathBuf>) -> Self {
        remove_leftovers();
        let name = fresh_name();
        let folder = lab("machines").join(&name);
        for part in ["upper", "work", "mount"] {
            fs::create_dir_all(folder.join(part)).expect("a machine's folder can be made");
        }
        let cgroup = Cgroup::of(&name);
        let nspawn = start(&folder, &lower, &cgroup);
        let mut container = Self {
            door: Door {
                init: 0,
                cgroup: cgroup.init_door(),
            },
            folder,
            lower,
            cgroup,
            nspawn,
        };
        container.wait_until_running();
        container
    }

    /// The way in.
    pub(crate) fn door(&self) -> &Door {
        &self.door
    }

    /// The folder with what differs from the lower folders.
    pub(crate) fn upper(&self) -> PathBuf {
        self.folder.join("upper")
    }

    /// Runs `script` in it as root.
    #[track_caller]
    pub(crate) fn run(&self, script: &str, limit: Duration) -> Output {
        self.try_run(script, "", limit)
            .unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// The same with `input`; `Err` tells of a command that took too long.
    pub(crate) fn try_run(
        &self,
        script: &str,
        input: &str,
        limit: Duration,
    ) -> Result<Output, String> {
        let mut streams = Streams::start(self.door.as_root(script), script);
        streams.feed(input);
        streams
            .end_within(limit)
            .map_err(|so_far| format!("`{script}` did not end within {limit:?}\n{so_far}"))
    }

    /// Shuts it down in order; its files stay.
    #[track_caller]
    pub(crate) fn power_off(&mut self) {
        // The answer may be cut off by the shutdown itself.
        let _ = self.try_run("systemctl poweroff", "", LIMIT);
        let nspawn = &mut self.nspawn;
        let off = holds_within(LIMIT, || !matches!(nspawn.try_wait(), Ok(None)));
        assert!(off, "the machine did not power off\n{}", self.console());
        self.cgroup.destroy();
    }

    /// Ends it as a power cut would; its files stay.
    pub(crate) fn cut_power(&mut self) {
        self.cgroup.destroy();
        let _ = self.nspawn.wait();
    }

    /// Boots it again over the files it left.
    #[track_caller]
    pub(crate) fn boot_again(&mut self) {
        self.nspawn = start(&self.folder, &self.lower, &self.cgroup);
        self.wait_until_running();
    }

    /// Waits for PID 1, then for systemd to have done all there is to do at
    /// boot. Units that failed are for the test to notice, not for us.
    #[track_caller]
    fn wait_until_running(&mut self) {
        let found = holds_within(LIMIT, || {
            self.door.init = self.cgroup.init().unwrap_or(0);
            self.door.init != 0 || !matches!(self.nspawn.try_wait(), Ok(None))
        });
        assert!(found && self.door.init != 0, "no PID 1\n{}", self.console());
        let mut state = String::new();
        let up = holds_within(LIMIT, || {
            let answer = self.try_run("systemctl is-system-running --wait", "", LIMIT);
            state = answer.map_or_else(|problem| problem, |output| output.text().to_owned());
            state == "running" || state == "degraded"
        });
        assert!(up, "the machine is {state:?}\n{}", self.console());
        self.run(
            "ip link set lo up && systemctl is-active --quiet ssh.service",
            LIMIT,
        )
        .ok();
    }

    fn console(&self) -> String {
        fs::read_to_string(self.folder.join("console")).unwrap_or_default()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.cut_power();
        // What can't be removed now is removed when the next machine starts.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[track_caller]
fn start(folder: &Path, lower: &[PathBuf], cgroup: &Cgroup) -> Child {
    cgroup.create();
    let lower: Vec<_> = lower.iter().map(|path| path.to_string_lossy()).collect();
    let console = File::create(folder.join("console")).expect("a console file can be made");
    let errors = console.try_clone().expect("a file can be opened twice");
    Command::new("setpriv")
        .args(["--bounding-set", FORBIDDEN, "--"])
        .args(["unshare", "--mount", "--propagation", "private", "--"])
        .args(["sh", "-ec", BOOT, "sh"])
        .arg(cgroup.door())
        .arg(lower.join(":"))
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(console)
        .stderr(errors)
        .spawn()
        .expect("setpriv starts")
}

/// Names a machine after the process that owns it, so that another process can
/// tell whether the owner still lives, even when its number is used again.
fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let pid = process::id();
    let started = start_time(pid).expect("this process lives");
    format!("{pid}-{started}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Removes the machines of processes that died without removing them.
fn remove_leftovers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for entry in fs::read_dir(lab("machines"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !owner_lives(&name) {
                Cgroup::of(&name).destroy();
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    });
}

fn owner_lives(name: &str) -> bool {
    let mut parts = name.split('-');
    let (Some(Ok(pid)), Some(started)) = (parts.next().map(str::parse), parts.next()) else {
        return false;
    };
    start_time(pid).is_some_and(|now| now == started)
}

/// When process `pid` started, in ticks since boot: field 22 of proc(5)'s
/// stat, counted after the command name, which may hold spaces.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(") ")?.1;
    after_name.split(' ').nth(19).map(str::to_owned)
}
