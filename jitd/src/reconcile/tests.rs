//! Memberships in both places, on files in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::clock::HostClock;
use crate::domain::desired::{Desired, Holder, Membership};
use crate::domain::names::{GroupName, RoleName, UserName};
use crate::domain::rules::Backend;
use crate::store::Store;

/// Whose processes were to be ended.
#[derive(Debug, Clone, Default)]
struct Ended {
    lost: Arc<Mutex<Vec<Membership>>>,
    /// They do not end.
    deaf: bool,
}

impl Processes for Ended {
    fn end(&self, lost: Vec<Membership>, _: &BTreeSet<GroupName>, gone: Gone) {
        self.lost.lock().unwrap().extend(lost.iter().cloned());
        if !self.deaf {
            gone(lost);
        }
    }

    fn know(&self, _: &BTreeMap<RoleName, BTreeSet<Holder>>) {}

    fn spare(&self, _: &BTreeSet<Membership>) {}
}

struct Host {
    folder: TempDir,
    ended: Ended,
    memberships: Memberships,
    sightings: UnboundedReceiver<Sighting>,
}

const GROUP: &str = "root:x:0:\nadm:x:4:dave\n";

impl Host {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("group"), GROUP).unwrap();
        std::fs::write(folder.path().join("gshadow"), "root:*::\nadm:*::dave\n").unwrap();
        let ended = Ended::default();
        let (memberships, sightings) = Self::start(&folder, &ended);
        Self {
            folder,
            ended,
            memberships,
            sightings,
        }
    }

    fn start(folder: &TempDir, ended: &Ended) -> (Memberships, UnboundedReceiver<Sighting>) {
        let places = Places {
            etc: folder.path().to_owned(),
            userdb: folder.path().join("userdb"),
        };
        let store = Store::open(&folder.path().join("jitd.db")).unwrap();
        let (witness, sightings) = Witness::new();
        let processes = Box::new(ended.clone());
        let clock = Arc::new(HostClock::new().unwrap());
        let memberships = Memberships::new(places, store, clock, processes, witness).unwrap();
        (memberships, sightings)
    }

    fn restart(&mut self) {
        (self.memberships, self.sightings) = Self::start(&self.folder, &self.ended);
    }

    /// A boot takes away what is in /run.
    fn reboot(&mut self) {
        std::fs::remove_dir_all(self.path("userdb")).unwrap();
        self.restart();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// What there is in the folder of drop-ins.
    fn drop_ins(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("userdb")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != ".jitd").collect();
        names.sort();
        names
    }

    fn apply(&mut self, backend: Option<Backend>, of: &[(&str, &str)]) {
        self.memberships.apply(&desired(backend, of)).unwrap();
    }

    fn drift(&mut self) -> Vec<String> {
        let mut told = Vec::new();
        while let Ok(sighting) = self.sightings.try_recv() {
            let line = |drift: &Drift| format!("{:?} {}:{}", drift.kind, drift.member, drift.group);
            told.extend(sighting.drift.iter().map(line));
        }
        told
    }

    /// What is on record of memberships.
    fn told(&self) -> Vec<String> {
        let db = rusqlite::Connection::open(self.path("jitd.db")).unwrap();
        let mut statement = db
            .prepare("SELECT event, fields FROM event ORDER BY seq")
            .unwrap();
        let line = |row: &rusqlite::Row<'_>| {
            let (event, fields): (String, String) = (row.get(0)?, row.get(1)?);
            let fields: Vec<(String, String)> = serde_json::from_str(&fields).unwrap();
            let fields: Vec<_> = fields.into_iter().map(|(_, value)| value).collect();
            Ok(format!("{event} {}", fields.join(" ")))
        };
        let lines = statement.query_map([], line).unwrap();
        lines.collect::<Result<_, _>>().unwrap()
    }

    fn ended(&self) -> usize {
        self.ended.lost.lock().unwrap().len()
    }
}

fn desired(backend: Option<Backend>, of: &[(&str, &str)]) -> Desired {
    let memberships: BTreeSet<Membership> = of
        .iter()
        .map(|(user, group)| (GroupName::new(group).unwrap(), UserName::new(user).unwrap()))
        .collect();
    Desired {
        backend,
        groups: memberships.iter().map(|(group, _)| group.clone()).collect(),
        memberships,
        ..Desired::default()
    }
}

