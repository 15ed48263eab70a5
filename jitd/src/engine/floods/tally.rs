//! What happens again and again, told in few words: pure.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use crate::domain::time::{Boot, Now, Seconds, Wall};
use crate::engine::asking::rfc3339;
use crate::record::Event;

/// How long what follows the first one is counted: at first, and at most.
const WINDOW: (Seconds, Seconds) = (Seconds(60), Seconds(3600));
/// Most that are told at once of one source within an hour.
const MOST_AT_ONCE: usize = 60;
/// Most sources that are kept apart, and most windows.
const MOST: usize = 4096;
/// Most that may wait to be put on record; where that fails, all that follows is counted.
const MOST_READY: usize = 1024;

const HOUR: Seconds = Seconds(3600);

/// Something that somebody can make happen as often as they like.
pub(crate) trait Occurrence: Clone {
    /// By whom, or to what.
    type Source: Clone + Eq + Hash;
    /// What must be the same for it to have happened again.
    type Kind: Clone + Eq + Hash;

    /// Most kinds of one source that are kept apart.
    const MOST_KINDS: usize;
    /// So many of a kind are told at once before they are counted.
    const AT_ONCE: u32;

    fn source(&self) -> Self::Source;
    fn kind(&self) -> Self::Kind;
    /// The event that tells of it.
    fn event(&self, at: Wall) -> Event;
    /// The event that tells of several kinds of the same source.
    fn event_of_its_source(&self, at: Wall) -> Event;
    /// The event that tells of several sources.
    fn event_of_many(at: Wall) -> Event;
}

/// Counts occurrences. The first one is told at once and opens a window; those that follow in it,
/// mostly from the second on, are counted, and told together at its end. While there are any, the next window is longer.
/// None is lost: those that are told at once, and the counts of all others, add up.
pub(crate) struct Tally<O: Occurrence> {
    sources: HashMap<O::Source, Source<O>>,
    windows: usize,
    /// Of sources beyond the most.
    others: Option<Window<()>>,
}

struct Source<O: Occurrence> {
    kinds: HashMap<O::Kind, Window<O>>,
    /// Of kinds beyond the most.
    various: Option<Window<O>>,
    /// When something was told at once, within the last hour.
    at_once: VecDeque<Boot>,
}

struct Window<O> {
    ends: Boot,
    length: Seconds,
    /// So many were told at once.
    told: u32,
    counted: Option<Counted<O>>,
}

struct Counted<O> {
    last: O,
    count: u64,
    since: Wall,
    until: Wall,
}

impl<O: Occurrence> Tally<O> {
    pub(crate) fn new() -> Self {
        Self {
            sources: HashMap::new(),
            windows: 0,
            others: None,
        }
    }

    /// Takes note of one: its event, where it is told at once, is added to what is ready. True
    /// where there is something to tell now, or at another time than before.
    pub(crate) fn note(&mut self, one: O, now: &Now, ready: &mut Vec<Event>) -> bool {
        let (source, kind) = (one.source(), one.kind());
        let has_room = self.windows < MOST && ready.len() < MOST_READY;
        if !self.sources.contains_key(&source) && (self.sources.len() >= MOST || !has_room) {
            return count(&mut self.others, (), now);
        }
        let known = self.sources.entry(source).or_insert_with(Source::new);
        let may_tell = has_room && known.may_tell(now);
        if let Some(window) = known.kinds.get_mut(&kind) {
            let is_told = may_tell && window.told < O::AT_ONCE;
            if is_told {
                known.at_once.push_back(now.boot);
                window.told += 1;
                ready.push(one.event(now.wall));
            } else {
                window.count(one, now);
            }
            return is_told;
        }
        if !has_room || !known.may_open(now) {
            return count(&mut known.various, one, now);
        }
        known.at_once.push_back(now.boot);
        ready.push(one.event(now.wall));
        known.kinds.insert(kind, Window::new(now));
        self.windows += 1;
        true
    }

