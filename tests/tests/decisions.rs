//! Who may ask, decide, take back, end and see; and what people write stays
//! text, wherever it is shown.

use jit_tests::scene::{
    asks, assert_recorded, assert_refused, carol_is_in, cast, number, number_of_waiting, types,
};
use jit_tests::{LIMIT, Output, Release, on_each_release};

on_each_release!(
    everyone_does_what_is_theirs_to_do,
    whoever_waits_learns_what_was_decided,
    what_people_write_is_text,
);

/// Asserts that jitd said no, and said so in these words.
#[track_caller]
fn not_allowed(output: &Output, why: &str) {
    output.fails_with(3).contains(why);
}

fn everyone_does_what_is_theirs_to_do(release: Release) {
    let machine = cast(release).boot();
    let [carol, alice, bob, dave] = ["carol", "alice", "bob", "dave"].map(|who| machine.ssh(who));

    // bob is managed, and there is nothing for him to ask for.
    let refused = bob.run("sudo id");
    refused
        .fails_with(1)
        .contains("jitd: sudo is not open to bob")
        .contains("No role that you may request opens it")
        .lacks("jitctl request");
    let asked = bob.run("jitctl request deploy --reason 'I would like to'");
    not_allowed(&asked, "bob is not eligible for role deploy");
    assert_eq!(asked.stdout, "", "no number");
    let asked = dave.run("jitctl request deploy --reason 'I would like to'");
    not_allowed(&asked, "dave is not eligible for role deploy");

    let id = asks(&carol, "deploy");
    let decisions = [
        format!("jitctl approve {id}"),
        format!("jitctl deny {id} --comment 'no, no'"),
    ];
    for decision in &decisions {
        not_allowed(&carol.run(decision), "nobody decides their own elevation");
        for person in [&bob, &dave] {
            not_allowed(&person.run(decision), "is not an approver of role deploy");
        }
    }
    let cancel = format!("jitctl cancel {id}");
    not_allowed(&alice.run(&cancel), "is carol's");
    for person in [&bob, &dave] {
        person.run(&cancel).fails_with(3);
    }
    for person in [&carol, &bob, &dave] {
        person.run("jitctl pending").ok().lacks("deploy");
    }
    assert!(!carol_is_in(&machine, "jit-deploy"));

    alice.run(&format!("jitctl approve {id}")).ok();
    let again = alice.run(&format!("jitctl approve {id}"));
    again.fails_with(1).contains("is active");
    let end = format!("jitctl end {id}");
    not_allowed(&alice.run(&end), "is carol's");
    for person in [&bob, &dave] {
        person.run(&end).fails_with(3);
    }
    let revoke = format!("jitctl revoke {id} --comment 'for a reason'");
    for person in [&carol, &bob, &dave] {
        not_allowed(&person.run(&revoke), "is not an approver of role deploy");
    }
    for whole in ["--user carol", "--role deploy", "--all"] {
        let revoke = format!("jitctl revoke {whole} --comment 'for a reason'");
        bob.run(&revoke).fails_with(3).lacks("Revoked");
    }
    assert!(carol_is_in(&machine, "jit-deploy"), "nobody took it away");

    // Everyone sees their own, and approvers what is theirs to decide.
    for reader in [&carol, &alice] {
        reader.run("jitctl list").ok().contains("carol");
        reader
            .run(&format!("jitctl show {id}"))
            .ok()
            .contains("carol");
    }
    for stranger in [&bob, &dave] {
        for list in ["jitctl list", "jitctl list --user carol", "jitctl status"] {
            stranger.run(list).ok().lacks("carol").lacks("deploy");
        }
        assert_eq!(stranger.run("jitctl list --json").ok().text(), "[]");
        let shown = stranger.run(&format!("jitctl show {id}"));
        let absent = stranger.run("jitctl show 999");
        shown
            .fails_with(absent.status)
            .lacks("carol")
            .lacks("deploy");
    }

    alice.run(&revoke).ok();
    assert!(!carol_is_in(&machine, "jit-deploy"));
    assert_refused(&carol.run("sudo id"), "sudo");
    assert_recorded(
        &machine,
        id,
        &[
            "elevation.requested",
            // carol's two, and two of bob and dave each.
            "attempt.refused",
            "attempt.refused",
            "attempt.refused",
            "attempt.refused",
            "attempt.refused",
            "attempt.refused",
            // Taking back a request of carol's.
            "attempt.refused",
            "attempt.refused",
            "attempt.refused",
            "elevation.approved",
            // Ending what is carol's, and revoking it.
            "attempt.refused",
            "attempt.refused",
            "attempt.refused",
            "attempt.refused",
            "attempt.refused",
            "attempt.refused",
            "elevation.revoked",
        ],
    );
}

