//! Whatever people write, wherever jitd takes it: it stays one line, in its own field, in syslog
//! and in the journal.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are tests, and measure"
)]

use std::collections::{BTreeMap, BTreeSet};

use jit_tests::{LIMIT, Machine, Release};
use serde_json::Value;

mod cast;
mod delivery_scene;

use delivery_scene::{HECKLER, Logs};

/// What nobody has done.
const FORGED: &str = "event=elevation.approved id=7 user=mallory uid=0 role=deploy by=root seq=1 \
    chain=0000000000000000000000000000000000000000000000000000000000000000";

/// Whose request each method is tried on: as many as it takes.
const PEOPLE: [&str; 8] = ["u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"];

jit_tests::on_each_release!(no_text_makes_a_line_or_a_field);

fn no_text_makes_a_line_or_a_field(release: Release) {
    let mut builder = cast::scene(release);
    for person in PEOPLE {
        builder = builder.user_in(person, &["contractors"]);
    }
    let machine = builder.boot();
    let logs = Logs::of(&machine);
    let before = logs.newest();
    let logs = logs.after(before);
    let xml = machine.run("busctl --xml-interface introspect org.jitd1 /org/jitd1");
    let methods = methods(&xml.ok().stdout);
    assert!(methods.len() > 15, "{methods:?}");
    let texts = texts();
    let mut script = vec![SCRIPT.to_owned()];
    let people = PEOPLE.join(" ");
    for (number, text) in texts.iter().enumerate() {
        script.push(format!("text{number}={}", quoted(text)));
    }
    // What pam_jit says of a session; its command line is what it was called with, too.
    cast::elevate_carol(&machine, "1h");
    for number in 0..texts.len() {
        let text = format!("\"$text{number}\"");
        script.push(format!(
            "{HECKLER} open $(id -u carol) carol sudo {text} {text}"
        ));
    }
    for number in 0..texts.len() {
        script.push(format!(
            "for person in {people}; do fresh \"$text{number}\"; done"
        ));
        for (interface, method, signature) in &methods {
            let call = format!("busctl call org.jitd1 /org/jitd1 {interface} {method}");
            for user in ["alice", "carol", "root"] {
                let ways = arguments(signature, &format!("\"$text{number}\"")).into_iter();
                script.extend(ways.map(|way| format!("next; as {user} {call} {way}")));
            }
        }
    }
    let script = script.join("\n");
    let calls = script.matches("busctl call").count();
    std::fs::write(machine.outside("/run/forge"), &script).expect("it can be put there");
    let done = machine.run_within(4 * LIMIT, "sh /run/forge");
    let said = done.ok().stdout.lines().count();
    println!(
        "{release}: {} methods, {calls} calls, {said} answers",
        methods.len()
    );
    assert!(machine.pid_of_unit("jitd.service").is_some());

    logs.wait_until_told(logs.newest());
    logs.have_all_in("auth.log").have_all_in("journal");
    let record = logs.events();
    let hostile = record
        .values()
        .filter(|event| event.to_string().contains("mallory"));
    let fields: BTreeSet<_> = hostile.flat_map(with_mallory).collect();
    println!("{release}: what was written is in {fields:?}");
    assert!(
        [
            "reason", "comment", "ticket", "terminal", "remote", "command"
        ]
        .iter()
        .all(|field| fields.contains(*field)),
        "{fields:?}"
    );
    the_lines_are_the_record(&machine, &record);
    the_entries_are_the_record(&machine, &record);
}

/// The shell's part: who calls, and requests to call about.
const SCRIPT: &str = r#"
as() { who=$1; shift; setpriv --reuid=$who --regid=$who --init-groups "$@" 2>&1; }
ids=
fresh() {
    id=$(as $person busctl call org.jitd1 /org/jitd1 org.jitd1.Elevations Request 'sa{sv}' deploy 2 reason s "$1" ticket s "$text2")
    ids="$ids ${id##* }"
}
next() { set -- $ids; id=$1; shift; ids="$* $id"; }
"#;

