//! The clocks of a world, who sets them, and what somebody can know who reads them only while
//! the host is on.

use jitd_policy::domain::assess::Way;
use jitd_policy::domain::time::{Boot, BootId, Now, Wall};
use proptest::prelude::*;

use super::policies::{Role, people, policy};
use super::world::{Deed, Event, World};

/// What happens to the clocks, and to who reads them.
#[derive(Debug, Clone)]
pub(crate) enum ClockEvent {
    /// Somebody sets the wall clock by so many milliseconds.
    Set(i64),
    /// Somebody sets the wall clock to this.
    SetTo(i64),
    /// The host is off for so many milliseconds, and its wall clock is set by so many meanwhile.
    Reboot(i64, i64),
    /// The daemon is killed.
    Stop,
    /// It starts again.
    Start,
}

pub(crate) fn clock_event() -> impl Strategy<Value = ClockEvent> {
    const YEAR: i64 = 366 * 24 * 3_600_000;
    let by = || prop_oneof![-5_000_i64..5_000, -20_000_000_i64..20_000_000, -YEAR..YEAR];
    let to = prop::sample::select(vec![0, 1, -YEAR, 7_900 * YEAR]);
    prop_oneof![
        4 => by().prop_map(ClockEvent::Set),
        1 => to.prop_map(ClockEvent::SetTo),
        2 => (0_i64..1_000_000, prop_oneof![Just(0), by()]).prop_map(|(away, by)| ClockEvent::Reboot(away, by)),
        1 => Just(ClockEvent::Stop),
        2 => Just(ClockEvent::Start),
    ]
}

/// What was there when the daemon looked last.
#[derive(Debug, Clone)]
struct Kept {
    now: Now,
    known: i64,
    set: i64,
}

#[derive(Debug)]
pub(crate) struct Clocks {
    pub(crate) now: Now,
    /// Milliseconds that have passed, as far as the host can know: without those of which,
    /// after a reboot, its wall clock says nothing.
    pub(crate) known: i64,
    /// Whether the daemon runs.
    pub(crate) runs: bool,
    /// The reading that the daemon compares with.
    pub(crate) seen: Option<Now>,
    /// By how much the wall clock was set altogether, and how much of it is accounted for.
    set: i64,
    accounted: i64,
    kept: Kept,
    boots: u32,
}

impl Clocks {
    pub(crate) fn new() -> Self {
        let now = Now {
            wall: Wall(1_780_000_000_000),
            boot: Boot(1_000_000),
            boot_id: BootId("0".to_owned()),
        };
        Self {
            known: 0,
            runs: true,
            seen: Some(now.clone()),
            set: 0,
            accounted: 0,
            kept: Kept {
                now: now.clone(),
                known: 0,
                set: 0,
            },
            now,
            boots: 0,
        }
    }

    pub(crate) fn pass(&mut self, milliseconds: i64) {
        self.now.wall.0 += milliseconds;
        self.now.boot.0 += milliseconds;
        self.known += milliseconds;
    }

    pub(crate) fn meet(&mut self, event: &ClockEvent) {
        match *event {
            ClockEvent::Set(by) => {
                self.now.wall.0 += by;
                self.set += by;
            }
            ClockEvent::SetTo(to) => self.meet(&ClockEvent::Set(to - self.now.wall.0)),
            ClockEvent::Reboot(away, by) => self.reboot(away, by),
            ClockEvent::Stop => self.runs = false,
            ClockEvent::Start if self.runs => {}
            ClockEvent::Start => {
                self.accounted = self.kept.set;
                self.start();
            }
        }
    }

    fn reboot(&mut self, away: i64, by: i64) {
        self.boots += 1;
        self.now = Now {
            wall: Wall(self.now.wall.0 + away + by),
            boot: Boot(3_000),
            boot_id: BootId(self.boots.to_string()),
        };
        let shown = self.now.wall.0 - self.kept.now.wall.0;
        self.known = self.kept.known + shown.max(0);
        // All that there is to see of it.
        self.accounted = self.set - shown.min(0);
        self.start();
    }

    fn start(&mut self) {
        self.seen = Some(self.kept.now.clone());
        self.runs = true;
    }

    /// The daemon has looked. Gives the step that it must have put on record.
    pub(crate) fn looked(&mut self) -> Option<i64> {
        let step = self.set - self.accounted;
        let noticed = (step.abs() > 2_000).then_some(step);
        let same_boot = self.seen.as_ref().map(|seen| &seen.boot_id) == Some(&self.now.boot_id);
        if noticed.is_some() || !same_boot {
            self.accounted = self.set;
            self.seen = Some(self.now.clone());
        }
        self.kept = Kept {
            now: self.now.clone(),
            known: self.known,
            set: self.set,
        };
        noticed
    }
}

/// Somebody asks for something short, now and then, and the clocks go as they like.
fn mostly_clocks() -> impl Strategy<Value = Vec<Event>> {
    let ask = (1_u64..3_000, prop::option::weighted(0.3, 0_i64..3_000));
    let ask = ask.prop_map(|(duration, start)| Deed::Ask {
        way: Way::Request,
        duration: Some(duration),
        start,
        ticket: "",
    });
    let deed = prop_oneof![3 => ask, 1 => (1_u64..3_000).prop_map(Deed::Extend)];
    let event = prop_oneof![
        1 => deed.prop_map(|deed| Event::Deed((0, None), 0, deed)),
        2 => (0_u64..900).prop_map(Event::Pass),
        3 => clock_event().prop_map(Event::Clock),
    ];
    prop::collection::vec(event, 1..60)
}

/// What elevations have given, and what they promise, is never more than their length.
fn nobody_gains(world: &World) -> Result<(), TestCaseError> {
    let now = world.now();
    for (index, began) in &world.began {
        let elevation = &world.elevations[*index];
        if let Some(left) = elevation.left(&now) {
            let held = world.clocks.known - began;
            let length = elevation.duration.millis();
            prop_assert!(
                held + left <= length,
                "{held} + {left}: {elevation:?} {now:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nobody_gains_a_second(people in people(), events in mostly_clocks()) {
        let mut world = World::new(policy(&[("a", &Role::at_once())]), people);
        for event in &events {
            world.meet(event);
            // While the daemon is away, the gate is closed.
            if world.clocks.runs {
                nobody_gains(&world)?;
            }
        }
    }

    #[test]
    fn every_step_is_noticed(people in people(), events in mostly_clocks()) {
        let mut world = World::new(policy(&[("a", &Role::at_once())]), people);
        world.live(&events);
        for (noticed, happened) in &world.steps {
            prop_assert_eq!(noticed, happened, "{:?}", world.steps);
        }
    }
}
