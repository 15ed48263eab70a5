//! A database with a past, written by jitd's own store.

use std::path::Path;

use jitd::clock::{Clock, HostClock};
use jitd::domain::elevation::{Act, Decision, Elevation, ElevationId, Grant};
use jitd::domain::names::{GroupName, RoleName, ServiceName, UserName};
use jitd::domain::time::{Boot, Now, Seconds, Wall};
use jitd::paths;
use jitd::record::{Event, EventName};
use jitd::store::{Change, Seen, Store};
use jitd_api::{State, Verdict};

use super::must;

/// The account with number 0; the scene makes the accounts.
const FIRST_UID: u32 = 100_000;
/// How many accounts share the past.
const PEOPLE: u32 = 5_000;
/// Elevations written in one transaction.
const AT_ONCE: u64 = 5_000;
/// How long elevations are for.
const LENGTH: Seconds = Seconds(3600);

/// Writes `past` elevations that have ended and `active` ones, of one account
/// each, that end in an hour; then starts jitd with them.
pub(super) fn fill(past: u64, active: u32) {
    let now = now();
    replace(past, &now, &vec![LENGTH.millis(); active as usize]);
    must("systemctl", &["start", "jitd.service"]);
}

/// The account of that number.
pub(super) fn account(number: u32) -> (String, u32) {
    (format!("u{number}"), FIRST_UID + number)
}

/// What time it is.
pub(super) fn now() -> Now {
    HostClock::new().expect("there are clocks").now()
}

/// Stops jitd and gives it a database with `past` elevations that have ended,
/// and one for each of `ends`: milliseconds from `now` to its end.
pub(super) fn replace(past: u64, now: &Now, ends: &[i64]) {
    must("systemctl", &["stop", "jitd.service"]);
    for ending in ["", "-wal", "-shm"] {
        // Not all of them are there.
        let _ = std::fs::remove_file(format!("{}{ending}", paths::DATABASE));
    }
    let store = Store::open(Path::new(paths::DATABASE)).expect("a database can be made");
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime can be made").block_on(async {
        for first in (0..past).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
            let last = past.min(first + AT_ONCE);
            let lives = (first..last).flat_map(|number| life(number, past, now));
            commit(&store, lives.collect()).await;
        }
        let active = (0_u32..).zip(ends).flat_map(|(number, length)| {
            let [requested, approved] = beginning(past + u64::from(number), number, now.wall);
            let approved = until(approved, now, *length);
            [requested, approved]
        });
        commit(&store, active.collect()).await;
    });
    jit_tests::past::all_is_told(&store);
}

async fn commit(store: &Store, changes: Vec<Change>) {
    store
        .commit(changes, Seen::default())
        .await
        .expect("the database takes it");
}

/// From request to end, all in the past, a minute after the one before.
fn life(number: u64, past: u64, now: &Now) -> [Change; 3] {
    let ago = i64::try_from((past - number) * 60_000).unwrap_or(i64::MAX);
    let at = Wall(now.wall.0 - 2 * LENGTH.millis() - ago);
    let who = u32::try_from(number % u64::from(PEOPLE)).unwrap_or(0);
    let [requested, approved] = beginning(number, who, at);
    let over = at.after(LENGTH);
    let mut ended = approved.elevation.clone().expect("it is of an elevation");
    ended.state = State::Expired;
    ended.ended = Some(Act {
        at: over,
        by: "jitd".to_owned(),
    });
    let event = Event::new(EventName::Expired, &ended, over).with("by", "jitd");
    let expired = Change::of(ended, event);
    [requested, approved, expired]
}

/// Requested and approved at once.
fn beginning(number: u64, who: u32, at: Wall) -> [Change; 2] {
    let (user, uid) = account(who);
    let pending = Elevation {
        id: ElevationId(number + 1),
        state: State::Pending,
        user: UserName::new(&user).expect("a user name"),
        uid,
        login_uid: Some(uid),
        role: RoleName::new("deploy").expect("a role name"),
        reason: format!("OPS-{number}: restart the web tier after the deploy"),
        ticket: String::new(),
        duration: LENGTH,
        requested_at: at,
        start: None,
        extends: None,
        break_glass: false,
        acknowledged: None,
        lapses_at: at.after(LENGTH),
        grant: None,
        ended: None,
        decisions: Vec::new(),
    };
    let requested = Event::new(EventName::Requested, &pending, at)
        .with("by", pending.user.as_str())
        .with("reason", pending.reason.clone());
    let mut active = pending.clone();
    active.state = State::Active;
    active.decisions = vec![Decision {
        by: UserName::new("alice").expect("a user name"),
        uid: 999,
        verdict: Verdict::Approved,
        comment: "as announced".to_owned(),
        at,
    }];
    active.grant = Some(Grant {
        groups: vec![GroupName::new("jit-deploy").expect("a group name")],
        services: ["sudo", "jit"]
            .map(|name| ServiceName::new(name).expect("a service name"))
            .to_vec(),
        starts_at: at,
        starts_at_boot: Boot(0),
        ends_at: at.after(LENGTH),
        ends_at_boot: Boot(0).after(LENGTH),
        boot_id: jitd::domain::time::BootId("an earlier boot".to_owned()),
    });
    let approved = Event::new(EventName::Approved, &active, at).with("by", "alice");
    [Change::of(pending, requested), Change::of(active, approved)]
}

/// An approved one that began now and ends so many milliseconds from now. The
/// wall clock decides: the boot clock's end is a hair later.
fn until(mut approved: Change, now: &Now, length: i64) -> Change {
    let elevation = approved.elevation.as_mut();
    if let Some(grant) = elevation.and_then(|elevation| elevation.grant.as_mut()) {
        grant.starts_at = now.wall;
        grant.starts_at_boot = now.boot;
        grant.ends_at = Wall(now.wall.0 + length);
        grant.ends_at_boot = Boot(now.boot.0 + length + 2);
        grant.boot_id = now.boot_id.clone();
    }
    approved
}
