//! jitd on the system bus: what each caller can see, how it bears nonsense and
//! a flood, and that nobody overhears anybody's reasons.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, and measure"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jit_tests::{LIMIT, Machine, Release};

const POLICY: &str = r#"[managed]
groups = ["contractors"]

[defaults]
on_end = "keep"
approvers = { groups = ["leads"] }

[role.deploy]
groups   = ["jit-deploy"]
commands = ["ALL"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
reason   = { required = true, min_length = 10 }
"#;

const HECKLER: &str = "/usr/local/bin/heckler";

/// Long before `pam_jit` gives up, which it does after two seconds.
const DEADLINE: Duration = Duration::from_secs(2);

/// What jitd's memory may grow by, in kB, under all that follows.
const GROWTH: u64 = 20_000;

#[test]
fn everyone_sees_the_interfaces_and_only_root_may_ask_the_gate() {
    for release in Release::ALL {
        let machine = scene(release);
        for user in ["root", "carol", "nobody"] {
            let seen = as_user(&machine, user, "busctl introspect org.jitd1 /org/jitd1");
            for word in [
                "org.jitd1.Gate",
                "org.jitd1.Elevations",
                "org.jitd1.Policy",
                ".Check",
            ] {
                assert!(seen.contains(word), "{release}: {user}: {word}: {seen}");
            }
        }
        let check =
            "busctl call org.jitd1 /org/jitd1 org.jitd1.Gate Check uss 0 root sudo 2>&1 || true";
        let managed = "busctl call org.jitd1 /org/jitd1 org.jitd1.Policy Managed 2>&1 || true";
        assert!(as_user(&machine, "root", check).contains("allowed"));
        assert!(as_user(&machine, "root", managed).contains("contractors"));
        for user in ["carol", "nobody"] {
            let said = as_user(&machine, user, check);
            assert!(said.contains("Access denied"), "{release}: {user}: {said}");
            for call in [managed, &managed.replace("Managed", "Reload b false")] {
                let said = as_user(&machine, user, call);
                assert!(said.contains("only root may"), "{release}: {user}: {said}");
            }
        }
    }
}

#[test]
fn nonsense_is_answered_with_named_errors_and_jitd_lives() {
    for release in Release::ALL {
        let machine = scene(release);
        let before = Daemon::of(&machine);
        for user in ["carol", "nobody", "root"] {
            let printed = as_user(
                &machine,
                user,
                "heckler abuse org.jitd1.Elevations org.jitd1.Gate org.jitd1.Policy org.jitd1.Audit",
            );
            let answers: Vec<_> = printed.lines().map(Answer::read).collect();
            assert!(answers.len() > 600, "{release}: {user}: {}", answers.len());
            for answer in answers {
                answer.is_sound(user);
            }
        }
        Daemon::of(&machine).is_still(&before);
        machine
            .run_as("carol", "jitctl status")
            .ok()
            .contains("deploy");
    }
}

#[test]
fn a_flood_of_calls_does_not_close_the_gate_to_others() {
    let release = Release::Bookworm;
    let machine = scene(release);
    let id = machine.run_as(
        "dave",
        "jitctl request deploy --reason 'a reason to hold it'",
    );
    let id = id.ok().text().to_owned();
    machine
        .run_as("alice", &format!("jitctl approve {id}"))
        .ok();
    let before = Daemon::of(&machine);

    let mut flood = machine.spawn_as("carol", "heckler flood 50 200");
    flood.wait_for_output("flooding");
    let mut slowest = Duration::ZERO;
    let mut passed = 0;
    while flood.is_running() {
        let run = machine.run(
            "start=$(date +%s%N); runuser -u dave -- sudo -n true || exit; \
                               echo $((($(date +%s%N) - start) / 1000000))",
        );
        let took: u64 = run.ok().text().parse().expect("milliseconds");
        slowest = slowest.max(Duration::from_millis(took));
        passed += 1;
    }
    println!("{passed} visits to the gate in the flood, the slowest in {slowest:?}");
    assert!(passed >= 3, "the flood was too short to tell");
    assert!(slowest < DEADLINE, "the slowest took {slowest:?}");

    let said = flood.wait(LIMIT);
    let answers = counts(&said.ok().stdout);
    println!("what the flood got: {answers:?}");
    assert_eq!(answers.values().sum::<usize>(), 10_000, "{answers:?}");
    assert_eq!(answers.get("ok"), Some(&10_000), "{answers:?}");
    Daemon::of(&machine).is_still(&before);
}

#[test]
fn nobody_overhears_a_reason() {
    for release in Release::ALL {
        let machine = scene(release);
        let ear = machine.spawn_as("dave", "heckler listen");
        ear.wait_for_output("listening");
        machine
            .run_as("dave", "heckler monitor")
            .ok()
            .contains("org.freedesktop.DBus.Error.AccessDenied");

        let asked = machine.run_as(
            "carol",
            "jitctl request deploy --reason 'hush-hush business'",
        );
        let id = asked.ok().text().to_owned();
        let comment = "a-word-in-private";
        machine
            .run_as("alice", &format!("jitctl approve {id} --comment {comment}"))
            .ok();
        machine.run_as("carol", &format!("jitctl end {id}")).ok();
        let heard = ear.wait_for_output("released");
        for word in ["StateChanged", "pending", "active", "deploy"] {
            assert!(heard.contains(word), "{release}: {word} in {heard}");
        }
        for secret in ["hush", comment] {
            assert!(!heard.contains(secret), "{release}: {heard}");
        }
        // Nor do the bus and jitd tell dave on request.
        for call in [format!("show {id}"), "list --json".to_owned()] {
            let said = machine.run_as("dave", &format!("jitctl {call}"));
            said.lacks("hush").lacks(comment);
        }
    }
}

#[test]
fn the_manual_page_describes_the_interfaces_as_they_are() {
    let machine = scene(Release::Trixie);
    let xml = as_user(
        &machine,
        "root",
        "busctl --xml-interface introspect org.jitd1 /org/jitd1",
    );
    let page = include_str!("../../packaging/man/org.jitd1.5");
    let mut described = methods_of_the_page(page);
    let mut found = methods_of_the_introspection(&xml);
    described.sort();
    found.sort();
    assert_eq!(described, found);
}

fn scene(release: Release) -> Machine {
    let machine = Machine::builder(release)
        .user_in("carol", &["contractors"])
        .user_in("dave", &["contractors"])
        .user_in("alice", &["leads"])
        .file(
            "/etc/sudoers.d/zz-standing",
            0o440,
            "dave ALL=(ALL:ALL) NOPASSWD: ALL\n",
        )
        .policy(POLICY)
        .boot();
    machine.put_program(Path::new(env!("CARGO_BIN_EXE_heckler")), HECKLER);
    machine
}

/// Standard output of `command`, run with the ids of `user` alone: nobody has
/// no login.
#[track_caller]
fn as_user(machine: &Machine, user: &str, command: &str) -> String {
    let output = machine.run_within(
        4 * LIMIT,
        &format!("runuser -u {user} -- sh -c '{command}'"),
    );
    output.ok();
    output.stdout
}

/// The daemon's process, and what it takes.
#[derive(Debug)]
struct Daemon {
    pid: u32,
    /// Resident memory in kB.
    memory: u64,
    descriptors: usize,
}

impl Daemon {
    fn of(machine: &Machine) -> Self {
        let pid = machine.pid_of_unit("jitd.service").expect("jitd runs");
        let status = machine.file(&format!("/proc/{pid}/status"));
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|line| line.split_whitespace().next());
        let descriptors = machine.run(&format!("ls /proc/{pid}/fd | wc -l"));
        Self {
            pid,
            memory: memory.and_then(|kb| kb.parse().ok()).expect("VmRSS"),
            descriptors: descriptors.ok().text().parse().expect("a number"),
        }
    }

    #[track_caller]
    fn is_still(&self, before: &Self) {
        println!("jitd: {before:?}, then {self:?}");
        assert_eq!(self.pid, before.pid, "jitd was restarted");
        assert!(self.memory < before.memory + GROWTH, "{before:?} {self:?}");
        assert!(
            self.descriptors <= before.descriptors + 4,
            "{before:?} {self:?}"
        );
    }
}

