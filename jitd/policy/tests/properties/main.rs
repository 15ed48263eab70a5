//! What holds for every policy and every history, tried with random ones.

#![allow(clippy::unwrap_used, clippy::panic)]

mod clocks;
mod histories;
mod policies;
mod world;

use jitd_policy::domain::assess::{Ask, Way, Yes, assess};
use jitd_policy::domain::budget::Span;
use jitd_policy::domain::time::{Seconds, Wall};
use jitd_policy::file::{Source, parse};
use policies::{Role, people, policy, role};
use proptest::prelude::*;

/// How hard it is to get: the more, the harder.
fn hardness(role: &Role, ask: &Ask<'_>, used: &[Span], now: Wall) -> u8 {
    match assess(&policy(&[("a", role)]), ask, used, now).outcome {
        Ok(possible) if matches!(possible.yes, Yes::Of(_)) => 1,
        Ok(_) => 0,
        Err(_) => 2,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn more_is_never_easier(
        role in role(),
        people in people(),
        who in 0_usize..policies::PEOPLE,
        glass: bool,
        (shorter, longer) in (1_u64..30_000, 1_u64..30_000),
        start in prop::option::of(0_i64..100_000_000),
        used in prop::collection::vec((-100_000_000_i64..100_000_000, 1_i64..20_000_000), 0..4),
        ticket in prop::sample::select(vec!["", "OPS-1", "x"]),
    ) {
        let now = Wall(1_780_000_000_000);
        let used: Vec<_> = used
            .into_iter()
            .map(|(from, length)| Span {
                from: Wall(now.0 + from),
                to: Wall(now.0 + from + length),
            })
            .collect();
        let ask = |duration| Ask {
            person: &people[who],
            role: "a",
            way: if glass { Way::BreakGlass } else { Way::Request },
            duration: Some(Seconds(duration)),
            start: start.map(|after| Wall(now.0 + after)),
            reason: "because",
            ticket,
            to_come: false,
        };
        let easy = hardness(&role, &ask(shorter.min(longer)), &used, now);
        let hard = hardness(&role, &ask(shorter.max(longer)), &used, now);
        prop_assert!(easy <= hard, "{easy} > {hard}\n{}", role.text("a"));
    }

    #[test]
    fn the_order_of_the_files_does_not_matter(
        roles in prop::collection::vec(role(), 3),
    ) {
        let files = [("a", "a.toml"), ("b", "b.toml"), ("c", "c.toml")];
        let mut sources: Vec<_> = files
            .into_iter()
            .zip(&roles)
            .map(|((name, path), role)| source(path, &role.text(name)))
            .collect();
        let main = source("jitd.toml", policies::MAIN);
        sources.insert(0, main);
        let policy = parse(&sources).unwrap().policy;
        sources[1..].reverse();
        prop_assert_eq!(&parse(&sources).unwrap().policy, &policy);
        sources[1..].rotate_left(1);
        prop_assert_eq!(&parse(&sources).unwrap().policy, &policy);
    }

    #[test]
    fn a_role_that_is_said_twice_is_a_mistake_in_any_order(one in role(), other in role()) {
        let main = source("jitd.toml", policies::MAIN);
        let one = source("a.toml", &one.text("a"));
        let other = source("b.toml", &other.text("a"));
        for sources in [[main.clone(), one.clone(), other.clone()], [main, other, one]] {
            let errors = parse(&sources).unwrap_err();
            prop_assert_eq!(errors.len(), 1);
            prop_assert!(errors[0].message.starts_with("is defined already"));
        }
    }

    #[test]
    fn what_is_shown_is_the_policy(roles in prop::collection::vec(role(), 2)) {
        let policy = policy(&[("a", &roles[0]), ("b", &roles[1])]);
        let shown = jitd_policy::show::toml(&policy);
        let again = parse(&[source("shown", &shown)]).unwrap().policy;
        prop_assert_eq!(jitd_policy::show::toml(&again), shown);
        for (role, other) in policy.roles.values().zip(again.roles.values()) {
            prop_assert_eq!(&role.approvals, &other.approvals);
            prop_assert_eq!(&role.auto_approve, &other.auto_approve);
        }
    }
}

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}
