//! The cast of the end-to-end scenes, and the steps that come up in many.
//!
//! carol and bob are contractors, and with it managed; carol may ask for every
//! role of [`POLICY`], bob for none. alice is an approver. dave is neither
//! managed nor an approver. Root has a password, and carol knows it.

use std::time::Duration;

use crate::background::Background;
use crate::builder::MachineBuilder;
use crate::machine::Machine;
use crate::output::Output;
use crate::release::Release;
use crate::shell::Shell;
use crate::terminal::Terminal;
use crate::wait::{LIMIT, wait_until};

/// carol's password.
pub const CAROLS: &str = "correct-horse";
/// alice's password.
pub const ALICES: &str = "battery-staple";
/// Root's password.
pub const ROOTS: &str = "tamper-evident";

/// For scripts that do many things: `as WHO COMMAND…` by the ids alone, which is quick; what only
/// somebody does who has logged in, in a login of its own.
pub const AS: &str = r#"
as() {
    who=$1; shift
    case " $* " in
    *" approve "*|*" acknowledge "*)
        systemd-run --quiet --pipe --wait --collect --uid=$who --property=PAMName=sshd -- "$@";;
    *) setpriv --reuid=$who --regid=$who --init-groups "$@";;
    esac
}
"#;

/// A reason as good as any.
pub const REASON: &str = "restart web after deploy";

/// The roles of the scenes:
///
/// - `deploy`: sudo, for everything;
/// - `restart`: sudo, for one command, which here is `id -u`;
/// - `root-shell`: su, and no sudo;
/// - `operator`: sudo as anyone, and su.
pub const POLICY: &str = r#"
[managed]
groups = ["contractors"]

[defaults]
on_end = "keep"
approvers = { groups = ["jit-approvers"] }

[role.deploy]
groups   = ["jit-deploy"]
commands = ["ALL"]
services = ["sudo", "sudo-i"]
eligible = { users = ["carol"] }
reason   = { required = true, min_length = 10 }

[role.restart]
groups   = ["jit-restart"]
commands = ["/usr/bin/id -u"]
services = ["sudo", "sudo-i"]
eligible = { users = ["carol"] }

[role.root-shell]
services = ["su", "su-l"]
eligible = { users = ["carol"] }

[role.operator]
groups   = ["jit-operator"]
run_as   = ["ALL"]
commands = ["ALL"]
services = ["sudo", "sudo-i", "su", "su-l"]
eligible = { users = ["carol"] }
"#;

/// An admin's own rule, which stands without any elevation: carol may run
/// `id -un` by sudo and needs no password. sudo then skips its auth stage.
/// The name of the file puts it after ours, and the last rule counts.
pub const STANDING_RULE: (&str, u32, &str) = (
    "/etc/sudoers.d/z-admin",
    0o440,
    "carol ALL=(root) NOPASSWD: /usr/bin/id -un\n",
);

/// A machine of `release` with the cast and, where our package is installed,
/// [`POLICY`].
pub fn cast(release: Release) -> MachineBuilder {
    people(Machine::builder(release)).policy(POLICY)
}

/// The control: the cast on a machine that has never heard of us.
pub fn plain_cast(release: Release) -> MachineBuilder {
    people(Machine::builder(release)).plain()
}

fn people(builder: MachineBuilder) -> MachineBuilder {
    builder
        .user_in("carol", &["contractors"])
        .user_in("bob", &["contractors"])
        .user_in("alice", &["jit-approvers"])
        .user("dave")
        .password("carol", CAROLS)
        .password("alice", ALICES)
        .password("root", ROOTS)
}

/// Puts the gate into sshd, as `jitctl setup` puts it into sudo and su. Who is logged in stays.
#[track_caller]
pub fn gate_sshd(machine: &Machine) {
    machine
        .run(
            "sed -i '1i account required pam_jit.so managed_group=contractors' /etc/pam.d/sshd
             echo 'session required pam_jit.so managed_group=contractors' >>/etc/pam.d/sshd",
        )
        .ok();
}

/// `person` asks for `role`, written as on the command line, options included;
/// gives the request's number.
#[track_caller]
pub fn asks(person: &Shell, role: &str) -> u64 {
    let asked = person.run(&format!("jitctl request {role} --reason '{REASON}'"));
    number(asked.ok())
}

/// carol asks for `role`, options included, and alice approves. Gives the
/// elevation's number.
#[track_caller]
pub fn granted(carol: &Shell, alice: &Shell, role: &str) -> u64 {
    let id = asks(carol, role);
    alice.run(&format!("jitctl approve {id}")).ok();
    id
}

/// The number that `jitctl request` prints first, alone on its line.
#[track_caller]
pub fn number(request: &Output) -> u64 {
    number_in(&request.stdout)
}

/// The same of a request that waits.
#[track_caller]
pub fn number_of_waiting(request: &Background) -> u64 {
    // What it says on standard error may come through first.
    let mut stdout = String::new();
    wait_until("the request has its number", LIMIT, || {
        stdout = request.wait_for_output("\n");
        stdout.contains('\n')
    });
    number_in(&stdout)
}

#[track_caller]
fn number_in(stdout: &str) -> u64 {
    let line = stdout.lines().next().unwrap_or_default();
    line.parse()
        .unwrap_or_else(|_| panic!("{line:?} is where the request's number should be"))
}