const USERDB: Option<Backend> = Some(Backend::Userdb);
const FILES: Option<Backend> = Some(Backend::Files);

#[test]
fn in_userdb_nothing_is_written_below_etc() {
    let mut host = Host::new();
    host.apply(USERDB, &[("carol", "adm"), ("carol", "jit-deploy")]);
    let gid = host.drop_ins().first().cloned().unwrap();
    let expected = [
        "carol:adm.membership",
        "carol:jit-deploy.membership",
        "jit-deploy.group",
    ];
    assert_eq!(host.drop_ins()[1..], expected);
    assert_eq!(host.read("group"), GROUP);
    let gid: u32 = gid.strip_suffix(".group").unwrap().parse().unwrap();
    assert!((101..=999).contains(&gid));
    let link = std::fs::read_link(host.path(&format!("userdb/{gid}.group"))).unwrap();
    assert_eq!(link.to_str(), Some("jit-deploy.group"));
    assert_eq!(
        host.read("userdb/carol:adm.membership"),
        "{\"groupName\":\"adm\",\"service\":\"jitd\",\"userName\":\"carol\"}\n"
    );
    for name in ["carol:adm.membership", "jit-deploy.group"] {
        let meta = std::fs::metadata(host.path("userdb").join(name)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o644, "{name}");
    }
    host.apply(USERDB, &[]);
    assert_eq!(host.drop_ins().len(), 2, "the group stays");
    assert_eq!(host.ended(), 2);
    host.memberships.remove_owned_groups().unwrap();
    assert!(!host.path("userdb").exists());
    assert_eq!(host.drift(), [""; 0]);
}

#[test]
fn after_a_boot_drop_ins_are_written_anew_with_the_same_number_and_no_drift() {
    let mut host = Host::new();
    let wanted = [("carol", "adm"), ("carol", "jit-deploy")];
    host.apply(USERDB, &wanted);
    let before = host.drop_ins();
    host.reboot();
    assert_eq!(host.drop_ins(), [""; 0]);
    host.apply(USERDB, &wanted);
    assert_eq!(host.drop_ins(), before);
    assert_eq!((host.drift(), host.ended()), (vec![], 0));
    // What ended while the host was down is not given again.
    host.reboot();
    host.apply(USERDB, &wanted[1..]);
    assert!(!host.drop_ins().contains(&"carol:adm.membership".to_owned()));
    assert_eq!(host.ended(), 1);
}

#[test]
fn drift_in_drop_ins_is_told_and_undone_also_at_the_start() {
    let mut host = Host::new();
    let wanted = [("carol", "adm"), ("carol", "jit-deploy")];
    host.apply(USERDB, &wanted);
    let before = host.drop_ins();
    for away in [false, true] {
        std::fs::remove_file(host.path("userdb/carol:adm.membership")).unwrap();
        std::fs::write(host.path("userdb/mallory:jit-deploy.membership"), "{}").unwrap();
        std::fs::write(host.path("userdb/mallory:adm.membership"), "{}").unwrap();
        if away {
            host.restart();
        }
        host.apply(USERDB, &wanted);
        assert_eq!(
            host.drift(),
            ["Restored carol:adm", "Removed mallory:jit-deploy"]
        );
        std::fs::remove_file(host.path("userdb/mallory:adm.membership")).unwrap();
        assert_eq!(host.drop_ins(), before);
    }
    // A group of ours is made again.
    std::fs::remove_file(host.path("userdb/jit-deploy.group")).unwrap();
    host.apply(USERDB, &wanted);
    assert_eq!(host.drop_ins(), before);
}

#[test]
fn a_stranger_in_the_place_that_is_not_used_is_removed_too() {
    let mut host = Host::new();
    host.apply(USERDB, &[("carol", "jit-deploy")]);
    host.apply(FILES, &[("carol", "jit-deploy")]);
    std::fs::write(host.path("userdb/mallory:jit-deploy.membership"), "{}").unwrap();
    host.apply(FILES, &[("carol", "jit-deploy")]);
    assert_eq!(host.drift(), ["Removed mallory:jit-deploy"]);
    assert_eq!(host.drop_ins(), [""; 0]);
    host.apply(USERDB, &[("carol", "jit-deploy")]);
    // It is the last line.
    let with_her = host.read("group").trim_end().to_owned() + "mallory\n";
    std::fs::write(host.path("group"), with_her).unwrap();
    host.apply(USERDB, &[("carol", "jit-deploy")]);
    assert_eq!(host.drift(), ["Removed mallory:jit-deploy"]);
    assert_eq!(host.drop_ins(), ["carol:jit-deploy.membership"]);
}

