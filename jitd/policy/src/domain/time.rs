//! Time as an argument. Only the clock room reads a clock.

/// Wall time in milliseconds since the Unix epoch. Anybody with root can set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub i64);

/// Time since boot in milliseconds, suspend included (`CLOCK_BOOTTIME`). Nobody can set it;
/// it means something only together with its [`BootId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Boot(pub i64);

/// Which boot of the host: `/proc/sys/kernel/random/boot_id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BootId(pub String);

/// One reading of both clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// The wall clock.
    pub wall: Wall,
    /// The boot clock.
    pub boot: Boot,
    /// The boot that `boot` counts from.
    pub boot_id: BootId,
}

/// A length of time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u64);

impl Seconds {
    /// The longest length that a policy may name: a year.
    pub const LONGEST: Self = Self(366 * 24 * 3600);

    /// In milliseconds; lengths are bounded by [`Seconds::LONGEST`] and fit.
    #[must_use]
    pub fn millis(self) -> i64 {
        i64::try_from(self.0.min(Self::LONGEST.0)).map_or(i64::MAX, |s| s * 1000)
    }
}

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        humantime::format_duration(std::time::Duration::from_secs(self.0)).fmt(f)
    }
}

impl Wall {
    /// This much later.
    #[must_use]
    pub fn after(self, length: Seconds) -> Self {
        Self(self.0.saturating_add(length.millis()))
    }
}

impl Boot {
    /// This much later.
    #[must_use]
    pub fn after(self, length: Seconds) -> Self {
        Self(self.0.saturating_add(length.millis()))
    }
}
