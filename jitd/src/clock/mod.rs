//! The only room that reads a clock.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the room that reads clocks"
)]

mod alarm;

pub use alarm::Alarm;

use nix::time::{ClockId, clock_gettime};

use crate::domain::time::{Boot, BootId, Now, Wall};

/// How far apart two readings may be that count as one, in milliseconds.
const AT_ONCE: i64 = 100;

/// How often both clocks are read until they were read at once.
const TRIES: u32 = 5;

/// Something that knows what time it is.
pub trait Clock: Send + Sync {
    /// Reads both clocks.
    fn now(&self) -> Now;
}

/// The host's clocks.
#[derive(Debug)]
pub struct HostClock {
    boot_id: BootId,
}

impl HostClock {
    /// Learns which boot this is.
    ///
    /// # Errors
    /// `/proc` is not there, or the kernel lacks a clock.
    pub fn new() -> std::io::Result<Self> {
        read(ClockId::CLOCK_BOOTTIME)?;
        read(ClockId::CLOCK_REALTIME)?;
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        Ok(Self {
            boot_id: BootId(boot_id.trim().to_owned()),
        })
    }
}

impl Clock for HostClock {
    fn now(&self) -> Now {
        let (wall, boot) = both();
        Now {
            wall: Wall(wall),
            boot: Boot(boot),
            boot_id: self.boot_id.clone(),
        }
    }
}

/// Reads both clocks at one moment: who is stopped between the two would take it for a set
/// clock. Somebody who is stopped again and again gets the last reading.
fn both() -> (i64, i64) {
    // Both clocks were read once in `new`; clock_gettime(2) cannot fail for them later. Were it
    // to, the far future ends every elevation: closed, not open.
    let boot = || read(ClockId::CLOCK_BOOTTIME).unwrap_or(i64::MAX);
    let mut before = boot();
    let mut tries = 0;
    loop {
        let wall = read(ClockId::CLOCK_REALTIME).unwrap_or(i64::MAX);
        let after = boot();
        tries += 1;
        if after.saturating_sub(before) <= AT_ONCE || tries == TRIES {
            return (wall, after);
        }
        before = after;
    }
}

/// Milliseconds on a clock, rounded down.
fn read(clock: ClockId) -> std::io::Result<i64> {
    let time = clock_gettime(clock)?;
    Ok(time
        .tv_sec()
        .saturating_mul(1000)
        .saturating_add(time.tv_nsec() / 1_000_000))
}
