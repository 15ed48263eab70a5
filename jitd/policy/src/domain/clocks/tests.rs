use jitd_api::Verdict;

use super::*;
use crate::domain::elevation::Decision;
use crate::domain::names::{RoleName, UserName};
use crate::domain::time::{BootId, Seconds};

const HOUR: i64 = 3_600_000;
const BEGAN: i64 = 1_780_000_000_000;

fn now(wall: i64, boot: i64, boot_id: &str) -> Now {
    Now {
        wall: Wall(wall),
        boot: Boot(boot),
        boot_id: BootId(boot_id.to_owned()),
    }
}

/// So long after the beginning, in boot "a", when nobody sets the clock.
fn after(milliseconds: i64) -> Now {
    now(BEGAN + milliseconds, HOUR + milliseconds, "a")
}

fn set(by: i64, now: Now) -> Now {
    Now {
        wall: Wall(now.wall.0.saturating_add(by)),
        ..now
    }
}

/// For an hour from [`BEGAN`].
fn active() -> Elevation {
    let carol = UserName::new("carol").unwrap();
    Elevation {
        id: ElevationId(1),
        state: State::Active,
        user: carol.clone(),
        uid: 1001,
        login_uid: None,
        role: RoleName::new("deploy").unwrap(),
        reason: String::new(),
        ticket: String::new(),
        duration: Seconds(3600),
        requested_at: Wall(BEGAN),
        start: None,
        extends: None,
        break_glass: false,
        acknowledged: None,
        lapses_at: Wall(BEGAN + HOUR),
        grant: Some(Grant {
            groups: Vec::new(),
            services: Vec::new(),
            starts_at: Wall(BEGAN),
            starts_at_boot: Boot(HOUR),
            ends_at: Wall(BEGAN + HOUR),
            ends_at_boot: Boot(2 * HOUR),
            boot_id: BootId("a".to_owned()),
        }),
        ended: None,
        decisions: vec![Decision {
            by: carol,
            uid: 1002,
            verdict: Verdict::Approved,
            comment: String::new(),
            at: Wall(BEGAN),
        }],
    }
}

/// For an hour, two hours later.
fn scheduled() -> Elevation {
    let mut scheduled = later_by(2 * HOUR);
    scheduled.start = scheduled.grant.as_ref().map(|grant| grant.starts_at);
    scheduled
}

/// For an hour from the end of [`active`] on.
fn extension() -> Elevation {
    Elevation {
        extends: Some(ElevationId(1)),
        ..later_by(HOUR)
    }
}

fn later_by(milliseconds: i64) -> Elevation {
    let mut later = Elevation {
        id: ElevationId(2),
        state: State::Scheduled,
        ..active()
    };
    let grant = later.grant.as_mut().unwrap();
    grant.starts_at.0 += milliseconds;
    grant.starts_at_boot.0 += milliseconds;
    grant.ends_at.0 += milliseconds;
    grant.ends_at_boot.0 += milliseconds;
    later
}

fn fates_of(elevations: &[Elevation], seen: Option<&Now>, now: &Now) -> Vec<Fate> {
    let open = elevations.iter().cloned().map(|it| (it.id, it)).collect();
    fates(turn(seen, now), &open, seen, now)
}