    /// Adds to what is ready what was counted in windows that are over; in all, where nothing
    /// follows any more.
    pub(crate) fn close(&mut self, now: &Now, all: bool, ready: &mut Vec<Event>) {
        let mut windows = 0;
        let over = |ends: Boot| all || ends <= now.boot;
        for source in self.sources.values_mut() {
            source.kinds.retain(|_, window| {
                let told = |last: &O| last.event(now.wall);
                !over(window.ends) || window.go_on(now, told, ready)
            });
            windows += source.kinds.len();
            source.various.take_if(|window| {
                let told = |last: &O| last.event_of_its_source(now.wall);
                over(window.ends) && !window.go_on(now, told, ready)
            });
            source.forget(now);
        }
        self.others.take_if(|window| {
            let told = |(): &()| O::event_of_many(now.wall);
            over(window.ends) && !window.go_on(now, told, ready)
        });
        self.sources.retain(|_, source| !source.is_forgotten());
        self.windows = windows;
    }

    /// When the next window is over.
    pub(crate) fn next(&self) -> Option<Boot> {
        let ends = self.sources.values().flat_map(|source| {
            let kinds = source.kinds.values().map(|window| window.ends);
            kinds.chain(source.various.as_ref().map(|window| window.ends))
        });
        ends.chain(self.others.as_ref().map(|window| window.ends))
            .min()
    }
}

impl<O: Occurrence> Source<O> {
    fn new() -> Self {
        Self {
            kinds: HashMap::new(),
            various: None,
            at_once: VecDeque::new(),
        }
    }

    /// Of a kind that was told of already.
    fn may_tell(&mut self, now: &Now) -> bool {
        self.forget(now);
        self.at_once.len() < MOST_AT_ONCE
    }

    /// Of a new kind.
    fn may_open(&mut self, now: &Now) -> bool {
        self.forget(now);
        self.kinds.len() < O::MOST_KINDS && self.at_once.len() < MOST_AT_ONCE.max(O::MOST_KINDS)
    }

    fn forget(&mut self, now: &Now) {
        let old = |at: &Boot| at.after(HOUR) <= now.boot;
        while self.at_once.front().is_some_and(old) {
            self.at_once.pop_front();
        }
    }

    fn is_forgotten(&self) -> bool {
        self.kinds.is_empty() && self.various.is_none() && self.at_once.is_empty()
    }
}

/// Counts where nothing is told at once; true where that opened the window.
fn count<O>(window: &mut Option<Window<O>>, one: O, now: &Now) -> bool {
    let is_new = window.is_none();
    window
        .get_or_insert_with(|| Window::new(now))
        .count(one, now);
    is_new
}

impl<O> Window<O> {
    fn new(now: &Now) -> Self {
        Self {
            ends: now.boot.after(WINDOW.0),
            length: WINDOW.0,
            told: 1,
            counted: None,
        }
    }

    fn count(&mut self, one: O, now: &Now) {
        let counted = self.counted.take();
        self.counted = Some(Counted {
            last: one,
            count: counted.as_ref().map_or(1, |before| before.count + 1),
            since: counted.as_ref().map_or(now.wall, |before| before.since),
            until: now.wall,
        });
    }

    /// Tells of what was counted, and opens a longer window; false where there was nothing.
    fn go_on(&mut self, now: &Now, told: impl FnOnce(&O) -> Event, ready: &mut Vec<Event>) -> bool {
        let Some(counted) = self.counted.take() else {
            return false;
        };
        let event = told(&counted.last)
            .with("count", counted.count.to_string())
            .with("since", rfc3339(counted.since))
            .with("until", rfc3339(counted.until));
        ready.push(event);
        self.length = Seconds(self.length.0 * 2).min(WINDOW.1);
        self.ends = now.boot.after(self.length);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::UserName;
    use crate::domain::time::BootId;
    use crate::record::EventName;

    #[derive(Clone)]
    struct Knock {
        who: u32,
        door: u32,
    }

    impl Occurrence for Knock {
        type Source = u32;
        type Kind = u32;

        const MOST_KINDS: usize = 8;
        const AT_ONCE: u32 = 1;

        fn source(&self) -> u32 {
            self.who
        }

        fn kind(&self) -> u32 {
            self.door
        }

        fn event(&self, at: Wall) -> Event {
            self.event_of_its_source(at)
                .with("service", self.door.to_string())
        }

        fn event_of_its_source(&self, at: Wall) -> Event {
            let name = UserName::new("carol").unwrap();
            Self::event_of_many(at).about(name, self.who)
        }

        fn event_of_many(at: Wall) -> Event {
            Event::of_none(EventName::GateRefused, at)
        }
    }

    struct Scene {
        tally: Tally<Knock>,
        now: Now,
        ready: Vec<Event>,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                tally: Tally::new(),
                now: Now {
                    wall: Wall(1_000_000),
                    boot: Boot(0),
                    boot_id: BootId("first".to_owned()),
                },
                ready: Vec::new(),
            }
        }