fn whoever_waits_learns_what_was_decided(release: Release) {
    let machine = cast(release).boot();
    let carol = machine.ssh("carol");
    let alice = machine.ssh("alice");

    let mut asking = carol.spawn("jitctl request restart --wait");
    let id = number_of_waiting(&asking);
    alice
        .run(&format!("jitctl deny {id} --comment 'not during the sale'"))
        .ok();
    let denied = asking.wait(LIMIT);
    denied
        .fails_with(5)
        .contains("denied by alice")
        .contains("not during the sale");
    assert_recorded(&machine, id, &["elevation.requested", "elevation.denied"]);
    let late = alice.run(&format!("jitctl approve {id}"));
    late.fails_with(1).contains("is denied");

    let mut asking = carol.spawn("jitctl request restart --wait");
    let id = number_of_waiting(&asking);
    carol.run(&format!("jitctl cancel {id}")).ok();
    asking
        .wait(LIMIT)
        .fails_with(5)
        .contains("cancelled by carol");
    assert_recorded(
        &machine,
        id,
        &["elevation.requested", "elevation.cancelled"],
    );
    assert_refused(&carol.run("sudo id"), "sudo");

    // An approver may grant less than was asked for, never more.
    let id = asks(&carol, "restart --for 10m");
    let longer = alice.run(&format!("jitctl approve {id} --for 11m"));
    longer.fails_with(1).contains("never lengthen");
    alice.run(&format!("jitctl approve {id} --for 5m")).ok();
    carol.run(&format!("jitctl show {id}")).ok().contains("5m");
    for (options, why) in [
        ("deploy", "needs a reason"),
        ("deploy --reason short", "at least 10"),
        ("restart --for 5h", "longer than role restart allows"),
    ] {
        let refused = carol.run(&format!("jitctl request {options}"));
        refused.fails_with(1).contains(why);
    }
}

/// Clears the screen, sets the window's title, forges a line of syslog, turns
/// the direction of writing, and closes a quote.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;mine\u{7} \
    \n<34>Nov 23 06:00:00 web sshd[1]: Accepted publickey for root\n\
    event=elevation.approved id=1 user=bob \r\u{9b}31m \u{202e}evil\u{2066} \" by=alice \\";

/// For carol alone, at once.
const GLASS: &str = r#"[role.glass]
groups      = ["jit-glass"]
services    = ["sudo"]
commands    = ["ALL"]
eligible    = { users = ["carol"] }
break_glass = { users = ["carol"] }
"#;

