//! What a large policy costs: 500 roles, and 5,000 people who may ask for them.

use std::fmt::Write;

use jit_tests::{Machine, MachineBuilder};

use crate::numbers::Series;
use crate::report::{Figures, Row, Unit};
use crate::scale::Scale;
use crate::scene;

const ROLES: usize = 500;
const PEOPLE: usize = 5_000;
/// How often each machine has its turn.
const VISITS: usize = 10;

/// Both machines take turns: one with this policy, one with the usual.
pub(crate) fn measure(scale: &Scale) -> Vec<Row> {
    let usual = set_up(scene::machine());
    let large = set_up(scene::machine().policy(&policy()));
    let mut series = [Series::default(), Series::default()];
    for machine in [&usual, &large] {
        // The first visit warms the caches.
        scene::inside(machine, "policy 3");
    }
    for _ in 0..VISITS {
        for (machine, series) in [&usual, &large].into_iter().zip(&mut series) {
            let rounds = scale.policy / VISITS;
            series.extend(scene::inside(machine, &format!("policy {rounds}")));
            series.extend(scene::inside(machine, "calls 1 100"));
        }
    }
    let [usual, large] = series;
    let mut rows = Vec::new();
    for (name, what) in [
        ("request", "`jitctl request`, 500 roles for 5,000 people"),
        ("pending", "`jitctl pending`, the same, 500 that wait"),
    ] {
        let samples = large.samples(name);
        let tail = samples.scaled(1e-6).percentile(95.0);
        rows.push(
            Row::new(what, Figures::of_nanoseconds(&samples))
                .beside(
                    "one role for a group",
                    Figures::of_nanoseconds(&usual.samples(name)),
                )
                .at_most(50.0, tail, "ms at p95"),
        );
    }
    let [with, without] = [&large, &usual].map(|series| series.samples("check"));
    let slower = (1.0 - with.over(&without).median()) * 100.0;
    rows.push(
        Row::new(
            "gate, 1 connection, the same",
            Figures::of(&with, Unit::PerSecond),
        )
        .beside(
            "one role for a group",
            Figures::of(&without, Unit::PerSecond),
        )
        .at_most(10.0, slower, "% slower"),
    );
    rows
}

/// A machine on which 1,000 hold something, and 500 requests wait.
fn set_up(machine: MachineBuilder) -> Machine {
    let machine = scene::boot(machine);
    scene::add_accounts(&machine);
    machine.run("systemctl restart jitd").ok();
    scene::inside(&machine, "records 10 1000");
    let asks = "jitctl request deploy --reason 'to be measured'";
    let script = format!(
        "sed -i \"/^contractors:/s/\\$/,$(seq -s, -f u%g 1000 1499)/\" /etc/group
         for i in $(seq 1000 1499); do setpriv --reuid=u$i --clear-groups {asks} || exit; done"
    );
    machine.run_within(scene::LIMIT, &script).ok();
    machine
}

/// `deploy` as in the usual one, and others, each for all of these people by name.
fn policy() -> String {
    let people: Vec<_> = (0..PEOPLE).map(|number| format!("\"u{number}\"")).collect();
    let people = people.join(", ");
    let mut policy = scene::POLICY.to_owned();
    policy = policy.replace(
        "eligible    = { groups = [\"contractors\"] }",
        &format!("eligible = {{ groups = [\"contractors\"], users = [{people}] }}"),
    );
    for number in 1..ROLES {
        let _ = write!(
            policy,
            "\n[role.r{number}]\ngroups = [\"jit-r{number}\"]\nservices = [\"sudo\"]\ncommands = [\"/usr/bin/id\"]\n\
             eligible = {{ groups = [\"contractors\", \"g{number}\"] }}\napprovers = {{ groups = [\"jit-approvers\"] }}\n"
        );
    }
    policy
}
