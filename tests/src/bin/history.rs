//! `history DATABASE COUNT`: makes a database with a year of elevations that are over, up to now,
//! written by jitd's own store: who asked, who answered and when, what was opened under them, what
//! was refused. The same for the same count, but for the time at which it ends.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "what can't be written is told by a panic"
)]
#![forbid(unsafe_code)]

use std::path::Path;

use fastrand::Rng;
use jitd::clock::{Clock, HostClock};
use jitd::domain::elevation::{Act, Decision, Elevation, ElevationId, Grant};
use jitd::domain::names::{GroupName, RoleName, ServiceName, UserName};
use jitd::domain::session::{Mark, Session, SessionId};
use jitd::domain::time::{Boot, BootId, Seconds, Wall};
use jitd::record::{Event, EventName, Subject};
use jitd::store::{Change, Seen, Store};
use jitd_api::{State, Verdict};

const PEOPLE: [&str; 16] = [
    "carol", "bob", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia",
    "peggy", "rupert", "sybil", "trent", "walter",
];
const APPROVERS: [&str; 3] = ["alice", "dave", "victor"];
const ROLES: [&str; 6] = ["deploy", "db", "logs", "network", "backup", "root"];
/// Also what is not to reach a page as it is.
const REASONS: [&str; 8] = [
    "restart web after the patch",
    "disk full on the database host, removing old dumps",
    "rotate the certificates before they expire",
    "customer report: slow queries since this morning",
    "<script>alert('x')</script> & \"quotes\" in a reason",
    "turned \u{202e}around\u{202c} and \u{1b}[2Jcleared",
    "يجب إعادة تشغيل الخادم",
    "=HYPERLINK(\"http://example.invalid\")",
];
/// Changes in one transaction.
const AT_ONCE: usize = 5_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [database, count] = &words[..] else {
        panic!("usage: history DATABASE COUNT");
    };
    let count: u64 = count.parse().expect("a number");
    let clock = HostClock::new().expect("there are clocks");
    let mut year = Year::ending(clock.now().wall.0);
    for id in 1..=count {
        year.life(id, count);
    }
    let mut changes = year.changes;
    changes.sort_by_key(|change| change.event.at);
    let store = Store::open(Path::new(database)).expect("a database can be made");
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime can be made").block_on(async {
        while !changes.is_empty() {
            let rest = changes.split_off(changes.len().min(AT_ONCE));
            let written = store.commit(changes, Seen::default()).await;
            written.expect("the database takes it");
            changes = rest;
        }
    });
}

struct Year {
    from: i64,
    random: Rng,
    changes: Vec<Change>,
    sessions: u64,
}

impl Year {
    fn ending(now: i64) -> Self {
        Self {
            from: now - 365 * DAY,
            random: Rng::with_seed(7),
            changes: Vec::new(),
            sessions: 0,
        }
    }

    /// One elevation, from its request to its end.
    fn life(&mut self, id: u64, count: u64) {
        let number = |number: u64| i64::try_from(number).expect("not so many");
        // The last one is over before now.
        let at = self.from + number(id - 1) * 364 * DAY / number(count) + self.minutes(0..300);
        let mut elevation = self.requested(id, at);
        let requested = Event::new(EventName::Requested, &elevation, Wall(at))
            .with("by", elevation.user.as_str())
            .with("reason", elevation.reason.clone());
        if self.random.u8(0..100) == 0 {
            elevation.break_glass = true;
        } else {
            self.put(elevation.clone(), requested);
        }
        match self.random.u8(0..100) {
            _ if elevation.break_glass => self.broken(elevation, at),
            0..4 => self.never(elevation, State::Denied, EventName::Denied),
            4..7 => self.never(elevation, State::Cancelled, EventName::Cancelled),
            7..10 => self.never(elevation, State::Lapsed, EventName::Lapsed),
            10..25 => self.held(elevation, EventName::Approved, at, "jitd"),
            _ => {
                let answered = at + self.minutes(1..90);
                let by = self.random.choice(APPROVERS).expect("there are some");
                elevation
                    .decisions
                    .push(decision(by, Verdict::Approved, answered));
                self.held(elevation, EventName::Approved, answered, by);
            }
        }
        if self.random.u8(0..40) == 0 {
            self.refused(at);
        }
    }

    fn requested(&mut self, id: u64, at: i64) -> Elevation {
        // Some ask more often than others.
        let who = self
            .random
            .usize(..PEOPLE.len())
            .min(self.random.usize(..PEOPLE.len()));
        let uid = 2_000 + u32::try_from(who).unwrap_or(0);
        let role = ROLES[(who + self.random.usize(..3)) % ROLES.len()];
        let duration = 900 * self.random.u64(1..=12);
        Elevation {
            id: ElevationId(id),
            state: State::Pending,
            user: UserName::new(PEOPLE[who]).expect("a user name"),
            uid,
            login_uid: Some(uid),
            role: RoleName::new(role).expect("a role name"),
            reason: REASONS[self.random.usize(..REASONS.len())].to_owned(),
            ticket: format!("OPS-{id}"),
            duration: Seconds(duration),
            requested_at: Wall(at),
            start: None,
            extends: None,
            break_glass: false,
            acknowledged: None,
            lapses_at: Wall(at + 120 * MINUTE),
            grant: None,
            ended: None,
            decisions: Vec::new(),
        }
    }

