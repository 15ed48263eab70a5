//! Random roles, as they are written, and random people.

use jitd_policy::domain::names::UserName;
use jitd_policy::domain::person::Person;
use jitd_policy::domain::policy::Policy;
use jitd_policy::file::parse;
use proptest::prelude::*;

use super::source;

/// What all policies begin with.
pub(crate) const MAIN: &str = "[defaults]\napprovers = { groups = [\"g0\"] }\n";

/// How many people there are.
pub(crate) const PEOPLE: usize = 5;

/// A role, by its lines.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    lines: Vec<String>,
}

impl Role {
    /// One that nobody needs to agree to.
    pub(crate) fn at_once() -> Self {
        Self {
            lines: vec!["approvals = 0".to_owned()],
        }
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let head =
            "services = [\"sudo\"]\neligible = { groups = [\"g1\"], users = [\"u0\", \"u1\"] }";
        format!("[role.{name}]\n{head}\n{}\n", self.lines.join("\n"))
    }
}

pub(crate) fn policy(roles: &[(&str, &Role)]) -> Policy {
    let roles = roles.iter().map(|(name, role)| role.text(name));
    let text = format!("{MAIN}{}", roles.collect::<String>());
    parse(&[source("jitd.toml", &text)])
        .unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
        .policy
}

/// A role that can be asked for, and decided.
pub(crate) fn role() -> impl Strategy<Value = Role> {
    let line = |strategy: BoxedStrategy<String>| prop::option::of(strategy);
    let lines = (
        line(approvals()),
        line(
            (1_u64..30_000)
                .prop_map(|s| format!("max_duration = \"{s}s\""))
                .boxed(),
        ),
        line(
            (1_u64..30_000)
                .prop_map(|s| format!("request_ttl = \"{s}s\""))
                .boxed(),
        ),
        line(auto_approve()),
        line(
            (1_u64..20_000, 1_u64..100_000)
                .prop_map(|(time, more)| {
                    format!(
                        "budget = {{ time = \"{time}s\", per = \"{}s\" }}",
                        time + more
                    )
                })
                .boxed(),
        ),
        line(
            (1_u64..30_000)
                .prop_map(|s| {
                    format!("break_glass = {{ groups = [\"g2\"], max_duration = \"{s}s\" }}")
                })
                .boxed(),
        ),
    );
    lines.prop_map(|(a, b, c, d, e, f)| Role {
        lines: [a, b, c, d, e, f].into_iter().flatten().collect(),
    })
}

fn approvals() -> BoxedStrategy<String> {
    let number = (0_usize..4).prop_map(|count| format!("approvals = {count}"));
    let demand = (0_usize..4, 1_usize..3)
        .prop_map(|(group, count)| format!("{{ groups = [\"g{group}\"], count = {count} }}"));
    let list = prop::collection::vec(demand, 1..3)
        .prop_map(|demands| format!("approvals = [{}]", demands.join(", ")));
    prop_oneof![number, list].boxed()
}

fn auto_approve() -> BoxedStrategy<String> {
    let rule = prop_oneof![
        (1_u64..5_000).prop_map(|s| format!("{{ max_duration = \"{s}s\" }}")),
        (0_u8..23).prop_map(|hour| {
            let next = hour + 1;
            format!("{{ hours = \"{hour:02}:30-{next:02}:10\", timezone = \"UTC\" }}")
        }),
        (1_u64..20_000).prop_map(|s| {
            format!("{{ ticket = \"^OPS-[0-9]$\", days = \"Mon-Thu\", timezone = \"Asia/Tokyo\", max_duration = \"{s}s\" }}")
        }),
    ];
    prop::collection::vec(rule, 1..3)
        .prop_map(|rules| format!("auto_approve = [{}]", rules.join(", ")))
        .boxed()
}

/// Everybody, in random groups.
pub(crate) fn people() -> impl Strategy<Value = Vec<Person>> {
    let groups = prop::collection::vec(
        prop::sample::subsequence(vec!["g0", "g1", "g2", "g3"], 1..=4),
        PEOPLE,
    );
    groups.prop_map(|groups| {
        (0..)
            .zip(groups)
            .map(|(number, groups)| Person {
                uid: 1000 + number,
                name: UserName::new(&format!("u{number}")).unwrap(),
                groups: groups.iter().map(ToString::to_string).collect(),
            })
            .collect()
    })
}