/// Types `line` at the prompt and waits for the next one. Gives the screen,
/// with `status` and the exit status at its end. (What is typed ahead, programs
/// that ask for a password throw away.)
#[track_caller]
pub fn types(terminal: &mut Terminal, line: &str) -> String {
    terminal.type_line(&format!("{line}; echo sta''tus $?"));
    let mut screen = terminal.expect("\nstatus ");
    screen += &terminal.expect("$ ");
    screen
}

/// Asserts that the gate refused `service` to carol, at once, and said so.
#[track_caller]
pub fn assert_refused(output: &Output, service: &str) {
    output
        .fails_with(1)
        .contains(&format!("jitd: {service} is not open to carol"))
        .lacks("uid=0")
        .lacks("Sorry, try again");
    assert!(output.took < Duration::from_secs(2), "slow: {output}");
}

/// Whether carol is in `group` by the account databases.
#[track_caller]
pub fn carol_is_in(machine: &Machine, group: &str) -> bool {
    machine.groups_of("carol").iter().any(|name| name == group)
}

/// Waits until carol is no longer in `group`.
#[track_caller]
pub fn wait_until_carol_left(machine: &Machine, group: &str) {
    machine.wait_until("carol has left the group", LIMIT, || {
        !carol_is_in(machine, group)
    });
}

/// Whether the processes of `shell` carry `group`, whatever the account
/// databases say by now.
#[track_caller]
pub fn carries(shell: &Shell, group: &str) -> bool {
    let gid = shell.run(&format!("getent group {group} | cut -d: -f3"));
    let carried = shell.run("id -G");
    carried
        .ok()
        .text()
        .split(' ')
        .any(|number| number == gid.ok().text())
}

/// Asserts that these events, and no others but those of its sessions and memberships, are on
/// record for an elevation: each once and in this order, in the journal and in auth.log, the same in
/// both, in logfmt.
#[track_caller]
pub fn assert_recorded(machine: &Machine, id: u64, events: &[&str]) {
    let logged = || lines_about(id, &machine.auth_log());
    machine.wait_until("rsyslog has written it", LIMIT, || {
        logged().len() >= events.len()
    });
    let journal = machine.run(
        "journalctl --sync && journalctl --boot --no-pager --identifier=jitd --output=short-iso",
    );
    let journal = lines_about(id, &journal.ok().stdout);
    let names: Vec<_> = journal.iter().map(|line| word(line, "event")).collect();
    assert_eq!(names, events, "in the journal: {journal:#?}");
    assert_eq!(logged(), journal, "auth.log and the journal");
    for line in &journal {
        assert!(is_logfmt(line), "not logfmt: {line}");
    }
}

/// jitd's lines about an elevation, without what syslog puts before them.
fn lines_about(id: u64, log: &str) -> Vec<String> {
    log.lines()
        .filter_map(|line| line.split_once(" jitd[")?.1.split_once("]: "))
        .map(|(_, text)| text.to_owned())
        // What people wrote may look like it; the number stands right after the event.
        .filter(|text| {
            let number = text.split(' ').nth(1);
            text.starts_with("event=")
                && !text.starts_with("event=session.")
                && !text.starts_with("event=membership.")
                && number == Some(&format!("id={id}"))
        })
        .collect()
}

/// The value of an unquoted word.
fn word<'a>(line: &'a str, key: &str) -> &'a str {
    line.split(' ')
        .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
        .unwrap_or_default()
}

/// Whether the line is nothing but `key=value` and `key="value"`, a space
/// between two of them.
fn is_logfmt(line: &str) -> bool {
    let mut rest = line;
    loop {
        let Some((key, value)) = rest.split_once('=') else {
            return false;
        };
        if key.is_empty()
            || !key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        {
            return false;
        }
        let end = match value.strip_prefix('"') {
            Some(quoted) => end_of_quoted(quoted).map(|end| end + 1),
            None => Some(value.find(' ').unwrap_or(value.len())),
        };
        match end.map(|end| value.split_at(end).1) {
            None => return false,
            Some("") => return true,
            Some(more) => match more.strip_prefix(' ') {
                Some(more) => rest = more,
                None => return false,
            },
        }
    }
}

/// Where the quoted text ends, its closing quote included.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return Some(at + 1),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// Makes a test for each release out of a scene: a function that takes the
/// [`Release`].
#[macro_export]
macro_rules! on_each_release {
    ($($scene:ident),+ $(,)?) => {
        $(mod $scene {
            #[test]
            fn bookworm() {
                super::$scene($crate::Release::Bookworm);
            }

            #[test]
            fn trixie() {
                super::$scene($crate::Release::Trixie);
            }
        })+
    };
}

#[cfg(test)]
mod tests {
    use super::is_logfmt;

    #[test]
    fn logfmt_is_told_from_other_lines() {
        for line in ["a=1", "a=1 b=\"x y\" c=", r#"a="say \"hi\" \\" b=2"#] {
            assert!(is_logfmt(line), "{line}");
        }
        for line in ["", "word", "a=1 word", "a=\"open", r#"a="x"y"#, "a=1  b=2"] {
            assert!(!is_logfmt(line), "{line}");
        }
    }
}