        fn knock(&mut self, who: u32, door: u32) -> bool {
            let knock = Knock { who, door };
            self.tally.note(knock, &self.now, &mut self.ready)
        }

        fn pass(&mut self, seconds: i64) {
            self.now.wall.0 += seconds * 1000;
            self.now.boot.0 += seconds * 1000;
            self.tally.close(&self.now, false, &mut self.ready);
        }

        /// What is told: who, where, and how many.
        fn told(&mut self) -> Vec<String> {
            let told = self.ready.drain(..).map(|event| {
                let field = |key| {
                    let field = event.fields.iter().find(|(known, _)| *known == key);
                    field.map_or("-", |(_, value)| value).to_owned()
                };
                let who = event.person.map_or(0, |(_, uid)| uid);
                format!("{who} {} {}", field("service"), field("count"))
            });
            let mut told: Vec<_> = told.collect();
            told.sort();
            told
        }

        fn is_empty(&self) -> bool {
            let Tally {
                sources,
                windows,
                others,
            } = &self.tally;
            sources.is_empty() && *windows == 0 && others.is_none()
        }
    }

    /// So many are told of by these events.
    fn sum(told: &[String]) -> u64 {
        let count = |line: &String| line.rsplit(' ').next().unwrap().parse().unwrap_or(1);
        told.iter().map(count).sum()
    }

    #[test]
    fn the_first_is_told_at_once_and_what_follows_together() {
        let mut scene = Scene::new();
        assert!(scene.knock(1, 1));
        assert_eq!(scene.told(), ["1 1 -"]);
        for _ in 0..5 {
            assert!(!scene.knock(1, 1));
        }
        scene.pass(59);
        assert_eq!(scene.told(), [""; 0]);
        scene.pass(1);
        assert_eq!(scene.told(), ["1 1 5"]);
    }

    /// As [`Knock`], and some of a kind are told at once.
    #[derive(Clone)]
    struct Patient(Knock);

    impl Occurrence for Patient {
        type Source = u32;
        type Kind = u32;

        const MOST_KINDS: usize = 8;
        const AT_ONCE: u32 = 8;

        fn source(&self) -> u32 {
            self.0.source()
        }

        fn kind(&self) -> u32 {
            self.0.kind()
        }

        fn event(&self, at: Wall) -> Event {
            self.0.event(at)
        }

        fn event_of_its_source(&self, at: Wall) -> Event {
            self.0.event_of_its_source(at)
        }

        fn event_of_many(at: Wall) -> Event {
            Knock::event_of_many(at)
        }
    }

    #[test]
    fn some_of_a_kind_can_be_told_at_once_and_not_too_many_in_an_hour() {
        let Scene {
            mut now, mut ready, ..
        } = Scene::new();
        let mut tally = Tally::new();
        for minute in 1..=20 {
            for _ in 0..8 {
                let knock = Patient(Knock { who: 1, door: 1 });
                tally.note(knock, &now, &mut ready);
            }
            if minute == 1 {
                assert_eq!(ready.len(), 8);
                let ninth = Patient(Knock { who: 1, door: 1 });
                assert!(!tally.note(ninth, &now, &mut ready));
                assert_eq!(ready.len(), 8);
            }
            now.boot.0 += 125_000;
            tally.close(&now, false, &mut ready);
        }
        let is_counted = |event: &&Event| event.fields.iter().any(|(key, _)| *key == "count");
        let at_once = ready.len() - ready.iter().filter(is_counted).count();
        assert!(at_once <= MOST_AT_ONCE, "{at_once}");
    }

    #[test]
    fn it_says_from_when_to_when() {
        let mut scene = Scene::new();
        scene.knock(1, 1);
        scene.ready.clear();
        scene.pass(2);
        scene.knock(1, 1);
        scene.pass(5);
        scene.knock(1, 1);
        scene.pass(60);
        let fields = &scene.ready[0].fields;
        assert_eq!(
            fields[2..],
            [
                ("since", "1970-01-01T00:16:42Z".to_owned()),
                ("until", "1970-01-01T00:16:47Z".to_owned())
            ]
        );
    }

    #[test]
    fn who_goes_on_is_told_of_ever_more_rarely_and_at_last_every_hour() {
        let mut scene = Scene::new();
        scene.knock(1, 1);
        let mut at = Vec::new();
        for second in 1..=4 * 3600 {
            scene.knock(1, 1);
            scene.pass(1);
            if scene.ready.len() > 1 {
                at.push(second);
                scene.ready.truncate(1);
            }
        }
        assert_eq!(at, [60, 180, 420, 900, 1860, 3780, 7380, 10980]);
        assert_eq!(scene.tally.next(), Some(Boot(14_580_000)));
    }

    #[test]
    fn who_stops_is_forgotten() {
        let mut scene = Scene::new();
        scene.knock(1, 1);
        scene.pass(60);
        assert_eq!((scene.told().len(), scene.tally.next()), (1, None));
        assert!(scene.knock(1, 1), "the next is a first one");
        scene.pass(3600);
        assert!(scene.is_empty());
    }

    #[test]
    fn what_differs_is_told_apart_and_of_one_who_tries_everything_some() {
        let mut scene = Scene::new();
        for door in 0..100 {
            scene.knock(1, door);
        }
        let told = scene.told();
        assert_eq!(told.len(), 8, "{told:?}");
        scene.pass(60);
        assert_eq!(scene.told(), ["1 - 92"]);
        // Somebody else is told of as ever.
        scene.knock(2, 1);
        assert_eq!(scene.told(), ["2 1 -"]);
    }

    #[test]
    fn a_patient_one_is_not_told_of_at_once_more_than_so_often_in_an_hour() {
        let mut scene = Scene::new();
        let mut told = Vec::new();
        for _ in 0..59 {
            for door in 0..8 {
                scene.knock(1, door);
            }
            scene.pass(61);
            told.extend(scene.told());
        }
        let at_once = told.iter().filter(|line| line.ends_with('-')).count();
        assert_eq!(at_once, MOST_AT_ONCE);
        assert!(told.len() < 70, "{told:?}");
        scene.pass(3600);
        told.extend(scene.told());
        assert_eq!(sum(&told), 59 * 8);
    }

    #[test]
    fn a_crowd_is_counted_without_names() {
        let mut scene = Scene::new();
        let crowd = u32::try_from(MOST).unwrap() + 1000;
        let mut told = Vec::new();
        for who in 0..crowd {
            scene.knock(who, 1);
            told.extend(scene.told());
        }
        assert_eq!(told.len(), MOST);
        scene.pass(60);
        assert_eq!(scene.told(), ["0 - 1000"]);
    }

    #[test]
    fn nothing_is_lost_while_nothing_can_be_put_on_record() {
        let mut scene = Scene::new();
        for who in 0..5000 {
            scene.knock(who, 1);
        }
        assert_eq!(scene.ready.len(), MOST_READY);
        scene.pass(60);
        assert_eq!(sum(&scene.told()), 5000);
    }

    #[test]
    fn at_the_end_everything_is_told() {
        let mut scene = Scene::new();
        for who in 0..20 {
            for door in 0..20 {
                scene.knock(who, door);
                scene.knock(who, door);
            }
        }
        scene.tally.close(&scene.now, true, &mut scene.ready);
        assert_eq!(sum(&scene.told()), 800);
        let left: Vec<_> = scene.tally.sources.values().collect();
        assert!(left.iter().all(|source| {
            let counted = source.kinds.values().any(|window| window.counted.is_some());
            !counted
        }));
    }
}