/// A line of `heckler abuse`.
#[derive(Debug)]
struct Answer<'a> {
    interface: &'a str,
    method: &'a str,
    signature: &'a str,
    what: &'a str,
    outcome: &'a str,
    milliseconds: u64,
}

impl<'a> Answer<'a> {
    fn read(line: &'a str) -> Self {
        let fields: Vec<_> = line.split('\t').collect();
        let [interface, method, signature, what, outcome, milliseconds] = fields[..] else {
            panic!("not a line of the heckler: {line:?}");
        };
        Self {
            interface,
            method,
            signature: signature.trim_start_matches('(').trim_end_matches(')'),
            what,
            outcome,
            milliseconds: milliseconds.parse().expect("a number"),
        }
    }

    /// The signature of the method's arguments; none for one that is not there.
    fn expected(&self) -> Option<&'static str> {
        Some(match (self.interface, self.method) {
            ("org.jitd1.Elevations", method) => match method {
                "Request" | "BreakGlass" => "sa{sv}",
                "Extend" => "ta{sv}",
                "Approve" => "tts",
                "Deny" | "Revoke" | "Acknowledge" => "ts",
                "Cancel" | "End" | "Get" => "t",
                "RevokeMatching" => "sss",
                "List" => "a{sv}",
                "Pending" | "Status" | "Unacknowledged" => "",
                _ => return None,
            },
            ("org.jitd1.Gate", "Check") => "uss",
            ("org.jitd1.Policy", "Managed" | "Show" | "Drift") => "",
            ("org.jitd1.Policy", "Explain") => "ssa{sv}",
            ("org.jitd1.Policy", "Reload") | ("org.jitd1.Audit", "GateInstalled") => "b",
            _ => return None,
        })
    }

    #[track_caller]
    fn is_sound(&self, user: &str) {
        const BUS: &str = "org.freedesktop.DBus.Error";
        assert!(self.milliseconds < 2000, "{user}: {self:?}");
        let open = [
            "org.jitd1.Elevations",
            "org.jitd1.Policy",
            "org.jitd1.Audit",
        ];
        if user != "root" && !open.contains(&self.interface) {
            assert_eq!(
                self.outcome,
                format!("{BUS}.AccessDenied"),
                "{user}: {self:?}"
            );
            return;
        }
        match self.expected() {
            None => assert!(
                [
                    format!("{BUS}.UnknownMethod"),
                    format!("{BUS}.UnknownInterface")
                ]
                .contains(&self.outcome.to_owned()),
                "{user}: {self:?}"
            ),
            Some(expected) if expected != self.signature => {
                assert_eq!(
                    self.outcome,
                    format!("{BUS}.InvalidArgs"),
                    "{user}: {self:?}"
                );
            }
            Some(_) => self.is_judged_well(user),
        }
    }

    /// Its types are right; is its content?
    #[track_caller]
    fn is_judged_well(&self, user: &str) {
        let named = [
            "NotAllowed",
            "NotFound",
            "InvalidArgument",
            "WrongState",
            "LimitExceeded",
        ]
        .map(|name| format!("org.jitd1.Error.{name}"));
        let wrong_type = "org.freedesktop.DBus.Error.InvalidArgs";
        let known = self.outcome == "ok"
            || self.outcome == wrong_type
            || named.contains(&self.outcome.to_owned());
        assert!(known, "{user}: {self:?}");
        if self.what.contains("huge") || self.what.contains("in words") {
            assert_ne!(self.outcome, "ok", "{user}: {self:?}");
        }
        if self.what.contains("that is a number") || self.what.contains("a negative limit") {
            assert_eq!(self.outcome, wrong_type, "{user}: {self:?}");
        }
        let nothing_there = self.what.contains("unknown number") || self.what.contains("greatest");
        if self.method != "Pending" && (nothing_there || self.method == "RevokeMatching") {
            assert_ne!(self.outcome, "ok", "{user}: {self:?}");
        }
    }
}