fn what_people_write_is_text(release: Release) {
    let machine = cast(release)
        .file("/etc/jitd/roles.d/glass.toml", 0o644, GLASS)
        .boot();
    let carol = machine.ssh("carol");
    let alice = machine.ssh("alice");
    let ticket: String = HOSTILE.chars().take(60).collect();
    let asked = carol.run(&format!(
        "jitctl request deploy --reason '{HOSTILE}' --ticket '{ticket}'"
    ));
    let id = number(asked.ok());
    let glass = carol.run(&format!(
        "jitctl break-glass glass --reason '{HOSTILE}' --ticket '{ticket}'"
    ));
    let glass = number(glass.ok());
    // Some characters turn the direction of writing, and are all there is.
    let turned = number(
        carol
            .run("jitctl request deploy --reason 'harmless \u{202e}evil'")
            .ok(),
    );
    let shown = [
        format!("jitctl show {id}"),
        format!("jitctl show {turned}"),
        "jitctl list".to_owned(),
        "jitctl list --json".to_owned(),
        "jitctl pending".to_owned(),
        format!("jitctl show {glass}"),
        "jitctl status".to_owned(),
    ];
    let mut terminal = machine.ssh_tty("alice");
    for command in &shown {
        let pipe = alice.run(command);
        no_trace_of_it(&pipe.ok().stdout, "\n", command);
        let screen = types(&mut terminal, command);
        let screen = without_colours(after_echo(&screen));
        no_trace_of_it(&screen, "\r\n", command);
    }
    let comment = format!("jitctl approve {id} --comment '{HOSTILE}'");
    no_trace_of_it(&alice.run(&comment).ok().stdout, "\n", "approve");
    let mine = carol.run(&format!("jitctl show {id}"));
    no_trace_of_it(&mine.ok().stdout, "\n", "show");
    alice
        .run(&format!("jitctl acknowledge {glass} --comment '{HOSTILE}'"))
        .ok();
    let more = carol.run(&format!(
        "jitctl extend {glass} --for 1m --reason '{HOSTILE}' --ticket '{ticket}'"
    ));
    let more = number(more.ok());
    alice
        .run(&format!("jitctl deny {more} --comment '{HOSTILE}'"))
        .ok();
    alice
        .run(&format!("jitctl revoke {glass} --comment '{HOSTILE}'"))
        .ok();
    let hostile_role: String = HOSTILE.chars().take(20).collect();
    for refused in [
        format!("jitctl request '{hostile_role}'"),
        format!("jitctl break-glass '{hostile_role}' --reason x"),
        format!("jitctl policy explain carol '{hostile_role}'"),
        format!("jitctl policy explain carol deploy --ticket '{ticket}' --reason '{HOSTILE}'"),
        format!("jitctl show {more}"),
        format!("jitctl show {glass}"),
    ] {
        let output = carol.run(&refused);
        no_trace_of_it(&output.stdout, "\n", &refused);
        no_trace_of_it(&output.stderr, "\n", &refused);
    }
    // Too much of it, past what jitctl itself takes; and a NUL, which it could not pass on.
    let bus = "busctl call org.jitd1 /org/jitd1 org.jitd1.Elevations";
    for (key, most) in [("reason", 1024), ("ticket", 128)] {
        let asked = |length: usize| {
            carol.run(&format!(
                "{bus} Request 'sa{{sv}}' glass 1 {key} s $(head -c {length} /dev/zero | tr '\\0' x)"
            ))
        };
        for length in [most + 1, 100_000] {
            asked(length)
                .fails_with(1)
                .contains(&format!("at most {most} are kept"));
        }
    }

    assert_recorded(&machine, id, &["elevation.requested", "elevation.approved"]);
    let auth_log = machine.auth_log();
    no_trace_of_it(&auth_log, "\n", "auth.log");
    // No line was forged: each begins with the time, and none is of that sshd.
    for log in ["/var/log/auth.log", "/var/log/syslog"] {
        let forged = machine.run(&format!(
            "grep -av '^20[-0-9]*T' {log}; grep -a '^[^ ]* [^ ]* sshd.1.:' {log}"
        ));
        assert_eq!(forged.text(), "", "{log}");
    }
    for output in ["short", "cat", "verbose"] {
        let journal = machine.run(&format!(
            "journalctl --sync; journalctl --boot --no-pager --identifier=jitd --output={output}"
        ));
        no_trace_of_it(&journal.ok().stdout, "\n", output);
    }
}

/// Asserts that nothing in `text` moves a cursor, hides something or turns the
/// direction of writing. `line_end` is what may end a line.
#[track_caller]
fn no_trace_of_it(text: &str, line_end: &str, place: &str) {
    let raw = text.replace(line_end, "").chars().find(|&c| {
        c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    });
    assert_eq!(raw, None, "raw in {place}: {text:?}");
}

/// A screen without the colours that we put into it: ESC, `[`, numbers, `m`.
fn without_colours(screen: &str) -> String {
    let mut plain = String::new();
    let mut rest = screen;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain += before;
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        match rest.strip_prefix('m') {
            Some(after) => rest = after,
            None => plain.push('\u{1b}'),
        }
    }
    plain + rest
}

/// What the command wrote: without the echo of what was typed, which the shell
/// may have dressed up, and without the prompt.
fn after_echo(screen: &str) -> &str {
    screen.split_once("\r\n").map_or("", |(_, said)| said)
}
