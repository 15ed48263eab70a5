//! The module as a guest of real sudo: it starts nothing, leaves nothing open
//! and changes no signal. strace watches; the same sudo without our module, or
//! with `pam_permit.so` in its place, is the control.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use jit_tests::{Machine, Output, Release, packages};

const POLICY: &str = r#"[managed]
groups = ["contractors"]

[defaults]
approvers = { groups = ["jit-approvers"] }

[role.deploy]
groups   = ["jit-deploy"]
commands = ["ALL"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
"#;

const PASSWORD: &str = "correct-horse";

/// carol may use sudo with her password, chris without: sudo then runs no auth
/// stage. Neither may without an elevation, where our module is.
const SUDOERS: &str = "carol ALL=(ALL:ALL) ALL\nchris ALL=(ALL:ALL) NOPASSWD: ALL\n";

#[test]
fn in_sudo_it_starts_nothing_leaves_nothing_and_touches_no_signal() {
    for release in Release::ALL {
        let machine = scene(release);
        let unmarked = machine.file("/etc/pam.d/sudo");
        let marked = with_marks(&unmarked);
        let without = marked.replace("pam_jit.so", "pam_permit.so");

        put_pam(&machine, &without);
        let controls = [trace(&machine, "carol"), trace(&machine, "chris")];
        for control in &controls {
            assert_eq!(control.status, 0, "{release}: {control:?}");
            for visit in &control.visits {
                assert_eq!(visit.calls.len(), 0, "pam_permit does nothing: {visit:?}");
            }
        }
        put_pam(&machine, &marked);
        for (user, control) in ["carol", "chris"].into_iter().zip(&controls) {
            let refused = trace(&machine, user);
            assert_eq!(refused.status, 1, "{release}: {refused:?}");
            refused.is_clean(control);
            give(&machine, user);
            let allowed = trace(&machine, user);
            assert_eq!(allowed.status, 0, "{release}: {allowed:?}");
            allowed.is_clean(control);
            assert_eq!(
                allowed.dispositions, control.dispositions,
                "{release}: the signals of the whole sudo"
            );
            assert_eq!(
                allowed.starts, control.starts,
                "{release}: what the whole sudo starts"
            );
            let stages: Vec<_> = allowed.visits.iter().map(|visit| visit.stage).collect();
            let with_password = user == "carol";
            assert_eq!(stages.contains(&"auth"), with_password, "{stages:?}");
            assert!(stages.contains(&"account"), "{stages:?}");
        }
        put_pam(&machine, &unmarked);
    }
}

#[test]
fn while_the_command_runs_sudo_is_as_it_is_without_us() {
    for release in Release::ALL {
        let machine = scene(release);
        give(&machine, "chris");
        let ours = machine.file("/etc/pam.d/sudo");
        let with = state_of_sudo(&machine);
        put_pam(&machine, &ours.replace("pam_jit.so", "pam_permit.so"));
        let without = state_of_sudo(&machine);
        assert!(
            with.contains("SigCgt:") && with.contains("thread"),
            "{with}"
        );
        assert_eq!(with, without, "{release}");
    }
}

#[test]
fn as_packaged_it_exports_the_six_hooks_and_can_catch_a_panic() {
    let module = packaged_module();
    let symbols = tool("nm", &["-D", "--defined-only", "--format=posix"], &module);
    let exported: BTreeSet<_> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let hooks = [
        "pam_sm_acct_mgmt",
        "pam_sm_authenticate",
        "pam_sm_chauthtok",
        "pam_sm_close_session",
        "pam_sm_open_session",
        "pam_sm_setcred",
    ];
    assert_eq!(exported, BTreeSet::from(hooks));

    // Built with panic = "abort" it would have neither landing pads nor the
    // unwinder that finds them.
    let sections = tool("readelf", &["--section-headers", "--wide"], &module);
    assert!(sections.contains(".gcc_except_table"), "{sections}");
    let imports = tool("nm", &["-D", "--undefined-only", "--format=posix"], &module);
    assert!(imports.contains("_dl_find_object"), "{imports}");
}

#[test]
fn as_packaged_it_cannot_start_a_program_or_handle_a_signal() {
    let module = packaged_module();
    let dynamic = tool("readelf", &["--dynamic", "--wide"], &module);
    let needed: BTreeSet<_> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    let known = ["libpam.so.0", "libc.so.6", "libm.so.6"];
    for library in &needed {
        let loader = library.starts_with("ld-linux");
        assert!(loader || known.contains(library), "{needed:?}");
    }
    assert!(needed.contains("libpam.so.0"), "{needed:?}");
    for unwanted in ["(RPATH)", "(RUNPATH)", "(TEXTREL)"] {
        assert!(!dynamic.contains(unwanted), "{unwanted} in\n{dynamic}");
    }
    let imports = tool("nm", &["-D", "--undefined-only", "--format=posix"], &module);
    for line in imports.lines() {
        let symbol = line.split([' ', '@']).next().unwrap_or_default();
        let starts = ["fork", "vfork", "clone", "system", "popen", "dlopen"];
        let handles = ["signal", "sigaction", "sigprocmask", "sigaltstack", "alarm"];
        let changes = [
            "putenv", "setenv", "unsetenv", "umask", "chdir", "exit", "atexit",
        ];
        let bad = [&starts[..], &handles, &changes].concat().contains(&symbol)
            || symbol.starts_with("exec")
            || symbol.starts_with("posix_spawn")
            || (symbol.starts_with("set") && symbol.ends_with("id"));
        assert!(!bad, "imports {symbol}");
    }
}

fn scene(release: Release) -> Machine {
    Machine::builder(release)
        .user_in("carol", &["contractors"])
        .user_in("chris", &["contractors"])
        .user_in("alice", &["jit-approvers"])
        .password("carol", PASSWORD)
        .file("/etc/sudoers.d/zz-standing", 0o440, SUDOERS)
        .policy(POLICY)
        .boot()
}

/// An elevation for `user`, asked for and approved.
fn give(machine: &Machine, user: &str) {
    let asked = machine.run_as(user, "jitctl request deploy --for 10m");
    let id = asked.ok().text().to_owned();
    machine
        .run_as("alice", &format!("jitctl approve {id}"))
        .ok();
}

/// Our lines as `jitctl setup` wrote them, each between two of `pam_warn.so`,
/// which does nothing but write to syslog. In auth ours is made `required`, or
/// its refusal would end the stack before the second mark.
fn with_marks(pam: &str) -> String {
    let mut lines = Vec::new();
    for line in pam.lines() {
        if line.contains("pam_jit.so") {
            let stage = line.split_whitespace().next().expect("a stage");
            let mark = format!("{stage} optional pam_warn.so");
            lines.extend([mark.clone(), line.replace("requisite", "required"), mark]);
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n") + "\n"
}

fn put_pam(machine: &Machine, content: &str) {
    machine.run_with_input("cat >/etc/pam.d/sudo", content).ok();
}

/// `sudo true` of `user` under strace. strace runs as root and gives its child
/// the user's ids: only so does sudo's set-uid bit still work.
fn trace(machine: &Machine, user: &str) -> Trace {
    let output = machine.run(&format!(
        "rm -f /run/trace; echo {PASSWORD} | strace --follow-forks --string-limit=160 \
         --output=/run/trace --user={user} sudo -k -S true; echo $?; cat /run/trace"
    ));
    Trace::read(&output)
}

/// One run of sudo.
#[derive(Debug)]
struct Trace {
    status: i32,
    /// What ran between two marks.
    visits: Vec<Visit>,
    /// Which signals sudo itself set to what, in order: `SIGINT handler`.
    dispositions: Vec<String>,
    /// The kinds of calls by which sudo itself started something, in order.
    starts: Vec<String>,
}

#[derive(Debug)]
struct Visit {
    stage: &'static str,
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    name: String,
    arguments: String,
    result: Option<i64>,
}

impl Trace {
    fn read(output: &Output) -> Self {
        let (status, trace) = output.stdout.split_once('\n').expect("a status");
        let first = trace.split_whitespace().next().expect("a trace");
        // The set-uid process is the first one; what it starts has other numbers.
        let calls: Vec<_> = trace
            .lines()
            .filter(|line| line.split_whitespace().next() == Some(first))
            .filter_map(Call::read)
            .collect();
        let set = calls.iter().filter(|call| call.name == "rt_sigaction");
        let dispositions = set.map(Call::disposition).collect();
        let starts = calls
            .iter()
            .filter(|call| call.starts_something())
            .map(|call| call.name.clone())
            .collect();
        Self {
            status: status.parse().expect("an exit status"),
            dispositions,
            starts,
            visits: visits(calls),
        }
    }

    /// Asserts that our module behaved in each of its visits, and was there
    /// whenever the control's was.
    #[track_caller]
    fn is_clean(&self, control: &Self) {
        assert!(!self.visits.is_empty(), "{self:?}");
        let first = &self.visits[0];
        assert_eq!(first.stage, control.visits[0].stage);
        for visit in &self.visits {
            let asked = visit
                .calls
                .iter()
                .any(|call| call.name == "connect" && call.arguments.contains("/run/jitd/gate"));
            let asks = ["auth", "account", "open"].contains(&visit.stage);
            assert_eq!(asked, asks, "jitd is asked in {}: {visit:?}", visit.stage);
            for call in &visit.calls {
                assert!(!call.starts_something(), "{call:?}");
                assert!(!call.changes_the_host(), "{call:?}");
            }
            assert_eq!(visit.left_open(), BTreeMap::new(), "in {}", visit.stage);
        }
    }
}

/// Cuts a run at the marks: each odd one begins a visit, the next one ends it.
fn visits(calls: Vec<Call>) -> Vec<Visit> {
    let mut visits = Vec::new();
    let mut open: Option<Visit> = None;
    for call in calls {
        match (call.mark(), open.take()) {
            (Some(stage), None) => {
                open = Some(Visit {
                    stage,
                    calls: Vec::new(),
                });
            }
            (Some(stage), Some(visit)) => {
                assert_eq!(stage, visit.stage, "marks of one stage");
                visits.push(visit);
            }
            (None, Some(mut visit)) => {
                visit.calls.push(call);
                open = Some(visit);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "the last mark is missing");
    visits
}

impl Call {
    /// One line of strace: `162 openat(AT_FDCWD, "…") = 7`.
    fn read(line: &str) -> Option<Self> {
        let (_, call) = line.split_once(' ')?;
        let (name, rest) = call.trim_start().split_once('(')?;
        let (arguments, result) = rest.rsplit_once(" = ").unwrap_or((rest, ""));
        Some(Self {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            result: result
                .split_whitespace()
                .next()
                .and_then(|number| number.parse().ok()),
        })
    }

    /// The stage of which this is a mark.
    fn mark(&self) -> Option<&'static str> {
        if self.name != "sendto" || !self.arguments.contains(": pam_warn(") {
            return None;
        }
        [
            ("pam_sm_authenticate", "auth"),
            ("pam_sm_setcred", "setcred"),
            ("pam_sm_acct_mgmt", "account"),
            ("pam_sm_open_session", "open"),
            ("pam_sm_close_session", "close"),
        ]
        .into_iter()
        .find(|(hook, _)| self.arguments.contains(hook))
        .map(|(_, stage)| stage)
    }

    fn starts_something(&self) -> bool {
        ["clone", "clone3", "fork", "vfork", "execve", "execveat"].contains(&self.name.as_str())
    }

    /// Calls by which something would outlast the visit.
    fn changes_the_host(&self) -> bool {
        match self.name.as_str() {
            "rt_sigaction" => !self.disposition().ends_with("looked at"),
            "sigaltstack" | "umask" | "chdir" | "fchdir" | "prctl" | "setrlimit" | "prlimit64"
            | "setpriority" | "setitimer" | "alarm" | "timer_create" | "sched_setaffinity"
            | "unlink" | "rename" => true,
            name => name.starts_with("set") && (name.ends_with("id") || name.ends_with("groups")),
        }
    }

    /// `SIGINT handler`: addresses differ from run to run.
    fn disposition(&self) -> String {
        let mut words = self.arguments.splitn(2, ", ");
        let signal = words.next().unwrap_or_default();
        let new_and_old = words.next().unwrap_or_default();
        let action = new_and_old.split('}').next().unwrap_or_default();
        let to = match action {
            action if action.starts_with("NULL") => "looked at",
            action if action.contains("SIG_IGN") => "ignored",
            action if action.contains("SIG_DFL") => "default",
            _ => "handler",
        };
        format!("{signal} {to}")
    }
}

impl Visit {
    /// Descriptors opened in it and not closed, or closed and not its own: how
    /// many more than before.
    fn left_open(&self) -> BTreeMap<i64, i32> {
        let mut open: BTreeMap<i64, i32> = BTreeMap::new();
        for call in &self.calls {
            let succeeded = call.result.is_some_and(|result| result >= 0);
            let duplicates = call.name == "fcntl" && call.arguments.contains("F_DUPFD");
            let opens = [
                "openat",
                "open",
                "socket",
                "epoll_create1",
                "eventfd2",
                "timerfd_create",
                "dup",
                "dup2",
                "dup3",
                "accept4",
                "memfd_create",
                "signalfd4",
                "inotify_init1",
                "pidfd_open",
            ];
            assert!(
                !["pipe", "pipe2", "socketpair"].contains(&call.name.as_str()),
                "a pair of descriptors: teach this test to count them"
            );
            if succeeded && (duplicates || opens.contains(&call.name.as_str())) {
                *open.entry(call.result.expect("a number")).or_default() += 1;
            } else if succeeded && call.name == "close" {
                let number = call.arguments.trim_end().trim_end_matches(')');
                let number = number.parse().expect("a descriptor");
                *open.entry(number).or_default() -= 1;
            }
        }
        open.retain(|_, count| *count != 0);
        open
    }
}

/// What can be seen of the sudo that has carried a visit of the module, from
/// the command that it runs, once sudo does nothing but wait for it.
fn state_of_sudo(machine: &Machine) -> String {
    let output = machine.run_as(
        "chris",
        r#"sudo -n sh -c '
            until grep -q "^State:.S" /proc/$PPID/status &&
                grep -q "^SigBlk:.0*$" /proc/$PPID/status; do :; done
            grep -E "^(Sig(Blk|Ign|Cgt)|Threads|Umask|Uid|Gid|Groups|NoNewPrivs|Cap)" /proc/$PPID/status
            for task in /proc/$PPID/task/*; do echo thread; done
            for fd in /proc/$PPID/fd/*; do readlink $fd; done | sed "s/[0-9]\{3,\}/N/" | sort
            tr "\0" "\n" </proc/$PPID/environ | grep -v -e ^SSH_ -e ^XDG_SESSION_ID= | sort'"#,
    );
    output.ok();
    output.stdout
}

fn packaged_module() -> PathBuf {
    let folder = packages::unpacked_deb().join("usr/lib");
    let module = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|arch| folder.join(arch).join("security/pam_jit.so"))
        .into_iter()
        .find(|path| path.exists());
    module.expect("the package holds pam_jit.so")
}

fn tool(program: &str, options: &[&str], file: &PathBuf) -> String {
    let output = Command::new(program)
        .args(options)
        .arg(file)
        .output()
        .expect(program);
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
