//! The way into a machine.

use std::path::PathBuf;
use std::process::Command;

/// Takes these away from all that starts or enters a machine. A container has
/// no clock of its own: with `CAP_SYS_TIME` a test would set the clock of the
/// machine that builds. Nor has it kernel modules of its own.
pub(crate) const FORBIDDEN: &str = "-sys_time,-sys_module";

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const SSH: &str = "ssh -F none -i /root/.ssh/id_ed25519 -o BatchMode=yes \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR";

/// The way into a booted machine: as root, or by ssh.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// The machine's PID 1, as numbered outside.
    pub(crate) init: u32,
    /// Its cgroup's `cgroup.procs`: who enters joins it, else the machine's
    /// systemd would see visitors from outside its tree.
    pub(crate) cgroup: PathBuf,
}

impl Door {
    /// `script` for `sh` in the machine, as root.
    pub(crate) fn as_root(&self, script: &str) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--bounding-set", FORBIDDEN, "--", "sh", "-c"])
            .arg(r#"echo $$ >"$0" && exec "$@""#)
            .arg(&self.cgroup)
            .arg("nsenter")
            .arg(format!("--target={}", self.init))
            .args([
                "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--",
            ])
            .args(["env", "-i", &format!("PATH={PATH}"), "HOME=/root"])
            .args(["USER=root", "LANG=C.UTF-8", "TERM=dumb"])
            .args(["sh", "-c", script]);
        command
    }

    /// A real ssh login of `user` with `options` of ssh; `words` is the rest
    /// of its command line, quoted.
    pub(crate) fn as_user(&self, user: &str, options: &str, words: &str) -> Command {
        self.as_root(&format!("exec {SSH} {options} {user}@127.0.0.1 {words}"))
    }
}
