//! How many samples are taken.

use std::time::Duration;

/// Sample counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Rounds of PAM stacks, each once.
    pub(crate) pam: usize,
    /// Rounds of sudo, with and without the line.
    pub(crate) sudo: usize,
    /// Requests and looks at what waits, under a large policy.
    pub(crate) policy: usize,
    /// Visits to each database, each with a slice of every kind of call.
    pub(crate) gate: usize,
    /// How long a slice is.
    pub(crate) slice: Duration,
    /// Rounds of giving and taking, by jitd and by gpasswd.
    pub(crate) membership: usize,
    /// Elevations that end one after the other.
    pub(crate) ends: usize,
    /// Ends by a timer of systemd's, a second apart.
    pub(crate) timers: usize,
    /// Times that a thousand end together.
    pub(crate) thousands: usize,
    /// Events added to a short and to a long record.
    pub(crate) appends: usize,
    /// Times that a long record is read as a whole.
    pub(crate) reads: usize,
    /// Starts of jitd.
    pub(crate) starts: usize,
}

impl Scale {
    pub(crate) const FULL: Self = Self {
        pam: 400,
        sudo: 400,
        policy: 400,
        gate: 20,
        slice: Duration::from_millis(250),
        membership: 100,
        ends: 300,
        timers: 30,
        thousands: 5,
        appends: 2_000,
        reads: 7,
        starts: 20,
    };

    /// For a look while something is being made faster.
    pub(crate) const QUICK: Self = Self {
        pam: 60,
        sudo: 60,
        policy: 60,
        gate: 5,
        slice: Duration::from_millis(100),
        membership: 20,
        ends: 50,
        timers: 10,
        thousands: 1,
        appends: 300,
        reads: 3,
        starts: 5,
    };
}
