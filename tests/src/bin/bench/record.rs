//! What a long record costs.

use crate::numbers::Samples;
use crate::report::{Figures, Row, Unit};
use crate::scale::Scale;
use crate::scene;

/// Events in a long record.
const LONG: u32 = 1_000_000;

/// An event more, the whole read and verified, and one person's day.
pub(crate) fn measure(scale: &Scale) -> Vec<Row> {
    let machine = scene::boot(scene::machine());
    eprintln!("bench: writing {LONG} events");
    let series = scene::inside(&machine, &format!("append {LONG} {}", scale.appends));
    let [short, long] = ["short", "long"].map(|name| series.samples(name));
    let slower = (long.over(&short).median() - 1.0) * 100.0;
    let append = Row::new(
        format!("an event more, {LONG} on record"),
        Figures::of_nanoseconds(&long),
    )
    .beside("1000 on record", Figures::of_nanoseconds(&short))
    .at_most(10.0, slower, "% slower");
    drop(machine);

    let machine = scene::boot(scene::machine());
    let series = scene::inside(&machine, &format!("read {LONG} {}", scale.reads));
    let rate = |name: &str| {
        let rate = series.samples(name).rate(f64::from(LONG) * 1e9);
        Figures::of(&rate, Unit::PerSecond)
    };
    let each: Samples = series.samples("verify").scaled(1e-3 / f64::from(LONG));
    let verify = Row::new(
        format!("`jitctl audit verify`, {LONG} events"),
        rate("verify"),
    )
    .beside("sha256sum of an export", rate("sum"))
    .at_most(5.0, each.median(), "µs an event");
    let user = series.samples("user");
    let tail = user.scaled(1e-6).percentile(95.0);
    let read = Row::new(
        "`jitctl audit --user u7 --since 1d`, of them",
        Figures::of_nanoseconds(&user),
    )
    .beside(
        "`jitctl list --user u7`",
        Figures::of_nanoseconds(&series.samples("list")),
    )
    .at_most(100.0, tail, "ms at p95");
    vec![append, verify, read]
}
