//! Where jitd can be killed between two steps, as by a power cut: only in builds with the feature
//! `failpoints`, which no package is built with. In all others there is nothing of it.
//!
//! `FAILPOINTS` says where, from the start on; `FAILPOINTS_SERVING` once people can ask. Both are
//! lists of `NAME=return`, and of what else the crate `fail` knows: `2*off->return` is the third
//! time, `sleep(300)` waits there.
#![forbid(unsafe_code)]

/// A point between two steps.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::crash::pass($name);
    };
}

pub(crate) use crash_point;

#[cfg(feature = "failpoints")]
pub(crate) use armed::{arm, pass};

#[cfg(feature = "failpoints")]
mod armed {
    use rustix::process::{Signal, getpid, kill_process};

    use crate::record::{Priority, note};

    /// Takes to heart what a variable of the environment says.
    pub(crate) fn arm(variable: &str) {
        let points = std::env::var(variable).unwrap_or_default();
        for point in points.split(';').filter(|point| !point.is_empty()) {
            let (name, actions) = point.split_once('=').unwrap_or((point, "return"));
            if let Err(error) = fail::cfg(name, actions) {
                note(Priority::Error, &format!("{variable}: {point}: {error}"));
            }
        }
    }

    /// Dies here, where that was asked for.
    pub(crate) fn pass(name: &'static str) {
        fail::fail_point!(name, |_| die(name));
    }

    /// As by kill -9: nothing is cleaned up, and no core is written.
    fn die(name: &str) {
        note(Priority::Error, &format!("killed at crash point {name}"));
        let _ = kill_process(getpid(), Signal::KILL);
        std::process::abort();
    }
}
