//! A throwaway machine, as tests see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::account_lock::AccountLock;
use crate::background::Background;
use crate::builder::MachineBuilder;
use crate::container::Container;
use crate::output::Output;
use crate::quote::quote;
use crate::release::Release;
use crate::shell::Shell;
use crate::slow::{self, Slowed};
use crate::streams::Streams;
use crate::terminal::Terminal;
use crate::wait::{LIMIT, holds_within};

/// How long apt may take over our package.
const APT: Duration = Duration::from_secs(120);

/// What a failed scene prints.
const DIAGNOSIS: &str = "
echo '--- journal'; journalctl --boot --no-pager --output=short-precise --lines=150
echo '--- auth.log'; tail -n 60 /var/log/auth.log
echo '--- /etc/group'; tail -n 12 /etc/group
echo '--- jitd'; systemctl --no-pager --full status jitd.service
echo '--- failed units'; systemctl --no-pager --failed
";

/// A booted Debian machine. Gone when dropped; if that is because a test
/// failed, it first prints its logs.
pub struct Machine {
    release: Release,
    container: Container,
}

impl Machine {
    /// Starts describing a machine: Debian's `release` with our package
    /// installed and set up.
    pub fn builder(release: Release) -> MachineBuilder {
        MachineBuilder::new(release)
    }

    pub(crate) fn new(release: Release, container: Container) -> Self {
        Self { release, container }
    }

    /// What it runs.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Runs `script` by `sh` as root, within [`LIMIT`].
    #[track_caller]
    pub fn run(&self, script: &str) -> Output {
        self.run_within(LIMIT, script)
    }

    /// The same with a limit of its own.
    #[track_caller]
    pub fn run_within(&self, limit: Duration, script: &str) -> Output {
        self.container.run(script, limit)
    }

    /// The same with something to read, within [`LIMIT`].
    #[track_caller]
    pub fn run_with_input(&self, script: &str, input: &str) -> Output {
        self.container
            .try_run(script, input, LIMIT)
            .unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// Runs `command` in a fresh ssh login of `user` without a terminal.
    #[track_caller]
    pub fn run_as(&self, user: &str, command: &str) -> Output {
        let ssh = self.container.door().as_user(user, "-T", &quote(command));
        let mut streams = Streams::start(ssh, command);
        streams.feed("");
        streams
            .end_within(LIMIT)
            .unwrap_or_else(|so_far| panic!("`{command}` took more than {LIMIT:?}\n{so_far}"))
    }

    /// Starts `command` in a fresh ssh login of `user`, to be waited for.
    #[track_caller]
    pub fn spawn_as(&self, user: &str, command: &str) -> Background {
        Background::start(self.container.door(), user, command)
    }

    /// Installs `deb`, a file outside, by apt, without questions.
    #[track_caller]
    pub fn apt_install(&self, deb: &Path) -> Output {
        let name = deb.file_name().unwrap_or_default().to_string_lossy();
        let inside = format!("/var/tmp/{name}");
        fs::copy(deb, self.outside(&inside)).expect("a package can be put into the machine");
        let inside = quote(&inside);
        let output = self.run_within(
            APT,
            &format!("DEBIAN_FRONTEND=noninteractive apt-get install --yes {inside}"),
        );
        self.run(&format!("rm {inside}")).ok();
        output
    }

    /// Logs `user` in by ssh, without a terminal.
    #[track_caller]
    pub fn ssh(&self, user: &str) -> Shell {
        Shell::open(self.container.door(), user)
    }

    /// Logs `user` in by ssh, on a terminal.
    #[track_caller]
    pub fn ssh_tty(&self, user: &str) -> Terminal {
        Terminal::open(self.container.door(), user)
    }

    /// Shuts the machine down in order and boots it again. Logins are gone;
    /// files outside /run and /tmp stay.
    #[track_caller]
    pub fn reboot(&mut self) {
        self.container.power_off();
        self.container.boot_again();
    }

    /// Shuts the machine down in order and leaves it off, until
    /// [`Machine::power_on`].
    #[track_caller]
    pub fn power_off(&mut self) {
        self.container.power_off();
    }

    /// Boots a machine that is off.
    #[track_caller]
    pub fn power_on(&mut self) {
        self.container.boot_again();
    }

    /// Ends every process of the machine at one instant and boots it again.
    #[track_caller]
    pub fn power_cycle(&mut self) {
        self.container.cut_power();
        self.container.boot_again();
    }

    /// Returns as soon as `condition` holds; panics with `what` and the
    /// machine's logs when it does not within `limit`.
    #[track_caller]
    pub fn wait_until(&self, what: &str, limit: Duration, condition: impl FnMut() -> bool) {
        crate::wait::wait_until(what, limit, condition);
    }

    /// The journal since boot, one line an entry.
    #[track_caller]
    pub fn journal(&self) -> String {
        self.read("journalctl --sync && journalctl --boot --no-pager --output=short-iso")
    }

    /// What syslog has under the facilities auth and authpriv.
    #[track_caller]
    pub fn auth_log(&self) -> String {
        self.file("/var/log/auth.log")
    }

    /// The content of a text file.
    #[track_caller]
    pub fn file(&self, path: &str) -> String {
        self.read(&format!("cat {}", quote(path)))
    }

    /// Where a file of the running machine is to be found from outside, for
    /// what is not text. `path` must not lead over symbolic links.
    pub fn outside(&self, path: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.container.door().init);
        Path::new(&root).join(path.trim_start_matches('/'))
    }