    fn never(&mut self, mut elevation: Elevation, state: State, name: EventName) {
        let asked = elevation.requested_at.0;
        let by = self.random.choice(APPROVERS).expect("there are some");
        let (at, by) = match state {
            State::Denied => (asked + self.minutes(1..60), by.to_owned()),
            State::Lapsed => (elevation.lapses_at.0, "jitd".to_owned()),
            _ => (asked + self.minutes(1..30), elevation.user.to_string()),
        };
        if state == State::Denied {
            elevation.decisions.push(decision(&by, Verdict::Denied, at));
        }
        self.ended(elevation, state, name, at, &by);
    }

    fn broken(&mut self, mut elevation: Elevation, at: i64) {
        if self.random.bool() {
            elevation.acknowledged = Some(Act {
                at: Wall(at + self.minutes(60..3_000)),
                by: "alice".to_owned(),
            });
        }
        let by = elevation.user.to_string();
        self.held(elevation, EventName::GlassBroken, at, &by);
    }

    /// Held from then on, with what was opened under it.
    fn held(&mut self, mut elevation: Elevation, began: EventName, at: i64, by: &str) {
        let until = Wall(at).after(elevation.duration);
        elevation.state = State::Active;
        elevation.grant = Some(Grant {
            groups: vec![GroupName::new("jit-role").expect("a group name")],
            services: vec![ServiceName::new("sudo").expect("a service name")],
            starts_at: Wall(at),
            starts_at_boot: Boot(0),
            ends_at: until,
            ends_at_boot: Boot(0).after(elevation.duration),
            boot_id: BootId("an earlier boot".to_owned()),
        });
        let event = Event::new(began, &elevation, Wall(at)).with("by", by);
        self.put(elevation.clone(), event);
        for _ in 0..self.random.u8(0..4) {
            self.session(&elevation, at, until.0);
        }
        let holder = elevation.user.to_string();
        let (state, name, end, by) = match self.random.u8(0..10) {
            0..5 => (State::Expired, EventName::Expired, until.0, "jitd"),
            5..9 => (
                State::Released,
                EventName::Released,
                i64::midpoint(at, until.0),
                holder.as_str(),
            ),
            _ => (
                State::Revoked,
                EventName::Revoked,
                i64::midpoint(at, until.0),
                "alice",
            ),
        };
        self.ended(elevation, state, name, end, by);
    }

    fn session(&mut self, elevation: &Elevation, from: i64, until: i64) {
        self.sessions += 1;
        let opened = from + self.random.i64(0..(until - from) / 2);
        let mut session = Session {
            id: SessionId(self.sessions),
            elevation: elevation.id,
            under: elevation.id,
            also: Vec::new(),
            service: "sudo".to_owned(),
            command: "sudo systemctl restart web.service".to_owned(),
            terminal: "/dev/pts/0".to_owned(),
            remote: String::new(),
            leader: 4_000,
            mark: Mark::default(),
            login: None,
            boot_id: BootId("an earlier boot".to_owned()),
            opened_at: Wall(opened),
            closed_at: None,
            recording: None,
        };
        let subject = Subject::of(elevation);
        let event =
            |name, session: &Session, at| Event::of_session(name, &subject, session, Wall(at));
        let event_opened = event(EventName::SessionOpened, &session, opened);
        self.changes
            .push(Change::of_session(session.clone(), event_opened));
        let closed = opened + self.random.i64(1_000..(until - opened));
        session.closed_at = Some(Wall(closed));
        let closed = event(EventName::SessionClosed, &session, closed);
        self.changes.push(Change::of_session(session, closed));
    }

    fn refused(&mut self, at: i64) {
        let who = PEOPLE[self.random.usize(..4)];
        let event = Event::of_none(EventName::AttemptRefused, Wall(at + MINUTE))
            .with("by", who)
            .with(
                "tried",
                self.random
                    .choice(["approve", "deny", "revoke"])
                    .unwrap_or(""),
            )
            .with("because", "nobody decides over a request of their own");
        self.changes.push(Change::alone(event));
    }

    fn ended(
        &mut self,
        mut elevation: Elevation,
        state: State,
        name: EventName,
        at: i64,
        by: &str,
    ) {
        elevation.state = state;
        elevation.ended = Some(Act {
            at: Wall(at),
            by: by.to_owned(),
        });
        let event = Event::new(name, &elevation, Wall(at)).with("by", by);
        self.put(elevation, event);
    }

    fn put(&mut self, elevation: Elevation, event: Event) {
        self.changes.push(Change::of(elevation, event));
    }

    fn minutes(&mut self, range: std::ops::Range<i64>) -> i64 {
        self.random.i64(range) * MINUTE
    }
}

fn decision(by: &str, verdict: Verdict, at: i64) -> Decision {
    Decision {
        by: UserName::new(by).expect("a user name"),
        uid: 1_500,
        verdict,
        comment: String::new(),
        at: Wall(at),
    }
}