#[test]
fn what_others_wrote_of_a_shared_group_is_theirs() {
    let mut host = Host::new();
    let by_hand = "{\"userName\":\"carol\",\"groupName\":\"adm\"}";
    // Before, and in its place.
    host.apply(USERDB, &[]);
    for before in [true, false] {
        let write = |host: &Host| {
            std::fs::write(host.path("userdb/carol:adm.membership"), by_hand).unwrap();
        };
        if before {
            write(&host);
        }
        host.apply(USERDB, &[("carol", "adm")]);
        if !before {
            write(&host);
        }
        host.apply(USERDB, &[]);
        assert_eq!(host.read("userdb/carol:adm.membership"), by_hand);
        std::fs::remove_file(host.path("userdb/carol:adm.membership")).unwrap();
    }
    assert_eq!(host.drift(), [""; 0]);
}

#[test]
fn memberships_move_with_their_groups_numbers_and_nothing_ends() {
    let mut host = Host::new();
    let wanted = [("carol", "adm"), ("carol", "jit-deploy")];
    host.apply(USERDB, &wanted);
    let gid = host.drop_ins()[0]
        .strip_suffix(".group")
        .unwrap()
        .to_owned();
    host.apply(FILES, &wanted);
    let moved = format!("root:x:0:\nadm:x:4:dave,carol\njit-deploy:x:{gid}:carol\n");
    assert_eq!(host.read("group"), moved);
    assert_eq!(
        host.read("gshadow"),
        "root:*::\nadm:*::dave,carol\njit-deploy:!::carol\n"
    );
    assert_eq!(host.drop_ins(), [""; 0]);
    host.apply(USERDB, &wanted);
    let left = format!("root:x:0:\nadm:x:4:dave\njit-deploy:x:{gid}:\n");
    assert_eq!(host.read("group"), left);
    let expected = ["carol:adm.membership", "carol:jit-deploy.membership"];
    assert_eq!(host.drop_ins(), expected);
    assert_eq!((host.drift(), host.ended()), (vec![], 0));
    host.apply(USERDB, &[]);
    assert_eq!(host.ended(), 2);
}

#[test]
fn a_group_that_others_made_is_used_and_stays_theirs() {
    let mut host = Host::new();
    let by_hand = "{\"groupName\":\"ops\",\"gid\":700}";
    std::fs::create_dir(host.path("userdb")).unwrap();
    std::fs::write(host.path("userdb/ops.group"), by_hand).unwrap();
    host.apply(USERDB, &[("carol", "ops")]);
    std::fs::write(host.path("userdb/mallory:ops.membership"), "{}").unwrap();
    host.apply(USERDB, &[]);
    assert_eq!(host.drop_ins(), ["mallory:ops.membership", "ops.group"]);
    // In /etc/group it would be another one.
    let wanted = desired(FILES, &[("carol", "ops")]);
    assert!(host.memberships.apply(&wanted).is_err());
    assert_eq!(host.read("group"), GROUP);
    host.memberships.remove_owned_groups().unwrap();
    assert_eq!(host.read("userdb/ops.group"), by_hand);
    assert_eq!(host.drift(), [""; 0]);
}

#[test]
fn a_number_that_is_taken_is_given_to_no_other_group() {
    let mut host = Host::new();
    // Two are left.
    std::fs::write(
        host.path("login.defs"),
        "#\nSYS_GID_MIN 200\nSYS_GID_MAX\t203\n",
    )
    .unwrap();
    std::fs::write(host.path("group"), "root:x:0:\na:x:201:\nadm:x:203:\n").unwrap();
    host.apply(USERDB, &[("carol", "jit-one")]);
    host.apply(USERDB, &[("carol", "jit-one"), ("carol", "jit-two")]);
    assert_eq!(host.drop_ins()[..2], ["200.group", "202.group"]);
    let three = desired(USERDB, &[("carol", "jit-one"), ("carol", "jit-three")]);
    let error = host.memberships.apply(&three).unwrap_err();
    assert!(error.to_string().contains("no number left"), "{error}");
}

