//! How long after the end of their elevations sessions are gone.

use crate::numbers::Series;
use crate::report::{Figures, Row};
use crate::scale::Scale;
use crate::scene;

/// Elevations that end together where each has one session, and how often.
const FEW: (u32, usize) = (20, 5);
/// Elevations that end together, and the sessions of each.
const MANY: (u32, u32) = (50, 4);

/// A role that needs nobody's yes.
const POLICY: &str = r#"[managed]
groups = ["contractors"]

[role.deploy]
groups       = ["jit-deploy"]
commands     = ["ALL"]
services     = ["sudo"]
eligible     = { groups = ["contractors"] }
approvals    = 0
"#;

pub(crate) fn measure(_: &Scale) -> Vec<Row> {
    let rule = "%contractors ALL = (ALL) NOPASSWD: ALL\n";
    let machine = scene::machine()
        .policy(POLICY)
        .file("/etc/sudoers.d/zz-bench", 0o440, rule);
    let machine = scene::boot(machine);
    machine
        .run(&format!(
            "for n in $(seq 0 {}); do useradd --groups contractors s$n; done; jitctl setup --yes",
            MANY.0 - 1
        ))
        .ok();
    let sessions = |elevations: u32, each: u32| {
        scene::inside(&machine, &format!("sessions {elevations} {each}"))
    };
    let mut few = Series::default();
    for _ in 0..FEW.1 {
        few.extend(sessions(FEW.0, 1));
    }
    let few = few.samples("gone");
    let many = sessions(MANY.0, MANY.1);
    let row = |what: &str, figures| Row::new(format!("from the end to {what} being gone"), figures);
    vec![
        row(
            "100 deaf sessions, 20 at a time, p99,",
            Figures::of_nanoseconds(&few),
        )
        .under(5_000.0, few.percentile(99.0) * 1e-6, "ms"),
        row(
            "200 sessions of 50 elevations",
            Figures::of_nanoseconds(&many.samples("gone")),
        )
        .under(10_000.0, many.samples("all").median() * 1e-6, "ms"),
    ]
}
