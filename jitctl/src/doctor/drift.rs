//! What of the host differs from the elevations, as jitd knows it.

use std::collections::BTreeMap;

use jitd_api::{Drift, Standing};

use super::Finding;

/// Whether the host matches, and who has privilege that no elevation gives.
#[must_use]
pub fn findings(drift: &Drift) -> Vec<Finding> {
    let matches = match &drift.trouble {
        None => Finding::ok("host", "matches the elevations"),
        Some(trouble) => Finding::problem(
            "host",
            format!("does not match the elevations yet, which is tried again: {trouble}"),
        )
        .next("journalctl -u jitd"),
    };
    let mut findings = vec![matches];
    if drift.standing.is_empty() {
        let text = "nobody who is managed has a role's group without an elevation";
        findings.push(Finding::ok("standing", text));
    }
    findings.extend(by_person(&drift.standing).into_iter().map(standing));
    findings
}

/// Who has which groups, each with a role that gives it.
type Held<'a> = (&'a str, BTreeMap<&'a str, &'a str>);

fn by_person(standing: &[Standing]) -> Vec<Held<'_>> {
    let mut people: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for one in standing {
        let groups = people.entry(&one.user).or_default();
        groups.entry(&one.group).or_insert(&one.role);
    }
    people.into_iter().collect()
}

fn standing((user, groups): Held<'_>) -> Finding {
    let named: Vec<_> = groups
        .iter()
        .map(|(group, role)| format!("{group} (of role {role})"))
        .collect();
    let message = format!("{user} is in {} without an elevation", named.join(", "));
    let first = groups.keys().next().copied().unwrap_or_default();
    Finding::warning("standing", message).next(format!("gpasswd -d {user} {first}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Health;

    fn held(user: &str, group: &str) -> Standing {
        Standing {
            user: user.to_owned(),
            group: group.to_owned(),
            role: "containers".to_owned(),
        }
    }

    #[test]
    fn a_host_that_matches_is_healthy() {
        let states: Vec<_> = findings(&Drift::default())
            .iter()
            .map(|finding| finding.state)
            .collect();
        assert_eq!(states, [Health::Ok, Health::Ok]);
    }

    #[test]
    fn trouble_and_standing_privilege_are_told() {
        let found = findings(&Drift {
            trouble: Some("/etc/group: replace: read-only".to_owned()),
            standing: vec![
                held("carol", "docker"),
                held("bob", "docker"),
                held("carol", "adm"),
            ],
        });
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].state, Health::Problem);
        assert!(found[0].message.contains("read-only"));
        assert_eq!(found[1].state, Health::Warning);
        assert_eq!(found[1].next.as_deref(), Some("gpasswd -d bob docker"));
        let carols = "carol is in adm (of role containers), docker (of role containers)";
        assert!(found[2].message.starts_with(carols), "{found:?}");
    }
}