#[test]
fn what_was_switched_while_jitd_was_away_moves_at_its_start() {
    let mut host = Host::new();
    let wanted = [("carol", "adm")];
    for (from, to) in [(FILES, USERDB), (USERDB, FILES)] {
        host.apply(from, &wanted);
        host.restart();
        host.apply(to, &wanted);
        let in_file = host.read("group").contains("carol");
        let in_userdb = !host.drop_ins().is_empty();
        assert_eq!((in_file, in_userdb), (to == FILES, to == USERDB));
    }
    host.restart();
    host.apply(FILES, &wanted);
    assert_eq!((host.drift(), host.ended()), (vec![], 0));
    host.restart();
    host.apply(FILES, &[]);
    assert_eq!((host.read("group").as_str(), host.ended()), (GROUP, 1));
}

#[test]
fn what_cannot_be_given_in_the_new_place_stays_in_the_old_one() {
    let mut host = Host::new();
    host.apply(USERDB, &[("carol", "adm"), ("dan", "adm")]);
    // Nothing can be written there.
    std::fs::create_dir(host.path(".group.jitd-new")).unwrap();
    let wanted = desired(FILES, &[("carol", "adm")]);
    assert!(host.memberships.apply(&wanted).is_err());
    assert_eq!(
        host.drop_ins(),
        ["carol:adm.membership"],
        "dan's time is up"
    );
    // Killed here: the same once more.
    host.restart();
    std::fs::create_dir(host.path(".group.jitd-new")).unwrap_or_default();
    assert!(host.memberships.apply(&wanted).is_err());
    assert_eq!(host.drop_ins(), ["carol:adm.membership"]);
    std::fs::remove_dir(host.path(".group.jitd-new")).unwrap();
    host.memberships.apply(&wanted).unwrap();
    assert_eq!(host.drop_ins(), [""; 0]);
    assert!(host.read("group").contains("adm:x:4:dave,carol"));
    assert_eq!(host.drift(), [""; 0]);
}

#[test]
fn killed_between_giving_and_taking_it_goes_on_from_there() {
    let mut host = Host::new();
    let wanted = [("carol", "adm")];
    host.apply(FILES, &wanted);
    // Given there, and noted long since; not yet taken from the file, and not marked.
    let given = host.read("group");
    host.apply(USERDB, &wanted);
    std::fs::remove_file(host.path("userdb/.jitd")).unwrap();
    std::fs::write(host.path("group"), &given).unwrap();
    host.restart();
    host.apply(USERDB, &wanted);
    assert_eq!(host.read("group"), GROUP);
    assert_eq!((host.drift(), host.ended()), (vec![], 0));
}

#[test]
fn what_was_left_half_done_is_cleared_away() {
    let mut host = Host::new();
    host.apply(USERDB, &[("carol", "adm")]);
    let left = [
        ".group.jitd-new",
        ".gshadow.jitd-new",
        "userdb/.carol:adm.membership.jitd-new",
    ];
    for name in left {
        std::fs::write(host.path(name), "").unwrap();
    }
    host.restart();
    for name in left {
        assert!(!host.path(name).exists(), "{name}");
    }
    // It may not have got there: nobody took it away.
    std::fs::write(host.path(left[2]), "").unwrap();
    std::fs::remove_file(host.path("userdb/carol:adm.membership")).unwrap();
    host.restart();
    host.apply(USERDB, &[("carol", "adm")]);
    assert_eq!(host.drop_ins(), ["carol:adm.membership"]);
    assert_eq!(host.drift(), [""; 0]);
}

#[test]
fn without_a_policy_nothing_is_given_and_what_is_over_is_taken() {
    for backend in [FILES, USERDB] {
        let mut host = Host::new();
        host.apply(backend, &[("carol", "adm"), ("dan", "adm")]);
        if backend == USERDB {
            std::fs::remove_file(host.path("userdb/.jitd")).unwrap();
        }
        host.restart();
        host.apply(None, &[("carol", "adm"), ("eve", "adm")]);
        let (file, drop_ins) = (host.read("group"), host.drop_ins());
        if backend == FILES {
            assert!(file.contains("adm:x:4:dave,carol\n") && drop_ins.is_empty());
        } else {
            assert_eq!((file.as_str(), drop_ins.len()), (GROUP, 1));
        }
    }
}

