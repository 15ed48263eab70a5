//! What our line adds to a real sudo.

use crate::report::{Figures, Row};
use crate::scale::Scale;
use crate::scene;

pub(crate) fn measure(scale: &Scale) -> Vec<Row> {
    let rule = "carol, bob ALL = (ALL) NOPASSWD: ALL\n";
    // The last rule that fits counts, and jitd has one in this folder too.
    let machine = scene::machine().file("/etc/sudoers.d/zz-bench", 0o440, rule);
    let machine = scene::boot(machine);
    scene::elevate_carol(&machine);
    let series = scene::inside(&machine, &format!("sudo {}", scale.sudo));
    let [with, without, session] = ["with", "without", "session"].map(|name| series.samples(name));
    let added = session.beyond(&with);
    let more = (with.over(&without).median() - 1.0) * 100.0;
    vec![
        Row::new(
            "`sudo -n true`, our account line over the stock ones",
            Figures::of_nanoseconds(&with),
        )
        .beside("without the line", Figures::of_nanoseconds(&without))
        .at_most(12.0, more, "% more"),
        Row::new(
            "what our session line adds to that",
            Figures::of_nanoseconds(&added),
        )
        .beside("with the account line", Figures::of_nanoseconds(&with))
        .at_most(10.0, added.median() * 1e-6, "ms"),
    ]
}
