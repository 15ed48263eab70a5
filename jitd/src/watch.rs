//! Noticing that others change accounts, or who is in which group: inotify(7), on a thread of its
//! own for each.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::sync::Notify;

use crate::paths;
use crate::record::{Priority, note};

/// The least time between two notices: another program that keeps changing the files makes jitd
/// look so often and no more. The first change is told at once.
const REST: Duration = Duration::from_millis(200);

/// Written files, when they are closed: what is half written is not to be read. What is taken
/// away for a moment, as some editors do, is told of when it comes back.
const WRITTEN: AddWatchFlags = AddWatchFlags::IN_CLOSE_WRITE.union(AddWatchFlags::IN_MOVED_TO);
/// Where a file counts by its being there.
const THERE: AddWatchFlags = WRITTEN
    .union(AddWatchFlags::IN_CREATE)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_MOVED_FROM);

/// Told when somebody, jitd included, has changed who is in which group. Without it the host is
/// made to match when something else happens.
#[must_use]
pub fn watch_memberships() -> Arc<Notify> {
    let mut all = vec![Watched::Files(Path::new(paths::ETC), &["group", "gshadow"])];
    let userdb = Path::new(paths::USERDB);
    if userdb.is_dir() {
        all.push(Watched::Folder(userdb));
    }
    watch_or_say(&all, REST)
}

/// Told when somebody has changed an account in a file of this host. At once each time: an
/// account can be gone and made anew within the time of a rest.
#[must_use]
pub fn watch_accounts() -> Arc<Notify> {
    let mut all = vec![Watched::Files(Path::new(paths::ETC), &["passwd"])];
    let more = paths::MORE_ACCOUNTS.iter().chain([&paths::USERDB]);
    let there = more.map(Path::new).filter(|folder| folder.is_dir());
    all.extend(there.map(Watched::Folder));
    watch_or_say(&all, Duration::ZERO)
}

fn watch_or_say(all: &[Watched<'_>], rest: Duration) -> Arc<Notify> {
    watch(all, rest).unwrap_or_else(|error| {
        note(
            Priority::Error,
            &format!("what others change is not noticed when it happens: {error}"),
        );
        Arc::default()
    })
}

/// A folder, and what in it matters.
#[derive(Debug)]
enum Watched<'a> {
    /// What some files have in them.
    Files(&'a Path, &'static [&'static str]),
    /// Which files there are.
    Folder(&'a Path),
}

fn watch(all: &[Watched<'_>], rest: Duration) -> std::io::Result<Arc<Notify>> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
    let known = add(&inotify, all)?;
    let changed = Arc::new(Notify::new());
    let tell = changed.clone();
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || {
            if let Err(error) = run(&inotify, &known, &tell, rest) {
                note(
                    Priority::Error,
                    &format!("what others change is no longer noticed when it happens: {error}"),
                );
            }
        })?;
    Ok(changed)
}

type Known = Vec<(WatchDescriptor, Option<&'static [&'static str]>)>;

fn add(inotify: &Inotify, all: &[Watched<'_>]) -> Result<Known, Errno> {
    let each = all.iter().map(|one| match one {
        Watched::Files(folder, files) => Ok((inotify.add_watch(*folder, WRITTEN)?, Some(*files))),
        Watched::Folder(folder) => Ok((inotify.add_watch(*folder, THERE)?, None)),
    });
    each.collect()
}

fn run(inotify: &Inotify, known: &Known, tell: &Notify, length: Duration) -> Result<(), Errno> {
    loop {
        match inotify.read_events() {
            Ok(events) => {
                if events.iter().any(|event| matters(event, known)) {
                    tell.notify_one();
                    rest(length);
                }
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether an event is of one of the files; an overflow may have swallowed one.
fn matters(event: &InotifyEvent, known: &Known) -> bool {
    let name = event.name.as_deref().unwrap_or_default();
    let is_of = |(folder, files): &(WatchDescriptor, Option<&[&str]>)| {
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        let named = files.map_or(!is_hidden, |files| files.iter().any(|file| name == *file));
        *folder == event.wd && named
    };
    event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) || known.iter().any(is_of)
}

#[expect(
    clippy::disallowed_methods,
    reason = "bounds how often something is done; nothing ends by it"
)]
fn rest(length: Duration) {
    std::thread::sleep(length);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_written_or_there_is_told_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["etc", "userdb"] {
            fs::create_dir(path(name)).unwrap();
        }
        for name in ["etc/group", "etc/other", "etc/new"] {
            fs::write(path(name), "").unwrap();
        }
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
        let (etc, userdb) = (path("etc"), path("userdb"));
        let all = [
            Watched::Files(&etc, &["group", "gshadow"]),
            Watched::Folder(&userdb),
        ];
        let known = add(&inotify, &all).unwrap();
        let told = |what: &dyn Fn() -> std::io::Result<()>| {
            what().unwrap();
            let events = inotify.read_events().unwrap_or_default();
            events.iter().any(|event| matters(event, &known))
        };
        let rename = |from: &str, to: &str| fs::rename(path(from), path(to));
        assert!(told(&|| fs::write(path("etc/group"), "x")));
        assert!(told(&|| rename("etc/new", "etc/gshadow")));
        assert!(!told(&|| fs::write(path("etc/other"), "x")));
        assert!(!told(&|| fs::read(path("etc/group")).map(drop)));
        // It is about to come back.
        assert!(!told(&|| rename("etc/group", "etc/group~")));
        assert!(told(&|| rename("etc/group~", "etc/group")));
        assert!(told(&|| std::os::unix::fs::symlink(
            "x",
            path("userdb/a:b.membership")
        )));
        assert!(told(&|| fs::remove_file(path("userdb/a:b.membership"))));
        assert!(!told(&|| fs::write(
            path("userdb/.a:b.membership.jitd-new"),
            "x"
        )));
    }
}
