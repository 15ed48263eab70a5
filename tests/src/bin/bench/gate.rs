//! What a long past costs: answers per second, memory, time to start.

use jit_tests::Machine;

use crate::numbers::Series;
use crate::report::{Figures, Row, Unit};
use crate::scale::Scale;
use crate::scene;

/// Elevations stored beside the active ones.
const PASTS: [u32; 3] = [10, 10_000, 1_000_000];
const ACTIVE: u32 = 1_000;
/// Connections that ask at the same time.
const CONNECTIONS: [u32; 2] = [1, 8];

/// A machine for each past; all of them take turns.
pub(crate) fn measure(scale: &Scale) -> Vec<Row> {
    let machines = PASTS.map(|past| {
        eprintln!("bench: writing {past} past elevations");
        let machine = scene::boot(scene::machine());
        scene::add_accounts(&machine);
        scene::inside(&machine, &format!("records {past} {ACTIVE}"));
        machine
    });
    let answer =
        machines[0].run("busctl call org.jitd1 /org/jitd1 org.jitd1.Gate Check uss 100007 u7 jit");
    answer.ok().contains("\"allowed\" b true");
    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        rows.extend(rates(&machines, connections, scale));
    }
    rows.extend(weights(&machines, scale));
    rows
}

fn rates(machines: &[Machine; 3], connections: u32, scale: &Scale) -> Vec<Row> {
    let words = format!("calls {connections} {}", scale.slice.as_millis());
    let mut series = [Series::default(), Series::default(), Series::default()];
    for visit in 0..=scale.gate {
        for turn in 0..machines.len() {
            let place = (turn + visit) % machines.len();
            let rates = scene::inside(&machines[place], &words);
            // The first visit warms the caches.
            if visit > 0 {
                series[place].extend(rates);
            }
        }
    }
    let least = series[0].samples("check");
    let plural = if connections == 1 { "" } else { "s" };
    let rows = PASTS.iter().zip(&series).map(|(past, rates)| {
        let checks = rates.samples("check");
        let row = Row::new(
            format!("gate, {connections} connection{plural}, {past} past elevations"),
            Figures::of(&checks, Unit::PerSecond),
        )
        .beside(
            "Peer.Ping to jitd",
            Figures::of(&rates.samples("ping"), Unit::PerSecond),
        );
        if *past == PASTS[0] {
            return row;
        }
        let slower = (1.0 - checks.over(&least).median()) * 100.0;
        row.at_most(10.0, slower, "% slower")
    });
    rows.collect()
}

/// The one with the longest past beside the one with the shortest.
fn weights([short, _, long]: &[Machine; 3], scale: &Scale) -> Vec<Row> {
    let used = [short, long].map(|machine| scene::inside(machine, "memory"));
    let mut fresh = [Series::default(), Series::default()];
    for _ in 0..scale.starts {
        for (machine, series) in [short, long].into_iter().zip(&mut fresh) {
            series.extend(scene::inside(machine, "starts 1"));
        }
    }
    let past = PASTS[2];
    let baseline = "10 past elevations";
    let row = |what: &str, series: &[Series; 2], name: &str, unit| {
        // From nanoseconds, and from bytes.
        let [short, long] = series
            .each_ref()
            .map(|series| series.samples(name).scaled(1e-6));
        let row = Row::new(
            format!("{what}, {ACTIVE} active, {past} past"),
            Figures::of(&long, unit),
        );
        (
            row.beside(baseline, Figures::of(&short, unit)),
            long.percentile(95.0),
        )
    };
    let (fresh_row, size) = row(
        "jitd's memory after its start",
        &fresh,
        "fresh",
        Unit::Megabytes,
    );
    let (used_row, used_size) = row(
        "jitd's memory after the calls",
        &used,
        "now",
        Unit::Megabytes,
    );
    let (most_row, most) = row("the most it ever was", &used, "most", Unit::Megabytes);
    let (start_row, start) = row("start to name owned", &fresh, "start", Unit::Milliseconds);
    vec![
        fresh_row.under(30.0, size, "MB"),
        used_row.under(30.0, used_size, "MB"),
        most_row.under(30.0, most, "MB"),
        start_row.under(1000.0, start, "ms"),
    ]
}
