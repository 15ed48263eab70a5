//! Sums of made-up elevations, and that they agree with each other.

use proptest::prelude::*;

use super::super::life::tests::{PERIOD, elevation};
use super::*;

const NOW: i64 = 9_500;

struct Held(u64, &'static str, &'static str, i64, i64);

/// Elevations with one session each, in their first half.
fn lives(held: &[Held]) -> Vec<Life> {
    let life = |Held(id, user, role, from, to): &Held| {
        let mut elevation = elevation(*id, State::Expired);
        (elevation.user, elevation.role) = ((*user).into(), (*role).into());
        elevation.requested_at = *from;
        elevation.decisions[0].at = *from + 10;
        elevation.starts_at = Some(*from);
        (elevation.ends_at, elevation.ended_at) = (Some(*to), Some(*to));
        let session = Span::new(*from, i64::midpoint(*from, *to));
        Life::new(elevation, &Vec::from_iter(session), PERIOD, NOW)
    };
    held.iter().map(life).collect()
}

fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        uid: 1001,
    }
}

#[test]
fn what_overlaps_counts_once_for_a_person_and_for_each_role() {
    let lives = lives(&[
        Held(1, "carol", "deploy", 1_000, 3_000),
        Held(2, "carol", "deploy", 2_000, 4_000),
        Held(3, "carol", "db", 3_000, 5_000),
        Held(4, "dave", "db", 3_000, 4_000),
    ]);
    let sums = Sums::of(&lives, PERIOD, NOW);
    let time = |elevations, held, used| Time {
        elevations,
        sessions: elevations,
        held,
        used,
    };
    let (carol, dave) = (person("carol"), person("dave"));
    let of = |who: &Person, role: &str| (who.clone(), role.to_owned());
    assert_eq!(
        sums.pairs,
        [
            (of(&carol, "deploy"), time(2, 3_000, 2_000)),
            (of(&carol, "db"), time(1, 2_000, 1_000)),
            (of(&dave, "db"), time(1, 1_000, 500)),
        ]
    );
    assert_eq!(
        sums.people,
        [(carol, time(3, 4_000, 3_000)), (dave, time(1, 1_000, 500))]
    );
    assert_eq!(
        sums.roles,
        [
            ("db".to_owned(), time(2, 3_000, 1_500)),
            ("deploy".to_owned(), time(2, 3_000, 2_000)),
        ]
    );
    assert_eq!(sums.total, time(4, 5_000, 3_500));
    assert_eq!(sums.total.share(), 70);
    assert_eq!(sums.ends.expired, 4);
}

#[test]
fn two_accounts_of_one_name_are_two_people() {
    let mut lives = lives(&[
        Held(1, "carol", "db", 1_000, 2_000),
        Held(2, "carol", "db", 1_000, 2_000),
    ]);
    lives[1].elevation.uid = 2002;
    let sums = Sums::of(&lives, PERIOD, NOW);
    assert_eq!(sums.people.len(), 2);
    assert_eq!(sums.total.held, 2_000);
}

#[test]
fn requests_of_before_count_for_nothing_but_what_was_held() {
    let lives = lives(&[Held(1, "carol", "db", 500, 2_000)]);
    let sums = Sums::of(&lives, PERIOD, NOW);
    assert_eq!((sums.requests, sums.waits.len()), (0, 0));
    assert_eq!((sums.answered, sums.total.held), (None, 1_000));
}

#[test]
fn what_goes_on_after_the_period_is_held_still() {
    let lives = lives(&[Held(1, "carol", "db", 8_000, 9_400)]);
    let ends = Sums::of(&lives, PERIOD, NOW).ends;
    assert_eq!((ends.expired, ends.active), (0, 1));
}

#[test]
fn glass_is_counted_with_what_nobody_took_note_of() {
    let mut lives = lives(&[
        Held(1, "carol", "db", 1_000, 2_000),
        Held(2, "carol", "db", 3_000, 4_000),
        Held(3, "carol", "db", 5_000, 6_000),
    ]);
    lives[0].elevation.break_glass = true;
    lives[1].elevation.break_glass = true;
    lives[1].elevation.acknowledged_at = Some(3_500);
    assert_eq!(Sums::of(&lives, PERIOD, NOW).glass, (2, 1));
}

#[test]
fn percentiles_are_of_those_that_there_are() {
    let many: Vec<i64> = (1..=200).collect();
    assert_eq!(percentile(&many, 50), Some(100));
    assert_eq!(percentile(&many, 95), Some(190));
    assert_eq!(percentile(&[7], 95), Some(7));
    assert_eq!(percentile(&[], 50), None);
    assert_eq!((percent(1, 3), percent(2, 3), percent(1, 0)), (33, 67, 0));
}

proptest! {
    #[test]
    fn sums_agree_with_each_other(
        held in proptest::collection::vec(
            (0..4_usize, 0..3_usize, 0..9_000_i64, 1..3_000_i64), 0..30,
        )
    ) {
        const PEOPLE: [&str; 4] = ["carol", "dave", "erin", "frank"];
        const ROLES: [&str; 3] = ["db", "deploy", "root"];
        let held: Vec<_> = (1..).zip(&held).map(|(id, (who, role, from, length))| {
            Held(id, PEOPLE[*who], ROLES[*role], *from, *from + *length)
        }).collect();
        let lives = lives(&held);
        let sums = Sums::of(&lives, PERIOD, NOW);
        let by_person: i64 = sums.people.iter().map(|(_, time)| time.held).sum();
        let by_role: i64 = sums.roles.iter().map(|(_, time)| time.held).sum();
        let by_pair: i64 = sums.pairs.iter().map(|(_, time)| time.held).sum();
        prop_assert_eq!(by_person, sums.total.held);
        prop_assert_eq!(by_role, by_pair);
        prop_assert!(by_person <= by_pair);
        for (_, time) in &sums.people {
            prop_assert!(time.used <= time.held);
            prop_assert!(time.held <= PERIOD.length());
        }
        let counted: usize = sums.waits.iter().map(|(_, waits)| waits.count).sum();
        prop_assert_eq!(counted, sums.requests);
        for (_, waits) in &sums.waits {
            prop_assert!(waits.median <= waits.p95 && waits.p95 <= waits.longest);
        }
    }
}
