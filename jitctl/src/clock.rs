//! The only place in `jitctl` that reads the clock; everything else is given the time.

use jiff::Zoned;

/// Now, in the local time zone.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the place that other code is sent to"
)]
pub(crate) fn now() -> Zoned {
    Zoned::now()
}
