//! What giving and taking a membership costs.

use jit_tests::Machine;

use crate::host;
use crate::numbers::as_f64;
use crate::report::{Figures, Row};
use crate::scale::Scale;
use crate::scene;

/// Lines in /etc/group.
const SIZES: [usize; 2] = [60, 20_000];
/// Rounds that strace looks at.
const LOOKED_AT: usize = 10;

/// Makes /etc/group and /etc/gshadow `$1` lines long.
const FILL: &str = r#"
groupadd --force by-hand
groupadd --force --system jit-deploy
have=$(wc -l </etc/group)
seq "$have" "$(($1 - 1))" | awk '{print "filler"$1":x:"200000+$1":"}' >>/etc/group
seq "$have" "$(($1 - 1))" | awk '{print "filler"$1":!::"}' >>/etc/gshadow
"#;

pub(crate) fn measure(scale: &Scale) -> Vec<Row> {
    let machine = scene::boot(scene::machine());
    machine.run("systemctl stop jitd.service").ok();
    let mut rows = Vec::new();
    for lines in SIZES {
        machine.run(&format!("set -e -- {lines}\n{FILL}")).ok();
        rows.extend(measure_with(&machine, lines, scale));
    }
    rows.push(host::sync_row(&scene::inside(&machine, "sync 200")));
    rows
}

fn measure_with(machine: &Machine, lines: usize, scale: &Scale) -> Vec<Row> {
    let series = scene::inside(machine, &format!("membership {}", scale.membership));
    let ours_synced = synced(
        machine,
        &format!("/usr/local/sbin/bench inside membership-ours {LOOKED_AT}"),
    );
    let theirs_synced = synced(
        machine,
        &format!(
            "sh -c 'for n in $(seq {LOOKED_AT}); do gpasswd -a carol by-hand && \
             gpasswd -d carol by-hand; done'"
        ),
    );
    let row = |does: &str| {
        let [ours, theirs] =
            ["jitd", "gpasswd"].map(|who| series.samples(&format!("{does} {who}")));
        let found = ours.over(&theirs).median();
        Row::new(
            format!("jitd {does}s a membership, {lines} groups ({ours_synced:.1} ms fsync)"),
            Figures::of_nanoseconds(&ours),
        )
        .beside(
            format!("gpasswd ({theirs_synced:.1} ms fsync)"),
            Figures::of_nanoseconds(&theirs),
        )
        .under(1.0, found, "×")
    };
    vec![row("give"), row("take")]
}

/// Milliseconds in fsync of each change that `command` makes, by strace.
fn synced(machine: &Machine, command: &str) -> f64 {
    let script = format!(
        "strace -f --seccomp-bpf -T -e trace=fsync,fdatasync -o /tmp/synced {command} >/dev/null && \
         cat /tmp/synced"
    );
    let output = machine.run(&script);
    let seconds: f64 = output
        .ok()
        .stdout
        .lines()
        .filter_map(|line| {
            line.rsplit_once('<')?
                .1
                .strip_suffix('>')?
                .parse::<f64>()
                .ok()
        })
        .sum();
    seconds * 1e3 / as_f64(2 * LOOKED_AT)
}
