//! jitd as systemd has it: how soon it is there, and how large it is.

use std::fs;
use std::process::Command;
use std::time::Instant;

use super::{must, sample};

/// The unit.
pub(super) const UNIT: &str = "jitd.service";

/// Starts it so many times, from the command to the name on the bus: for a
/// unit of `Type=dbus`, `systemctl start` returns then.
pub(super) fn starts(count: usize) {
    for _ in 0..count {
        must("systemctl", &["stop", UNIT]);
        // So many starts in a row are no failure of jitd's.
        must("systemctl", &["reset-failed", UNIT]);
        let before = Instant::now();
        must("systemctl", &["start", UNIT]);
        sample("start", before.elapsed());
        println!("fresh {}", status("VmRSS"));
    }
}

/// What it has in memory now, in bytes, and the most it ever had.
pub(super) fn memory() {
    println!("now {}", status("VmRSS"));
    println!("most {}", status("VmHWM"));
}

/// The main process of a unit.
pub(super) fn pid(unit: &str) -> String {
    let output = Command::new("systemctl")
        .args(["show", "--property=MainPID", "--value", unit])
        .output()
        .expect("systemctl starts");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A size in bytes from proc(5)'s status of jitd.
fn status(field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", pid(UNIT))).expect("jitd runs");
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = line
        .and_then(|line| line.trim_start_matches(':').trim().strip_suffix(" kB"))
        .and_then(|number| number.parse::<u64>().ok());
    kibibytes.expect("a size") * 1024
}
