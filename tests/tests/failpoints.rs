//! jitd is killed between any two of its steps: when it is back, everything is as its record
//! says, and what it had not put on record has not happened.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use jit_tests::scene::AS;
use jit_tests::{Machine, Release, failpoints, packages};

mod points;
mod truth;
use points::{Act, POINTS, Point};
use truth::{POLICY, Record, assert_holds};

/// Within so long of its end nothing is left of an elevation.
const SOON: Duration = Duration::from_secs(5);
/// How long jitd may take to come to a point, and to be back.
const PATIENCE: Duration = Duration::from_secs(20);

const SPARE: &str = r#"
[role.spare]
groups   = ["jit-spare"]
commands = ["ALL"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
"#;

/// Told from the environment where to die, once: what comes after it is an ordinary jitd.
const DROP_IN: &str = "[Service]
EnvironmentFile=-/run/crash
ExecStopPost=+/usr/bin/rm -f /run/crash
";

/// Of nobody's elevation.
const STANDING: [(&str, &str); 1] = [("docker", "dave")];

macro_rules! acts {
    ($($scene:ident: $act:ident),+ $(,)?) => {
        jit_tests::on_each_release!($($scene),+);
        $(fn $scene(release: Release) { killed_in(release, Act::$act); })+
        const ACTS: &[Act] = &[$(Act::$act),+];
    };
}

acts!(
    asking: Request,
    approving: Approve,
    opening_a_session: Open,
    vanishing_from_a_session: Vanish,
    closing_a_session: Close,
    extending: Extend,
    ending: End,
    revoking: Revoke,
    expiring: Expire,
    undoing_what_others_took: Restore,
    undoing_what_others_gave: Remove,
    making_a_group: Group,
    ending_what_holds_a_group: Holder,
    starting: Start,
);

/// Every point is passed in some scene, and every scene is played.
#[test]
fn no_point_is_left_out() {
    let passed: BTreeSet<String> = POINTS.iter().map(|point| point.name().to_owned()).collect();
    assert_eq!(passed, failpoints::names());
    for point in POINTS {
        assert!(ACTS.contains(&point.act), "{point:?}");
    }
}

/// Nothing of it is in what people install.
#[test]
fn the_package_has_none() {
    let packaged = packages::unpacked_deb().join("usr/sbin/jitd");
    let packaged = fs::read(packaged).expect("the package has a jitd");
    let with_points = fs::read(failpoints::jitd()).expect("a jitd");
    let has = |program: &[u8], text: &str| {
        let mut windows = program.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    };
    let mut texts = failpoints::names();
    texts.extend(["FAILPOINTS".to_owned(), "crash point".to_owned()]);
    for text in texts {
        assert!(has(&with_points, &text), "{text} is not in the other one");
        assert!(!has(&packaged, &text), "{text} is in the package");
    }
}

fn killed_in(release: Release, act: Act) {
    let scene = Scene::new(release);
    for (number, point) in POINTS.iter().filter(|point| point.act == act).enumerate() {
        scene.play(point, number);
    }
    // What bob had all the time, nobody has touched.
    scene.run("kill -0 $(cat /run/bystander)");
}

struct Scene {
    machine: Machine,
}

impl Scene {
    fn new(release: Release) -> Self {
        let machine = Machine::builder(release)
            .user_in("carol", &["contractors"])
            .user_in("bob", &["contractors"])
            .user_in("alice", &["jit-approvers"])
            .user_in("dave", &["docker"])
            .file(
                "/etc/sudoers.d/zz-lab",
                0o440,
                "Defaults:carol,bob !authenticate\n",
            )
            .file(
                "/etc/systemd/system/jitd.service.d/crash.conf",
                0o644,
                DROP_IN,
            )
            .file("/etc/jitd/roles.d/spare.toml", 0o644, SPARE)
            .policy(POLICY)
            .boot();
        machine.put_program(failpoints::jitd(), "/usr/sbin/jitd.new");
        let scene = Self { machine };
        scene.run(
            "mv /usr/sbin/jitd.new /usr/sbin/jitd; systemctl daemon-reload; systemctl restart jitd",
        );
        let id = scene.elevate("bob", "deploy", "8h");
        assert_eq!(id, 1);
        scene.run("as bob sudo -n -b sh -c 'echo $$ >/run/bystander; exec sleep 10000'");
        assert_holds(&scene.machine, "at first", &STANDING);
        scene
    }

    #[track_caller]
    fn run(&self, script: &str) -> String {
        let said = self.machine.run(&format!("set -e\n{AS}{script}"));
        said.ok().text().to_owned()
    }

    #[track_caller]
    fn elevate(&self, who: &str, role: &str, length: &str) -> i64 {
        let id = self.run(&format!(
            "id=$(as {who} jitctl request {role} --for {length}); as alice jitctl approve $id >&2; echo $id"
        ));
        id.parse().expect("a number")
    }

    #[track_caller]
    fn play(&self, point: &Point, number: usize) {
        let id = self.prepare(point.act);
        let before = Record::of(&self.machine);
        self.arm(point);
        let what = point.act.what(id, number);
        // Whoever asks hears nothing, or that jitd went away.
        let script = format!("{AS}( {what} ) >/dev/null 2>&1 </dev/null &");
        self.machine.run(&script).ok();
        self.wait_for_the_end_of(point);

        let when = format!("{point:?}");
        assert_holds(&self.machine, &when, &STANDING);
        let record = Record::of(&self.machine);
        let state = record.elevations.get(&id).map(|one| one.state.as_str());
        let happened = match point.act {
            Act::Request => record.elevations.len() > before.elevations.len(),
            Act::Group => true,
            act => state == act.outcome(),
        };
        let expected = point.happens();
        assert_eq!(happened, expected, "{when}: elevation {id} is {state:?}");
        self.assert_of_the_act(point, number, &before, &record);
        self.assert_who_may(&record);
        self.clear(point.act);
        assert_holds(&self.machine, &format!("{when}, all ended"), &STANDING);
    }

    /// What must be there before; gives the elevation that it is about.
    #[track_caller]
    fn prepare(&self, act: Act) -> i64 {
        let background =
            "as carol sudo -n -b sh -c 'echo $$ >/run/carols; exec sleep 1000' >/dev/null 2>&1";
        match act {
            Act::Request | Act::Group => 0,
            Act::Approve => self
                .run("as carol jitctl request deploy --for 10m")
                .parse()
                .expect("a number"),
            Act::Open | Act::Vanish | Act::Restore | Act::Remove => {
                self.elevate("carol", "deploy", "10m")
            }
            Act::Close | Act::End | Act::Revoke | Act::Expire | Act::Extend => {
                let length = if act == Act::Expire { "8s" } else { "10m" };
                let id = self.elevate("carol", "deploy", length);
                self.run(background);
                if act != Act::Extend {
                    return id;
                }
                let more = format!("as carol jitctl extend {id} --for 10m --reason more");
                self.run(&more).parse().expect("a number")
            }
            Act::Start => {
                let id = self.elevate("carol", "spare", "10m");
                self.run(background);
                self.run("systemctl stop jitd; mv /etc/jitd/roles.d/spare.toml /root");
                id
            }
            Act::Holder => {
                let id = self.elevate("carol", "docker", "10m");
                self.run(
                    "systemctl reset-failed holder.service 2>/dev/null || true
                    systemd-run --quiet --uid=carol --property=SupplementaryGroups=docker \
                     --unit=holder sh -c 'trap \"\" TERM HUP; exec sleep 1000'",
                );
                id
            }
        }
    }

    /// The next jitd dies there.
    #[track_caller]
    fn arm(&self, point: &Point) {
        let variable = if point.act == Act::Start {
            "FAILPOINTS"
        } else {
            "FAILPOINTS_SERVING"
        };
        self.run(&format!(
            "systemctl stop jitd; echo '{variable}={}' >/run/crash; {}",
            point.points,
            if point.act == Act::Start {
                ""
            } else {
                "systemctl start jitd"
            },
        ));
    }

    /// It died there, and systemd has started it again.
    #[track_caller]
    fn wait_for_the_end_of(&self, point: &Point) {
        let machine = &self.machine;
        let what = format!("jitd dies at {point:?}");
        machine.wait_until(&what, PATIENCE, || {
            machine.run("test -e /run/crash").status != 0
        });
        machine.wait_until("jitd is back", PATIENCE, || {
            machine.run("systemctl is-active --quiet jitd").status == 0
        });
        let last = self.run(
            "journalctl --sync; journalctl --unit=jitd --output=cat | grep 'killed at crash point' | tail -n 1",
        );
        let expected = format!("killed at crash point {}", point.name());
        assert_eq!(last, expected, "{point:?}");
    }

    /// What is told of no elevation, and what runs.
    #[track_caller]
    fn assert_of_the_act(&self, point: &Point, number: usize, before: &Record, after: &Record) {
        let recorded = |name: &str| {
            assert!(after.count(name) > before.count(name), "{point:?}: {name}");
        };
        let script = match point.act {
            Act::Restore => return recorded("drift.restored"),
            Act::Remove => return recorded("drift.removed"),
            Act::Group => &format!("getent group jit-extra{number}"),
            Act::Holder => {
                let what = format!("{point:?}: who held the group is gone");
                return self.machine.wait_until(&what, SOON, || {
                    let holder = self.machine.run("systemctl is-active --quiet holder");
                    holder.status != 0
                });
            }
            Act::Extend => "kill -0 $(cat /run/carols)",
            Act::End | Act::Revoke | Act::Expire | Act::Close | Act::Start if point.happens() => {
                "! kill -0 $(cat /run/carols) 2>/dev/null"
            }
            _ => {
                "for pid in $(pgrep -fx 'sleep 1000'); do grep -q /jit.slice/ /proc/$pid/cgroup; done"
            }
        };
        self.run(script);
    }

    /// sudo opens to holders, and to nobody else.
    #[track_caller]
    fn assert_who_may(&self, record: &Record) {
        for who in ["carol", "bob"] {
            let may = record.is_active(who);
            let sudo = self.machine.run(&format!("{AS}as {who} sudo -n id -u"));
            assert_eq!(sudo.status == 0, may, "{sudo}");
            assert_eq!(sudo.text() == "0", may, "{sudo}");
        }
    }

    /// carol has nothing any more.
    #[track_caller]
    fn clear(&self, act: Act) {
        self.machine
            .run(&format!(
                "{AS}for id in $(jitctl list --user carol --state pending --json | jq .[].id); do as carol jitctl cancel $id; done
                as alice jitctl revoke --user carol --comment enough; true"
            ))
            .ok();
        if act == Act::Start {
            self.run("mv /root/spare.toml /etc/jitd/roles.d; jitctl policy reload");
        }
        if act == Act::Group {
            self.run("rm /etc/jitd/roles.d/extra.toml; jitctl policy reload");
        }
        let may = self.machine.run(&format!("{AS}as carol sudo -n id -u"));
        assert_ne!(may.status, 0, "{may}");
    }
}