    /// Puts a program into the machine, at `path`, for everyone to run.
    #[track_caller]
    pub fn put_program(&self, program: &Path, path: &str) {
        fs::copy(program, self.outside(path))
            .unwrap_or_else(|error| panic!("can't copy {}: {error}", program.display()));
        self.run(&format!("chmod 755 {}", quote(path))).ok();
    }

    /// Locks the account files, as the shadow tools do with each other and
    /// everybody does who changes them, until it is dropped.
    #[track_caller]
    pub fn lock_accounts(&self) -> AccountLock {
        AccountLock::take(&self.outside("/etc/.pwd.lock"))
    }

    /// The groups of `user` by the account databases, not by any process.
    #[track_caller]
    pub fn groups_of(&self, user: &str) -> Vec<String> {
        let names = self.read(&format!("id -Gn {}", quote(user)));
        names.split_whitespace().map(str::to_owned).collect()
    }

    /// The main process of `unit`, as numbered in the machine; none when it
    /// does not run.
    #[track_caller]
    pub fn pid_of_unit(&self, unit: &str) -> Option<u32> {
        let pid = self.read(&format!(
            "systemctl show --property=MainPID --value {}",
            quote(unit)
        ));
        pid.trim().parse().ok().filter(|&pid| pid != 0)
    }

    /// Gives the main process of `unit` a twentieth of its time.
    #[track_caller]
    pub fn slow(&self, unit: &str) -> Slowed {
        let inside = self.pid_of_unit(unit);
        let pid = inside.and_then(|pid| slow::outside(self.container.door().init, pid));
        Slowed::process(pid.unwrap_or_else(|| panic!("{unit} does not run")))
    }

    /// Gives PID 1 a twentieth of its time.
    pub fn slow_init(&self) -> Slowed {
        Slowed::process(self.container.door().init)
    }

    /// Sends `signal` (`KILL`, `STOP`, …) to the main process of `unit`.
    #[track_caller]
    pub fn kill(&self, unit: &str, signal: &str) {
        let pid = self
            .pid_of_unit(unit)
            .unwrap_or_else(|| panic!("{unit} does not run"));
        self.run(&format!("kill -s {} {pid}", quote(signal))).ok();
        if signal == "KILL" {
            let gone = holds_within(LIMIT, || self.run(&format!("kill -0 {pid}")).status != 0);
            assert!(gone, "{unit} survived KILL");
        }
    }

    #[track_caller]
    fn read(&self, script: &str) -> String {
        let output = self.run(script);
        output.ok();
        output.stdout
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if thread::panicking() {
            let answer = self
                .container
                .try_run(DIAGNOSIS, "", Duration::from_secs(10));
            let said = answer.map_or_else(|problem| problem, |output| output.stdout);
            eprintln!(
                "=== the {} machine of the failed test\n{said}===",
                self.release
            );
        }
    }
}