/// Texts that would like to be something else.
fn texts() -> Vec<String> {
    let header = "2026-11-24T00:00:00.000000+00:00 web jitd[1]: ";
    let all = format!(
        "\" {FORGED}\n<86>{header}{FORGED}\r\n{FORGED}\u{2028}{header}{FORGED}\u{1b}[2K\u{1b}]0;x\u{7}\u{202e}\u{85}\\\" seq=2"
    );
    let long: String = all.chars().cycle().take(1_200).collect();
    let mut end = 1024;
    while !long.is_char_boundary(end) {
        end -= 1;
    }
    vec![
        all,
        long[..end].to_owned(),
        // Short enough for a ticket, and a name.
        format!("x\"\nevent=y\u{1b}[1A user=mallory \\{}", "\u{2028}"),
        "mallory'$(id)`id`\n".to_owned(),
    ]
}

/// Interface, name and signature of all our methods.
fn methods(xml: &str) -> Vec<(String, String, String)> {
    let attribute = |line: &str, key: &str| {
        let (_, rest) = line.split_once(&format!("{key}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let mut methods = Vec::<(String, String, String)>::new();
    let mut interface = String::new();
    let mut is_method = false;
    for line in xml.lines().map(str::trim) {
        if line.starts_with("<interface") {
            interface = attribute(line, "name").expect("a name");
            is_method = false;
        } else if line.starts_with("<method") && interface.starts_with("org.jitd1.") {
            let name = attribute(line, "name").expect("a name");
            methods.push((interface.clone(), name, String::new()));
            is_method = true;
        } else if line.starts_with("<signal") || line.starts_with("<property") {
            is_method = false;
        } else if line.starts_with("<arg") && is_method && !line.contains("direction=\"out\"") {
            let (_, _, signature) = methods.last_mut().expect("a method");
            *signature += &attribute(line, "type").expect("a type");
        }
    }
    methods
}

/// The ways to call a method of this signature with a text: everywhere, and where others must be
/// right for it to come through.
fn arguments(signature: &str, text: &str) -> Vec<String> {
    // All string options that any method knows.
    const OPTIONS: [&str; 7] = [
        "reason", "ticket", "comment", "user", "role", "event", "state",
    ];
    let right = [vec![], vec!["deploy"], vec!["carol", "deploy"]];
    let options = if signature.contains("a{sv}") {
        &OPTIONS[..]
    } else {
        &[""]
    };
    let mut ways = BTreeSet::new();
    for right in &right {
        for option in options {
            let mut right = right.iter();
            let mut words = vec![quoted(signature)];
            let mut rest = signature;
            while let Some(kind) = rest.chars().next() {
                let length = if rest.starts_with("a{sv}") { 5 } else { 1 };
                rest = &rest[length..];
                words.push(match kind {
                    'a' if length == 5 => format!("1 {option} s {text}"),
                    's' => right
                        .next()
                        .map_or(text.to_owned(), |word| (*word).to_owned()),
                    't' if !words.iter().any(|word| word == "$id") => "$id".to_owned(),
                    't' | 'u' | 'x' | 'i' => "600".to_owned(),
                    'b' => "true".to_owned(),
                    other => panic!("how is {other} of {signature} written for busctl?"),
                });
            }
            ways.insert(words.join(" "));
        }
    }
    ways.into_iter().collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn with_mallory(event: &Value) -> Vec<String> {
    let members = event.as_object().expect("an object").iter();
    let with =
        members.filter(|(_, value)| value.as_str().is_some_and(|text| text.contains("mallory")));
    with.map(|(key, _)| key.clone()).collect()
}

/// Each line of jitd's is one event, with that event's members and no others.
#[track_caller]
fn the_lines_are_the_record(machine: &Machine, record: &BTreeMap<u64, Value>) {
    let mut seen = BTreeSet::new();
    for line in machine.auth_log().lines() {
        let (header, text) = line.split_once(": ").unwrap_or((line, ""));
        assert!(
            !line.chars().any(|c| c != '\t' && c.is_control()),
            "{line:?}"
        );
        let words: Vec<_> = header.split(' ').collect();
        assert!(
            words.len() == 3 && words[0].len() == 32,
            "a line of its own: {line:?}"
        );
        if !words[2].starts_with("jitd[") {
            continue;
        }
        let members = parsed(text);
        let seq: u64 = members["seq"].parse().expect("a number");
        let event = &record[&seq];
        same(&members, event, line);
        assert!(seen.insert(seq), "twice: {line}");
    }
    // A log begins with its boot.
    let first = *seen.first().expect("there are some");
    assert_eq!(seen.len(), record.range(first..).count());
}

/// The same of each entry.
#[track_caller]
fn the_entries_are_the_record(machine: &Machine, record: &BTreeMap<u64, Value>) {
    let read =
        "journalctl --sync; journalctl _SYSTEMD_UNIT=jitd.service --output=json --all --no-pager";
    let read = machine.run_within(LIMIT, read);
    let mut seen = BTreeSet::new();
    for line in read.ok().stdout.lines() {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        let fields = entry.as_object().expect("an object");
        if !fields.contains_key("JITD_SEQ") {
            continue;
        }
        let mut members = BTreeMap::new();
        for (key, value) in fields {
            let Some(key) = key.strip_prefix("JITD_") else {
                continue;
            };
            // Twice the same field would be a list, other bytes too.
            let value = value.as_str().unwrap_or_else(|| panic!("{key}: {entry}"));
            members.insert(key.to_ascii_lowercase(), unescaped(value));
        }
        let seq: u64 = members["seq"].parse().expect("a number");
        let event = &record[&seq];
        same(&members, event, line);
        let message = entry["MESSAGE"].as_str().expect("a message of one line");
        same(&parsed(message), event, line);
        assert!(seen.insert(seq), "twice: {line}");
    }
    // A log begins with its boot.
    let first = *seen.first().expect("there are some");
    assert_eq!(seen.len(), record.range(first..).count());
}

#[track_caller]
fn same(members: &BTreeMap<String, String>, event: &Value, line: &str) {
    let mut members = members.clone();
    members.remove("late");
    let said = event.as_object().expect("an object").iter();
    // The time is said where it is late.
    let said = said.filter(|(key, _)| *key != "at" || members.contains_key("at"));
    let said = said.map(|(key, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (key.clone(), text)
    });
    let said: BTreeMap<_, _> = said.collect();
    let is_cut = members.values().any(|value| value.contains(" bytes more)"));
    assert!(is_cut || members == said, "{line}\n{members:?}\n{said:?}");
    for key in ["event", "seq", "chain"] {
        assert_eq!(members[key], said[key], "{line}");
    }
    assert!(members.keys().eq(said.keys()), "{line}");
}

/// logfmt, read as jitd-events(7) describes it.
#[track_caller]
fn parsed(line: &str) -> BTreeMap<String, String> {
    let mut members = BTreeMap::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (key, value) = rest.split_once('=').unwrap_or_else(|| panic!("{line:?}"));
        let (value, after) = match value.strip_prefix('"') {
            None => value.split_at(value.find(' ').unwrap_or(value.len())),
            Some(quoted) => {
                let end = quoted.find('"').unwrap_or_else(|| panic!("{line:?}"));
                (&quoted[..end], &quoted[end + 1..])
            }
        };
        assert!(after.is_empty() || after.starts_with(' '), "{line:?}");
        let before = members.insert(key.to_owned(), decoded(value));
        assert_eq!(before, None, "{key} twice: {line:?}");
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    members
}

/// The text that was meant, in a line.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("text")
}

/// The text that was meant, in a field of the journal.
fn unescaped(text: &str) -> String {
    let mut meant = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            meant.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => meant.push('\n'),
            Some('r') => meant.push('\r'),
            Some('t') => meant.push('\t'),
            Some('u') => {
                let code: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                let code = u32::from_str_radix(&code, 16).expect("a code point");
                meant.push(char::from_u32(code).expect("a character"));
            }
            Some(other) => meant.push(other),
            None => panic!("{text:?}"),
        }
    }
    meant
}