/// The one that goes on with other times.
#[track_caller]
fn moved(elevations: &[Elevation], seen: &Now, now: &Now) -> Elevation {
    match fates_of(elevations, Some(seen), now).pop() {
        Some(Fate::Moved(elevation)) => elevation,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn grant(elevation: Elevation) -> Grant {
    elevation.grant.unwrap()
}

#[test]
fn time_that_passes_is_no_step_whatever_the_time_zone_and_the_suspend() {
    for passed in [0, 1, 1_000, 365 * 24 * HOUR] {
        assert_eq!(turn(Some(&after(0)), &after(passed)), Turn::Steady);
    }
    for off in [-2_000, -1_000, 1_000, 2_000] {
        assert_eq!(turn(Some(&after(0)), &set(off, after(HOUR))), Turn::Steady);
    }
}

#[test]
fn a_set_clock_is_told_with_what_it_would_show_and_what_it_shows() {
    for by in [-2_001, 2_001, -HOUR, HOUR] {
        let step = Step {
            by,
            from: Wall(BEGAN + 1_000),
            to: Wall(BEGAN + 1_000 + by),
        };
        let set = set(by, after(1_000));
        assert_eq!(turn(Some(&after(0)), &set), Turn::Set(step));
    }
}

#[test]
fn after_a_reboot_only_a_clock_that_stands_behind_was_set() {
    let seen = after(HOUR);
    for wall in [-2_000, 0, 365 * 24 * HOUR] {
        let now = now(seen.wall.0 + wall, 1_000, "b");
        assert_eq!(turn(Some(&seen), &now), Turn::Rebooted, "{wall}");
    }
    let back = now(seen.wall.0 - 2_001, 1_000, "b");
    let step = Step {
        by: -2_001,
        from: seen.wall,
        to: back.wall,
    };
    assert_eq!(turn(Some(&seen), &back), Turn::RebootedBack(step));
    assert_eq!(turn(None, &back), Turn::Rebooted);
}

#[test]
fn set_back_it_ends_when_the_boot_clock_says_and_was_as_long() {
    let half = HOUR / 2;
    let set = set(-24 * HOUR, after(half));
    let moved = grant(moved(&[active()], &after(0), &set));
    assert_eq!(moved.ends_at, Wall(set.wall.0 + half));
    assert_eq!(moved.starts_at, Wall(set.wall.0 - half));
    assert_eq!(moved.ends_at_boot, Boot(2 * HOUR));
}

#[test]
fn set_forward_the_wall_clock_comes_first_as_it_is() {
    let set = set(HOUR / 2, after(HOUR / 4));
    assert_eq!(fates_of(&[active()], Some(&after(0)), &set), []);
}

#[test]
fn a_window_stays_at_its_time_by_the_wall_clock() {
    for by in [-HOUR, HOUR] {
        let set = set(by, after(0));
        let moved = grant(moved(&[scheduled()], &after(0), &set));
        assert_eq!(moved.starts_at, Wall(BEGAN + 2 * HOUR));
        assert_eq!(moved.starts_at_boot, Boot(set.boot.0 + 2 * HOUR - by));
        assert_eq!(moved.ends_at_boot.0 - moved.starts_at_boot.0, HOUR);
    }
}

#[test]
fn an_extension_stays_with_what_it_extends() {
    let set = set(-24 * HOUR, after(0));
    let both = [active(), extension()];
    let Some(Fate::Moved(extension)) = fates_of(&both, Some(&after(0)), &set).pop() else {
        panic!("nothing became of it");
    };
    let extension = grant(extension);
    assert_eq!(extension.starts_at, Wall(set.wall.0 + HOUR));
    assert_eq!(extension.starts_at_boot, Boot(2 * HOUR));
    // Of one that waits for its time it waits with it.
    let base = Elevation {
        id: ElevationId(1),
        ..scheduled()
    };
    let mut extension = later_by(3 * HOUR);
    extension.extends = Some(base.id);
    for fate in fates_of(&[base, extension], Some(&after(0)), &set) {
        let Fate::Moved(moved) = fate else {
            panic!("{fate:?}")
        };
        let moved = grant(moved);
        let wait = moved.starts_at.0 - set.wall.0;
        assert_eq!(moved.starts_at_boot.0 - set.boot.0, wait);
    }
}

#[test]
fn after_a_reboot_it_goes_on_for_what_was_left_by_the_earlier_clock() {
    let seen = after(HOUR / 2);
    // A minute without power.
    let start = now(seen.wall.0 + 60_000, 5_000, "b");
    let moved_on = grant(moved(&[active()], &seen, &start));
    let left = HOUR / 2 - 60_000;
    assert_eq!(moved_on.ends_at_boot, Boot(5_000 + left));
    assert_eq!(moved_on.boot_id, start.boot_id);
    assert_eq!(moved_on.ends_at, Wall(BEGAN + HOUR));
    // Where the boot clock had less, that counts: here the wall clock was a second slow.
    let slow = set(-1_000, seen);
    let start = now(slow.wall.0 + 60_000, 5_000, "b");
    let moved_on = grant(moved(&[active()], &slow, &start));
    assert_eq!(moved_on.ends_at_boot, Boot(5_000 + left));
    // A second behind what was seen is not ahead of it.
    let start = now(slow.wall.0 - 1_000, 5_000, "b");
    let moved_on = grant(moved(&[active()], &slow, &start));
    assert_eq!(moved_on.ends_at_boot, Boot(5_000 + HOUR / 2));
}

#[test]
fn set_back_across_a_reboot_it_ends_and_what_was_used_stays_used() {
    let seen = after(HOUR / 2);
    let back = now(BEGAN + HOUR / 4, 5_000, "b");
    let both = [active(), extension()];
    let fates = fates_of(&both, Some(&seen), &back);
    assert_eq!(fates.len(), 2);
    for fate in fates {
        let Fate::Ended(ended) = fate else {
            panic!("{fate:?}")
        };
        assert_eq!(ended.state, State::Expired);
        assert_eq!(ended.ended.unwrap().at, seen.wall);
    }
    // A window waits for its time.
    let waits = grant(moved(&[scheduled()], &seen, &back));
    assert_eq!(waits.starts_at_boot.0 - 5_000, 2 * HOUR - HOUR / 4);
}

#[test]
fn without_an_earlier_reading_the_beginning_is_one() {
    let start = now(BEGAN + HOUR / 4, 5_000, "b");
    let fates = fates_of(&[active()], None, &start);
    let [Fate::Moved(moved)] = &fates[..] else {
        panic!("{fates:?}")
    };
    let left = grant(moved.clone()).ends_at_boot.0 - 5_000;
    assert_eq!(left, HOUR * 3 / 4);
    let start = now(BEGAN - 1, 5_000, "b");
    let fates = fates_of(&[active()], None, &start);
    assert!(matches!(fates[..], [Fate::Ended(_)]), "{fates:?}");
    // Nothing is wrong with those of this boot.
    assert_eq!(fates_of(&[active()], None, &after(1)), []);
}

#[test]
fn no_time_is_too_far_away() {
    let times = [
        i64::MIN,
        i64::MIN + 1,
        -1,
        0,
        1,
        BEGAN,
        i64::MAX - 1,
        i64::MAX,
    ];
    for first in times {
        for second in times {
            for boot_id in ["a", "b"] {
                let seen = now(first, 1, "a");
                let now = now(second, 2, boot_id);
                for fate in fates_of(&[active(), scheduled()], Some(&seen), &now) {
                    let Fate::Moved(moved) = fate else { continue };
                    let left = moved.left(&now).unwrap_or_default();
                    assert!(left <= HOUR, "{seen:?} {now:?}: {left}");
                }
            }
        }
    }
}
