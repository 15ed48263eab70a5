//! Waking at the right moment. An island: tokio wants its word for an fd that stays open.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

/// A timer on `CLOCK_BOOTTIME`, which suspend does not stop (tokio's stand still in it), beside
/// one on `CLOCK_REALTIME` that fires when somebody sets the clock (`timerfd_create(2)`).
pub struct Alarm {
    boot: AsyncFd<Fd>,
    set: AsyncFd<Fd>,
}

struct Fd(TimerFd);

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Alarm {
    /// Makes both timers; needs a tokio runtime.
    ///
    /// # Errors
    /// The kernel gives no timer.
    pub fn new() -> std::io::Result<Self> {
        let alarm = Self {
            boot: watched(ClockId::CLOCK_BOOTTIME)?,
            set: watched(ClockId::CLOCK_REALTIME)?,
        };
        alarm.watch_for_set_clock()?;
        Ok(alarm)
    }

    /// Waits this long, or until the wall clock is set, whichever comes first. Never less than a
    /// millisecond, so that a due moment that a caller could not deal with does not spin.
    ///
    /// # Errors
    /// The kernel's, of timerfd.
    pub async fn after(&self, milliseconds: i64) -> std::io::Result<()> {
        let milliseconds = u64::try_from(milliseconds).unwrap_or(0).max(1);
        let length = TimeSpec::from_duration(Duration::from_millis(milliseconds));
        self.boot
            .get_ref()
            .0
            .set(Expiration::OneShot(length), TimerSetTimeFlags::empty())?;
        tokio::select! {
            fired = fired(&self.boot) => fired,
            set = fired(&self.set) => {
                set?;
                self.watch_for_set_clock()
            }
        }
    }

    fn watch_for_set_clock(&self) -> std::io::Result<()> {
        let never = TimeSpec::from_duration(Duration::from_secs(u64::from(u32::MAX) * 2));
        let flags =
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        Ok(self
            .set
            .get_ref()
            .0
            .set(Expiration::OneShot(never), flags)?)
    }
}

fn watched(clock: ClockId) -> std::io::Result<AsyncFd<Fd>> {
    let timer = Fd(TimerFd::new(
        clock,
        TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC,
    )?);
    // SAFETY: `Fd` owns its descriptor, always gives the same one, and is dropped, which closes
    // it, only after `AsyncFd` has taken it out of the reactor.
    Ok(unsafe { AsyncFd::register(timer) }?)
}

/// Waits until the timer has expired, or was cancelled because the clock was set.
async fn fired(timer: &AsyncFd<Fd>) -> std::io::Result<()> {
    loop {
        let mut ready = timer.readable().await?;
        let mut count = [0_u8; 8];
        match nix::unistd::read(timer.get_ref().0.as_fd(), &mut count) {
            Ok(_) | Err(Errno::ECANCELED) => return Ok(()),
            Err(Errno::EAGAIN) => ready.clear_ready(),
            Err(error) => return Err(error.into()),
        }
    }
}