#[test]
fn a_name_that_no_file_can_have_is_in_nobody_elses_way() {
    let mut host = Host::new();
    let wanted = desired(USERDB, &[("carol", "adm"), ("../dan", "adm")]);
    let error = host.memberships.apply(&wanted).unwrap_err();
    assert!(error.to_string().contains("../dan") && !error.leaves_something_untaken());
    assert_eq!(host.drop_ins(), ["carol:adm.membership"]);
}

#[test]
fn killed_before_the_processes_had_ended_the_next_start_ends_them() {
    for backend in [FILES, USERDB] {
        let mut host = Host::new();
        let group = [("carol", "adm")];
        host.ended.deaf = true;
        host.restart();
        host.apply(backend, &group);
        host.apply(backend, &[]);
        assert_eq!(host.ended(), 1);
        host.ended.deaf = false;
        host.restart();
        host.apply(backend, &[]);
        assert_eq!(host.ended(), 2, "{backend:?}: again");
        host.restart();
        host.apply(backend, &[]);
        assert_eq!(host.ended(), 2, "{backend:?}: they had ended");
    }
}

/// What is left behind in mid-change says that who is missing may never have been there.
#[test]
fn drift_is_told_before_anything_is_prepared() {
    for (backend, membership, prepared) in [
        (FILES, "group", ".group.jitd-new"),
        (
            USERDB,
            "userdb/carol:adm.membership",
            "userdb/.carol:adm.membership.jitd-new",
        ),
    ] {
        let mut host = Host::new();
        host.apply(backend, &[("carol", "adm")]);
        if backend == FILES {
            std::fs::write(host.path(membership), GROUP).unwrap();
        } else {
            std::fs::remove_file(host.path(membership)).unwrap();
        }
        let (_, other) = Witness::new();
        let mut sightings = std::mem::replace(&mut host.sightings, other);
        let prepared = host.path(prepared);
        let looking = std::thread::spawn(move || {
            let sighting = sightings.blocking_recv().unwrap();
            let too_early = prepared.exists();
            sighting.is_noted();
            too_early
        });
        host.apply(backend, &[("carol", "adm")]);
        assert!(!looking.join().unwrap(), "{backend:?}");
    }
}

#[test]
fn each_membership_is_on_record_once_wherever_it_is_kept() {
    for backend in [FILES, USERDB] {
        let mut host = Host::new();
        host.apply(backend, &[("carol", "adm")]);
        let given = "membership.given jitd adm carol";
        assert_eq!(host.told(), [given]);
        for others in 0..2 {
            host.apply(backend, &[("carol", "adm")]);
            host.restart();
            if others == 1 && backend == USERDB {
                host.reboot();
            }
            host.apply(backend, &[("carol", "adm")]);
        }
        assert_eq!(host.told().len(), 1, "what is there is not given again");
        // It moves, and she has it all the same.
        let other = if backend == FILES { USERDB } else { FILES };
        host.apply(other, &[("carol", "adm")]);
        host.apply(backend, &[("carol", "adm")]);
        assert_eq!(host.told().len(), 1);
        host.apply(backend, &[]);
        host.apply(backend, &[]);
        let taken = "membership.taken jitd adm carol";
        assert_eq!(host.told(), [given, taken]);
    }
}

#[test]
fn killed_before_it_was_noted_as_gone_it_is_told_at_the_next_start_and_once() {
    for backend in [FILES, USERDB] {
        let mut host = Host::new();
        host.apply(backend, &[("carol", "adm")]);
        host.ended.deaf = true;
        host.restart();
        host.apply(backend, &[]);
        assert_eq!(host.told().len(), 1, "somebody holds it still");
        host.ended.deaf = false;
        for _ in 0..2 {
            host.restart();
            host.apply(backend, &[]);
        }
        let expected = [
            "membership.given jitd adm carol",
            "membership.taken jitd adm carol",
        ];
        assert_eq!(host.told(), expected);
    }
}
