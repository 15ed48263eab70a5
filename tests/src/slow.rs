//! A process of a machine that gets a fraction of its time.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long it runs and how long it stands still, in turn: one part in twenty.
const RUNS: Duration = Duration::from_millis(10);
const STANDS: Duration = Duration::from_millis(190);

/// A process that is stopped and let go again all the time, until this is dropped. To those who
/// wait for it, it is alive and slow.
#[must_use = "dropping it gives the process all of its time again"]
pub struct Slowed {
    is_over: Arc<AtomicBool>,
    slowing: Option<JoinHandle<()>>,
}

impl Slowed {
    /// By its number outside of the machine.
    pub(crate) fn process(pid: u32) -> Self {
        let pid = Pid::from_raw(i32::try_from(pid).expect("a process number"));
        let is_over = Arc::new(AtomicBool::new(false));
        let told = is_over.clone();
        let slowing = thread::spawn(move || {
            while !told.load(Ordering::Relaxed) {
                // It may have ended meanwhile.
                let _ = kill(pid, Signal::SIGSTOP);
                thread::sleep(STANDS);
                let _ = kill(pid, Signal::SIGCONT);
                thread::sleep(RUNS);
            }
        });
        Self {
            is_over,
            slowing: Some(slowing),
        }
    }
}

impl Drop for Slowed {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(slowing) = self.slowing.take() {
            let _ = slowing.join();
        }
    }
}

/// The number outside of process `inside` of the machine whose PID 1 is `init` outside.
pub(crate) fn outside(init: u32, inside: u32) -> Option<u32> {
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let machine = namespace(init)?;
    let pids = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        let last = numbers.and_then(|numbers| numbers.split_whitespace().next_back());
        last == Some(&inside.to_string()) && namespace(*pid).as_ref() == Some(&machine)
    })
}
