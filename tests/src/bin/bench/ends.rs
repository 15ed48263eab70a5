//! How long after an elevation's end its group is gone from /etc/group.

use crate::numbers::{Samples, Series};
use crate::report::{Figures, Row, Unit};
use crate::scale::Scale;
use crate::scene;

/// Between two ends, in milliseconds, where each is alone: far more than one
/// takes, and not a multiple of anything.
const APART: usize = 97;
/// Elevations that end together.
const MANY: usize = 1_000;

pub(crate) fn measure(scale: &Scale) -> Vec<Row> {
    let machine = scene::boot(scene::machine());
    scene::add_accounts(&machine);
    let ends =
        |count: usize, spread: usize| scene::inside(&machine, &format!("ends {count} {spread}"));
    let alone = ends(scale.ends, scale.ends * APART).samples("lag");
    let timers = scene::inside(&machine, &format!("timers {}", scale.timers)).samples("lag");
    let mut at_once = Series::default();
    let mut in_a_second = Series::default();
    for _ in 0..scale.thousands {
        at_once.extend(ends(MANY, 0));
        in_a_second.extend(ends(MANY, 1_000));
    }
    let baseline = || Figures::of_nanoseconds(&timers);
    let row = |what: &str, lags: &Samples, limit| {
        Row::new(
            format!("from {what} to the group being gone, p99"),
            Figures::of_nanoseconds(lags),
        )
        .beside("systemd timer and gpasswd -d, one", baseline())
        .under(limit, lags.percentile(99.0) * 1e-6, "ms")
    };
    let once = at_once.samples("rewrites");
    vec![
        row("the end of one", &alone, 50.0),
        row(
            "the ends of 1,000 in one second",
            &in_a_second.samples("lag"),
            1000.0,
        ),
        row(
            "the ends of 1,000 at one moment",
            &at_once.samples("lag"),
            1000.0,
        ),
        Row::new(
            "rewrites for 1,000 at one moment",
            Figures::of(&once, Unit::Times),
        )
        .at_most(1.0, once.percentile(100.0), ""),
    ]
}
