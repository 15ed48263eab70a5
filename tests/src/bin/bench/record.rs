//! What a long record costs.

use crate::report::{Figures, Row};
use crate::scale::Scale;
use crate::scene;

/// Events in a long record.
const LONG: u64 = 1_000_000;

/// An event at the end of a long record, beside one at the end of a short one.
pub(crate) fn measure(scale: &Scale) -> Vec<Row> {
    let machine = scene::boot(scene::machine());
    eprintln!("bench: writing {LONG} events");
    let series = scene::inside(&machine, &format!("append {LONG} {}", scale.appends));
    let [short, long] = ["short", "long"].map(|name| series.samples(name));
    let slower = (long.over(&short).median() - 1.0) * 100.0;
    let row = Row::new(
        format!("an event more, {LONG} on record"),
        Figures::of_nanoseconds(&long),
    );
    vec![
        row.beside("1000 on record", Figures::of_nanoseconds(&short))
            .at_most(10.0, slower, "% slower"),
    ]
}
