//! How long after an elevation's end its group is gone.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::{must, records, wall};

/// From the writing of the elevations to the first end: jitd starts and gives
/// the groups meanwhile.
const LEAD: i64 = 4_000;
/// How long to wait for an end, after it.
const PATIENCE: Duration = Duration::from_secs(30);

const GROUP: &str = "jit-deploy";
/// A group whose members are taken out by timers of systemd's.
const BY_TIMER: &str = "by-timer";

/// So many elevations that end evenly over `spread` milliseconds.
pub(super) fn run(count: u32, spread: i64) {
    let now = records::now();
    let lengths: Vec<_> = (0..i64::from(count))
        .map(|number| LEAD + spread * number / i64::from(count))
        .collect();
    records::replace(10, &now, &lengths);
    must("systemctl", &["start", "jitd.service"]);
    let ends = (0..count).zip(&lengths).map(|(number, length)| {
        let end = i128::from(now.wall.0 + length) * 1_000_000;
        (records::account(number).0, end)
    });
    let rewrites = watch(GROUP, ends.collect());
    println!("rewrites {rewrites}");
}

/// The same without jitd: a timer of systemd's for each, a second apart, that
/// runs gpasswd. A calendar's timers have whole seconds.
pub(super) fn timers(count: u32) {
    let first = i64::try_from(wall() / 1_000_000_000).expect("it is now") + 5;
    let people: Vec<_> = (0..count)
        .map(|number| records::account(number).0)
        .collect();
    must("groupadd", &["--force", BY_TIMER]);
    must("gpasswd", &["-M", &people.join(","), BY_TIMER]);
    let mut ends = BTreeMap::new();
    for (end, user) in (first..).zip(people) {
        must(
            "systemd-run",
            &[
                "--quiet",
                &format!("--on-calendar=@{end}"),
                "--timer-property=AccuracySec=1ms",
                "gpasswd",
                "-d",
                &user,
                BY_TIMER,
            ],
        );
        ends.insert(user, i128::from(end) * 1_000_000_000);
    }
    watch(BY_TIMER, ends);
}

/// Waits until all of `ends`, which are in the group, are gone from it, prints
/// how long after its end each one went, and gives how often the file was
/// replaced.
fn watch(group: &str, mut ends: BTreeMap<String, i128>) -> u32 {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK);
    let inotify = inotify.expect("files can be watched");
    inotify
        .add_watch("/etc", AddWatchFlags::IN_MOVED_TO)
        .expect("/etc can be watched");
    let there = members(group);
    let all = ends.keys().all(|user| there.contains(user));
    assert!(
        all,
        "{} are in {group}, not all of {}",
        there.len(),
        ends.len()
    );
    let last = ends.values().max().copied().unwrap_or_default();
    let left = u64::try_from(last - wall()).unwrap_or(0);
    let deadline = Instant::now() + Duration::from_nanos(left) + PATIENCE;
    let mut rewrites = 0;
    while !ends.is_empty() {
        assert!(Instant::now() < deadline, "{} never went", ends.len());
        let Some((seen, events)) = next(&inotify) else {
            continue;
        };
        if events == 0 {
            continue;
        }
        rewrites += events;
        let there = members(group);
        ends.retain(|user, end| {
            let gone = !there.contains(user);
            if gone {
                println!("lag {}", seen - *end);
            }
            !gone
        });
    }
    rewrites
}

/// When something came, and how often /etc/group was replaced since the last look.
fn next(inotify: &Inotify) -> Option<(i128, u32)> {
    let mut ready = [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::from(1_000_u16);
    if poll(&mut ready, timeout).expect("files can be watched") == 0 {
        return None;
    }
    let seen = wall();
    let events = inotify.read_events().expect("files can be watched");
    let replaced = events
        .iter()
        .filter(|event| event.name.as_deref().is_some_and(|name| name == "group"))
        .count();
    Some((seen, u32::try_from(replaced).unwrap_or(u32::MAX)))
}

fn members(group: &str) -> Vec<String> {
    let file = fs::read_to_string("/etc/group").expect("there is /etc/group");
    let line = file
        .lines()
        .find_map(|line| line.strip_prefix(group)?.strip_prefix(':'));
    let members = line.and_then(|rest| rest.rsplit(':').next());
    let members = members.unwrap_or_default().split(',');
    members.map(str::to_owned).collect()
}