/// Lines of `10 ok`.
fn counts(printed: &str) -> BTreeMap<&str, usize> {
    printed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(count, answer)| Some((answer, count.parse().ok()?)))
        .collect()
}

/// A method or signal: its name, what goes in, what comes out.
type Method = (String, String, String);

/// `.It Fn Request "s role" "a{sv} options" No -> t id`; a signal has no arrow,
/// and stands on a line of its own.
fn methods_of_the_page(page: &str) -> Vec<Method> {
    let described = page.lines().filter_map(|line| {
        line.strip_prefix(".It Fn ")
            .or_else(|| line.strip_prefix(".Fn "))
    });
    described
        .map(|line| {
            let (call, answer) = line.split_once(" No -> ").unwrap_or((line, ""));
            let mut words = call.splitn(2, ' ');
            let name = words.next().unwrap_or_default();
            let arguments = words.next().unwrap_or_default();
            let types = arguments
                .split('"')
                .filter_map(|argument| argument.split_once(' '))
                .map(|(kind, _)| kind)
                .collect::<String>();
            let gives = answer.split(' ').next().unwrap_or_default();
            (name.to_owned(), types, gives.to_owned())
        })
        .collect()
}

/// The same of our interfaces, from the XML of an introspection.
fn methods_of_the_introspection(xml: &str) -> Vec<Method> {
    let attribute = |line: &str, key: &str| {
        let (_, rest) = line.split_once(&format!("{key}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let mut methods: Vec<Method> = Vec::new();
    let mut ours = false;
    for line in xml.lines().map(str::trim) {
        if line.starts_with("<interface") {
            ours = line.contains("\"org.jitd1.");
        } else if ours && (line.starts_with("<method") || line.starts_with("<signal")) {
            let name = attribute(line, "name").expect("a name");
            methods.push((name, String::new(), String::new()));
        } else if ours && line.starts_with("<arg") {
            let kind = attribute(line, "type").expect("a type");
            let (_, takes, gives) = methods.last_mut().expect("a method");
            if line.contains("direction=\"out\"") {
                gives.push_str(&kind);
            } else {
                takes.push_str(&kind);
            }
        }
    }
    methods
}
