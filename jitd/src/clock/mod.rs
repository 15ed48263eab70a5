//! The only room that reads a clock.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the room that reads clocks"
)]

mod alarm;

pub use alarm::Alarm;

use nix::time::{ClockId, clock_gettime};

use crate::domain::time::{Boot, BootId, Now, Wall};

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
        // Both clocks were read once in `new`; clock_gettime(2) cannot fail for them later.
        // Were it to, the far future ends every elevation: closed, not open.
        Now {
            wall: Wall(read(ClockId::CLOCK_REALTIME).unwrap_or(i64::MAX)),
            boot: Boot(read(ClockId::CLOCK_BOOTTIME).unwrap_or(i64::MAX)),
            boot_id: self.boot_id.clone(),
        }
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
