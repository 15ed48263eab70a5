//! Whatever people do, in whatever order, and whatever the clock does.

use std::collections::BTreeSet;

use jitd_policy::domain::assess::Way;
use jitd_policy::domain::elevation::Elevation;
use jitd_policy::domain::person::Person;
use jitd_policy::domain::policy::Requirement;
use proptest::prelude::*;

use super::clocks::clock_event;
use super::policies::{PEOPLE, people, policy, role};
use super::world::{Deed, Event, Somebody, World};

fn somebody() -> impl Strategy<Value = Somebody> {
    (0..PEOPLE, prop::option::weighted(0.1, 0..PEOPLE))
}

fn deed() -> impl Strategy<Value = Deed> {
    let ask = (
        any::<bool>(),
        prop::option::of(1_u64..20_000),
        prop::option::weighted(0.3, 0_i64..50_000),
        prop::sample::select(vec!["", "OPS-1"]),
    );
    prop_oneof![
        4 => ask.prop_map(|(glass, duration, start, ticket)| Deed::Ask {
            way: if glass { Way::BreakGlass } else { Way::Request },
            duration,
            start,
            ticket,
        }),
        8 => prop::option::weighted(0.2, 1_u64..20_000).prop_map(Deed::Approve),
        3 => (1_u64..20_000).prop_map(Deed::Extend),
        1 => Just(Deed::Deny),
        1 => Just(Deed::Cancel),
        1 => Just(Deed::Release),
        1 => Just(Deed::Revoke),
        1 => Just(Deed::Acknowledge),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => (somebody(), 0_usize..3, deed()).prop_map(|(who, which, deed)| Event::Deed(who, which, deed)),
        1 => (1_u64..6_000).prop_map(Event::Pass),
    ]
}

fn steady() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 1..120)
}

fn with_clock_steps() -> impl Strategy<Value = Vec<Event>> {
    let step = prop_oneof![
        8 => event(),
        3 => clock_event().prop_map(Event::Clock),
    ];
    prop::collection::vec(step, 1..120)
}

/// Whether these people can fill every place that is demanded, each one place: by trying.
fn fill(demands: &[Requirement], people: &[&Person]) -> bool {
    let Some((first, rest)) = demands.split_first() else {
        return true;
    };
    if first.count == 0 {
        return fill(rest, people);
    }
    let mut fewer = demands.to_vec();
    fewer[0].count -= 1;
    (0..people.len()).any(|index| {
        let mut others = people.to_vec();
        let one = others.remove(index);
        first.people.contains(one) && fill(&fewer, &others)
    })
}

fn longest(world: &World, elevation: &Elevation) -> i64 {
    let role = world.role();
    let glass = role.break_glass.as_ref().filter(|_| elevation.break_glass);
    glass
        .map_or(role.max_duration, |glass| glass.max_duration)
        .millis()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nobody_holds_anything_for_longer_than_its_length_whatever_the_clocks_do(
        role in role(),
        people in people(),
        events in with_clock_steps(),
    ) {
        let mut world = World::new(policy(&[("a", &role)]), people);
        for event in &events {
            world.meet(event);
            for (index, began) in &world.began {
                let elevation = &world.elevations[*index];
                // While the daemon is away, the gate is closed.
                if world.clocks.runs && elevation.is_active(&world.now()) {
                    let held = world.clocks.known - began;
                    prop_assert!(held < longest(&world, elevation), "{elevation:?}");
                    prop_assert!(held < elevation.duration.millis(), "{elevation:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_begins_with_fewer_people_than_are_demanded(
        role in role(),
        people in people(),
        events in steady(),
    ) {
        let mut world = World::new(policy(&[("a", &role)]), people);
        world.live(&events);
        let given = |elevation: &Elevation| elevation.grant.is_some();
        for (elevation, waited) in world.elevations.iter().zip(&world.waited) {
            if !given(elevation) || !waited {
                continue;
            }
            let uids: BTreeSet<_> = elevation.decisions.iter().map(|decision| decision.uid).collect();
            prop_assert_eq!(uids.len(), elevation.decisions.len());
            let agreed: Vec<_> = world.people.iter().filter(|person| uids.contains(&person.uid)).collect();
            prop_assert!(fill(&world.role().approvals, &agreed), "{elevation:?}");
        }
    }

    #[test]
    fn nobody_agrees_to_what_they_asked_for_through_whatever_account(
        role in role(),
        people in people(),
        events in steady(),
    ) {
        let mut world = World::new(policy(&[("a", &role)]), people);
        world.live(&events);
        for yes in &world.yeses {
            let index = usize::try_from(yes.before.id.0).unwrap() - 1;
            let asked_by = &world.asked_by[index];
            let all = |person: &Person, login: Option<&Person>| {
                BTreeSet::from([Some(person.uid), login.map(|login| login.uid)])
            };
            let askers = all(&asked_by.account, asked_by.login.as_ref());
            let deciders = all(&yes.caller.account, yes.caller.login.as_ref());
            let both: Vec<_> = askers.intersection(&deciders).flatten().collect();
            prop_assert!(both.is_empty(), "{yes:?}");
        }
    }

    #[test]
    fn a_yes_never_lengthens(role in role(), people in people(), events in steady()) {
        let mut world = World::new(policy(&[("a", &role)]), people);
        world.live(&events);
        for yes in &world.yeses {
            prop_assert!(yes.after.duration <= yes.before.duration, "{yes:?}");
            if let Some(shorter) = yes.shorter {
                prop_assert!(yes.after.duration.0 <= shorter, "{yes:?}");
            }
            if let Some(grant) = &yes.after.grant {
                let length = grant.ends_at.0 - grant.starts_at.0;
                prop_assert!(length <= yes.after.duration.millis(), "{yes:?}");
            }
        }
    }

    #[test]
    fn nobody_holds_a_role_for_longer_than_the_budget(
        role in role(),
        people in people(),
        mut events in steady(),
    ) {
        let policy = policy(&[("a", &role)]);
        let Some(budget) = policy.role("a").unwrap().budget else {
            return Ok(());
        };
        let mut world = World::new(policy, people);
        // Whoever breaks the glass is not bound by it.
        events.retain(|event| !event.breaks_the_glass());
        world.live(&events);
        for person in &world.people {
            let spans = world.used(person.uid);
            let second = |wall: i64| wall.div_euclid(1000);
            let held: BTreeSet<i64> = spans.iter().flat_map(|span| second(span.from.0)..second(span.to.0)).collect();
            let per = i64::try_from(budget.per.0).unwrap();
            for from in spans.iter().map(|span| second(span.from.0)) {
                let most = held.range(from..from + per).count();
                prop_assert!(most as u64 <= budget.time.0, "{most} s of {budget:?}: {spans:?}");
            }
        }
    }
}
