//! What is written is so: README.md, the manual pages, the examples and the
//! changelogs against the programs, and README's tour as people would walk it.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{CommandFactory, Parser};
use jit_tests::{Machine, Release, packages};
use jitctl::cli::Cli;
use jitd::policy_file::{self, Source};
use jitd::record::EventName;
use jitd_api::Error;
use zbus::DBusError;

const PASSWORD: &str = "correct-horse";

#[test]
fn the_tour_of_the_readme_is_a_walk_that_can_be_taken() {
    let readme = text("README.md");
    let install = blocks(section(&readme, "## Install it on a host"));
    let tour = blocks(section(&readme, "## Five minutes with it"));
    let [
        _,
        (_, policy),
        (_, people),
        (_, restart),
        (_, setup),
        (_, doctor),
    ] = &install[..]
    else {
        panic!("README's installation has other blocks: {install:?}");
    };
    let [(_, carols), (_, alices), (_, doras), (_, events)] = &tour[..] else {
        panic!("README's tour has other blocks: {tour:?}");
    };
    for release in Release::ALL {
        let machine = Machine::builder(release)
            .no_setup()
            .user("carol")
            .user("alice")
            .user_in("dora", &["auditors"])
            .password("carol", PASSWORD)
            .file(
                "/etc/systemd/system/web.service",
                0o644,
                "[Service]\nExecStart=/usr/bin/sleep infinity\n",
            )
            .boot();
        machine
            .run_with_input("cat >/etc/jitd/jitd.toml", policy)
            .ok();
        machine.run(people).ok();
        machine.run(restart).ok().lacks("broken");
        for line in commands(setup) {
            machine.run(&format!("{line} --yes")).ok();
        }
        machine.run(doctor).ok();

        let [status, request, restart_web, end] = &commands(carols)[..] else {
            panic!("carol's part is another: {carols}");
        };
        let mut carol = machine.ssh_tty("carol");
        let alice = machine.ssh("alice");
        machine.run_as("carol", status).ok().contains("deploy");
        carol.type_line(request);
        carol.expect("1\r\n");
        let [pending, show, approve, deny, revoke] = &commands(alices)[..] else {
            panic!("alice's part is another: {alices}");
        };
        alice.run(pending).ok().contains("restart web after");
        alice.run(show).ok().contains("carol");
        alice.run(approve).ok();
        carol.expect("$ ");
        carol.type_line(restart_web);
        carol.expect("password for carol");
        carol.type_line(PASSWORD);
        carol.expect("$ ");
        machine.run("systemctl is-active web.service").ok();
        carol.type_line(&format!("{end}; echo sta''tus $?"));
        carol.expect("status 0");

        let ask = request.replace(" --wait", "");
        machine.run_as("carol", &ask).ok();
        alice.run(deny).ok();
        machine.run_as("carol", &ask).ok();
        alice.run("jitctl approve 3").ok();
        alice.run(revoke).ok();
        for line in commands(doras) {
            // Reading the journal of others is for the group adm, or for root.
            let output = if line.starts_with("journalctl") {
                machine.run(line)
            } else {
                machine.run_as("dora", line)
            };
            output.ok();
        }
        let journal = machine
            .run("journalctl --identifier=jitd --output=cat")
            .stdout;
        for name in ["elevation.requested", "elevation.approved"] {
            let shown = keys(line_of(events, name));
            assert_eq!(shown, keys(line_of(&journal, name)), "{release}: {name}");
        }
        for verb in ["released", "denied", "revoked"] {
            assert!(
                journal.contains(&format!("event=elevation.{verb}")),
                "{verb}"
            );
        }
    }
}

#[test]
fn every_jitctl_command_that_is_written_down_is_one() {
    let mut seen = 0;
    for (name, page) in documents() {
        let ticked = page.split('`').skip(1).step_by(2);
        for line in page.lines().chain(ticked) {
            let line = line.trim_start_matches(['$', ' ']);
            let line = line.strip_prefix(".Ql ").unwrap_or(line);
            // In prose a name stands for itself: that is not a command line.
            if !line.starts_with("jitctl ") || line.contains("──") {
                continue;
            }
            let words = words(line.trim_end_matches([',', '.', ' ']));
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{name}: {line}: {error}");
            }
            seen += 1;
        }
    }
    assert!(seen > 15, "found only {seen}");
}

#[test]
fn help_and_manual_of_jitctl_know_the_same_options() {
    let folder = packages::unpacked_deb();
    let program = folder.join("usr/bin/jitctl");
    let mut command = Cli::command();
    command.build();
    for (words, part) in with_subcommands(&[], &command) {
        let name = words.join("-");
        let arguments = words.iter().copied().chain(["--help"]);
        let page = match &words[..] {
            [] => "jitctl.1".to_owned(),
            _ => format!("jitctl-{name}.1"),
        };
        let help = output(Command::new(&program).args(arguments));
        let page =
            output(Command::new("zcat").arg(folder.join(format!("usr/share/man/man1/{page}.gz"))));
        let page = page.replace("\\-", "-");
        let in_help = options(&help);
        assert!(in_help.contains("--help"), "{name}: {help}");
        for option in &in_help {
            assert!(
                page.contains(option.as_str()),
                "{option} is not in the page of {name}"
            );
        }
        for argument in part.get_arguments() {
            if let Some(long) = argument.get_long() {
                assert!(
                    in_help.contains(&format!("--{long}")),
                    "{name} --{long}: {help}"
                );
            }
        }
    }
    let top = output(Command::new(&program).arg("--help"));
    for part in command.get_subcommands() {
        assert!(
            top.contains(part.get_name()),
            "{} in {top}",
            part.get_name()
        );
    }
}

/// A command and all below it, with the words that lead there.
fn with_subcommands<'a>(
    words: &[&'a str],
    command: &'a clap::Command,
) -> Vec<(Vec<&'a str>, &'a clap::Command)> {
    let below = command.get_subcommands().flat_map(|part| {
        let words: Vec<_> = words.iter().copied().chain([part.get_name()]).collect();
        with_subcommands(&words, part)
    });
    std::iter::once((words.to_vec(), command))
        .chain(below)
        .collect()
}

#[test]
fn the_catalogue_of_events_is_complete() {
    let page = text("packaging/man/jitd-events.7");
    let events = section_of_man(&page, "EVENTS");
    let described: Vec<_> = events.split("\n.It Sy ").skip(1).map(Entry::read).collect();
    let known: Vec<_> = EventName::ALL.iter().map(|name| Entry::of(*name)).collect();
    assert_eq!(described.len(), known.len());
    for (described, known) in described.iter().zip(&known) {
        assert_eq!(described, known);
    }
}

#[test]
fn each_field_of_an_event_is_described() {
    let page = text("packaging/man/jitd-events.7");
    let general: BTreeSet<_> = section_of_man(&page, "FIELDS")
        .lines()
        .filter_map(|line| line.strip_prefix(".It Va "))
        .collect();
    let events = section_of_man(&page, "EVENTS");
    let mut seen = 0;
    for entry in events.split("\n.It Sy ").skip(1) {
        let (prose, _) = entry.split_once("\n.Pp\nFields:\n").expect("fields");
        let said: BTreeSet<_> = variables(prose).collect();
        let fields = Entry::read(entry).fields;
        for field in &fields {
            let is_told = said.contains(field.as_str()) || general.contains(field.as_str());
            assert!(is_told, "{field} of {entry}");
            seen += 1;
        }
        for word in said {
            assert!(fields.contains(&word.to_owned()), "{word} in {entry}");
        }
    }
    assert!(seen > 100, "found only {seen}");
}

/// What the catalogue has of an event.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    fields: Vec<String>,
    priority: String,
    message_id: String,
}

impl Entry {
    fn of(name: EventName) -> Self {
        Self {
            name: name.as_str().to_owned(),
            fields: name.fields().iter().map(ToString::to_string).collect(),
            priority: name.severity().as_str().to_owned(),
            message_id: name.message_id().to_owned(),
        }
    }

    #[track_caller]
    fn read(entry: &str) -> Self {
        let between = |from: &str, to: &str| {
            let (_, rest) = entry.split_once(from).expect(from);
            rest.split_once(to).expect(to).0.to_owned()
        };
        Self {
            name: entry.lines().next().unwrap_or_default().to_owned(),
            fields: variables(&between("\nFields:\n", "Priority\n"))
                .map(str::to_owned)
                .collect(),
            priority: between("\nPriority\n.Ql ", " ."),
            message_id: between("\nMessage id ", "."),
        }
    }
}

/// The words that a part of a page marks as fields.
fn variables(part: &str) -> impl Iterator<Item = &str> {
    let lines = part.lines().filter_map(|line| line.strip_prefix(".Va "));
    lines
        .flat_map(str::split_whitespace)
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase()))
}

/// A section of a manual page.
#[track_caller]
fn section_of_man<'a>(page: &'a str, name: &str) -> &'a str {
    let heading = format!("\n.Sh {name}\n");
    let (_, rest) = page.split_once(heading.as_str()).expect(name);
    rest.split("\n.Sh ").next().unwrap_or(rest)
}

/// What `journalctl -x` says: something of each event, and commands that there are.
#[test]
fn the_catalogue_of_messages_is_complete() {
    let catalogue = text("packaging/catalog/jitd.catalog");
    let mut entries = catalogue.split("\n-- ");
    let mut name = entries.next().expect("a head").to_owned();
    let mut explained = BTreeMap::new();
    for entry in entries {
        let event = name.lines().last().unwrap_or_default();
        let event = event.strip_prefix("# ").unwrap_or(event).to_owned();
        let (id, rest) = entry.split_once('\n').expect("an id on a line of its own");
        let (head, body) = rest.split_once("\n\n").expect("a text after the head");
        assert!(head.starts_with("Subject: "), "{event}: {head}");
        assert!(
            head.contains("\nDocumentation: man:jitd-events(7)"),
            "{event}: {head}"
        );
        assert!(body.trim().len() > 40, "{event} is not explained");
        for line in body.lines() {
            let Some(at) = line.find("jitctl ") else {
                continue;
            };
            let line = line[at..].replace("@JITD_ID@", "42").replace("ID ", "42 ");
            if let Err(error) = Cli::try_parse_from(words(&line)) {
                panic!("{event}: {line}: {error}");
            }
        }
        explained.insert(event, id.to_owned());
        entry.clone_into(&mut name);
    }
    let known: BTreeMap<_, _> = EventName::ALL
        .iter()
        .map(|event| (event.as_str().to_owned(), event.message_id().to_owned()))
        .collect();
    assert_eq!(explained, known);
}

#[test]
fn the_errors_on_the_bus_are_described() {
    let page = text("packaging/man/org.jitd1.5");
    let described: BTreeSet<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix(".It Sy org.jitd1.Error."))
        .collect();
    let all: [fn(String) -> Error; 6] = [
        Error::NotAllowed,
        Error::NotFound,
        Error::InvalidArgument,
        Error::WrongState,
        Error::LimitExceeded,
        Error::Failed,
    ];
    let known: BTreeSet<_> = all
        .iter()
        .map(|error| error(String::new()))
        .inspect(|error| match error {
            // A new one does not compile here until it is in the list above.
            Error::ZBus(_)
            | Error::NotAllowed(_)
            | Error::NotFound(_)
            | Error::InvalidArgument(_)
            | Error::WrongState(_)
            | Error::LimitExceeded(_)
            | Error::Failed(_) => {}
        })
        .map(|error| error.name().to_string().replace("org.jitd1.Error.", ""))
        .collect();
    assert_eq!(described, known.iter().map(String::as_str).collect());
}

#[test]
fn the_policies_that_we_ship_are_policies() {
    let default = text("packaging/etc/jitd.toml");
    parses("packaging/etc/jitd.toml", &default);
    // The same with everything in force that is commented out.
    let opened: String = default
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(opened.contains("\n[role.deploy]"), "{opened}");
    parses("packaging/etc/jitd.toml, opened", &opened);
    let (kind, tour) =
        blocks(section(&text("README.md"), "## Install it on a host")).swap_remove(1);
    assert_eq!(kind, "toml");
    parses("README.md", &tour);
    for entry in fs::read_dir(top().join("packaging/examples")).expect("examples") {
        let path = entry.expect("an example").path();
        // What goes with jitd, and configuration of others: tests of their own run it.
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let content = fs::read_to_string(&path).expect("an example");
        // As a file of their own, or beside the default policy in roles.d.
        let alone = source(&path.display().to_string(), &content);
        let main = source("jitd.toml", "");
        // Tables of expectations and programs are no policies; tests of theirs run them.
        let name = path.to_string_lossy();
        if name.ends_with(".test.toml") || name.ends_with(".py") {
            continue;
        }
        let outcome = policy_file::parse(std::slice::from_ref(&alone));
        if outcome.is_err() {
            let beside = policy_file::parse(&[main, alone]);
            assert!(beside.is_ok(), "{}: {beside:?}", path.display());
        }
    }
}

#[test]
fn versions_agree() {
    let version = env!("CARGO_PKG_VERSION");
    let debian = text("packaging/deb/changelog");
    assert!(debian.starts_with(&format!("jitd ({version}-")), "{debian}");
    let program = packages::unpacked_deb().join("usr/bin/jitctl");
    let said = output(Command::new(program).arg("--version"));
    assert_eq!(said.trim(), format!("jitctl {version}"));
    let changes = text("CHANGELOG.md");
    assert!(changes.contains("## [Unreleased]") || changes.contains(&format!("## [{version}]")));
}

#[test]
fn manual_pages_are_clean_and_lead_somewhere() {
    let folder = packages::unpacked_deb().join("usr/share/man");
    let pages: Vec<PathBuf> = (1..=8)
        .filter_map(|number| fs::read_dir(folder.join(format!("man{number}"))).ok())
        .flatten()
        .map(|entry| entry.expect("a page").path())
        .collect();
    assert!(pages.len() > 15, "{pages:?}");
    for page in &pages {
        let shown = Command::new("man")
            .args(["--warnings", "--encoding=UTF-8", "--local-file"])
            .arg(page)
            .envs([
                ("LC_ALL", "C.UTF-8"),
                ("MANWIDTH", "80"),
                ("MANPAGER", "cat"),
            ])
            .output()
            .expect("man starts");
        let said = String::from_utf8_lossy(&shown.stderr);
        assert!(
            shown.status.success() && said.is_empty(),
            "{page:?}: {said}"
        );
    }
    let names: BTreeSet<_> = pages
        .iter()
        .filter_map(|page| page.file_name()?.to_str()?.strip_suffix(".gz"))
        .collect();
    for (document, page) in documents() {
        let links = page.lines().filter_map(|line| line.strip_prefix(".Xr "));
        for link in links {
            let mut words = link.split_whitespace();
            let to = format!(
                "{}.{}",
                words.next().unwrap_or_default(),
                words.next().unwrap_or_default()
            );
            if to.contains("jit") {
                assert!(names.contains(to.as_str()), "{document}: {to}");
            }
        }
    }
}

#[test]
fn the_files_and_units_that_are_written_down_are_in_the_package() {
    /// Made while jitd runs, or the host's own.
    const NOT_PACKAGED: [&str; 14] = [
        "/etc/group",
        "/etc/gshadow",
        "/etc/jitd/roles.d/*.toml",
        "/etc/pam.d",
        "/etc/sudo.conf",
        "/etc/sudoers.d/jitd",
        "/run/jitd/gate",
        "/run/userdb/.jitd",
        "/var/lib/jitd/archive",
        "/var/lib/jitd/archive/events-FIRST-LAST.jsonl",
        "/var/lib/jitd/ends",
        "/var/lib/jitd/jitd.db",
        "/var/log/jitd",
        "/var/log/jitd/recordings",
    ];
    let folder = packages::unpacked_deb();
    let mut seen = 0;
    for (document, page) in documents() {
        let marked = page.lines().filter_map(|line| {
            line.strip_prefix(".Pa ")
                .or_else(|| line.strip_prefix(".It Pa "))
        });
        let ticked = page.split('`').skip(1).step_by(2);
        for path in marked.chain(ticked).flat_map(|words| words.split(' ')) {
            let path = path.trim_matches([',', '.']);
            let on_a_host = ["/etc/", "/usr/", "/var/", "/run/", "/lib/"];
            let ours = on_a_host.iter().any(|folder| path.starts_with(folder))
                && !NOT_PACKAGED.contains(&path);
            if !ours || !path.contains("jit") || path == "/var/lib/jitd" {
                continue;
            }
            let merged = path.replacen("/usr/lib/systemd", "/lib/systemd", 1);
            let there = [path, &merged]
                .iter()
                .any(|path| folder.join(&path[1..]).exists());
            assert!(there, "{document}: {path}");
            seen += 1;
        }
    }
    assert!(seen > 5, "found only {seen}");
}

/// The top folder of the project.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    fs::read_to_string(top().join(path)).expect(path)
}

/// README and the manual pages that are written by hand, by name.
fn documents() -> Vec<(String, String)> {
    let pages = fs::read_dir(top().join("packaging/man")).expect("manual pages");
    let mut paths: Vec<_> = pages
        .map(|entry| {
            format!(
                "packaging/man/{}",
                entry.expect("a page").file_name().display()
            )
        })
        .collect();
    paths.push("README.md".to_owned());
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.clone(), text(&path)))
        .collect()
}

/// What stands under a heading, up to the next of its kind.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("{heading}\n")).expect(heading);
    rest.split("\n## ").next().unwrap_or(rest)
}

/// The code blocks: their language, and what is in them.
fn blocks(section: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, usize, String)> = None;
    for line in section.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, open.take()) {
            (Some(kind), None) => {
                let indent = line.len() - line.trim_start().len();
                open = Some((kind.to_owned(), indent, String::new()));
            }
            (Some(_), Some((kind, _, content))) => blocks.push((kind, content)),
            (None, Some((kind, indent, mut content))) => {
                content.push_str(line.get(indent..).unwrap_or_default());
                content.push('\n');
                open = Some((kind, indent, content));
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The commands of a block, without the remarks behind them.
fn commands(block: &str) -> Vec<&str> {
    let lines = block
        .lines()
        .map(|line| line.split(" #").next().unwrap_or(line).trim());
    lines.filter(|line| !line.is_empty()).collect()
}

/// The words a shell would make of a simple command.
fn words(line: &str) -> Vec<String> {
    let line = line.split(" #").next().unwrap_or(line);
    let parts = line.split('"').enumerate();
    parts
        .flat_map(|(nth, part)| match nth % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// The long options in a help text, without those in its examples.
fn options(help: &str) -> BTreeSet<String> {
    let head = help.split("Examples:").next().unwrap_or(help);
    head.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 2)
        .map(str::to_owned)
        .collect()
}

/// The first log line of an event.
fn line_of<'a>(log: &'a str, event: &str) -> &'a str {
    log.lines()
        .find(|line| line.contains(&format!("event={event} ")))
        .unwrap_or_else(|| panic!("no {event} in\n{log}"))
}

/// The keys of a log line, in order.
fn keys(line: &str) -> Vec<&str> {
    let unquoted = line.split('"').step_by(2);
    unquoted
        .flat_map(str::split_whitespace)
        .filter_map(|pair| Some(pair.split_once('=')?.0))
        .collect()
}

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[track_caller]
fn parses(name: &str, content: &str) {
    let outcome = policy_file::parse(&[source(name, content)]);
    assert!(outcome.is_ok(), "{name}: {outcome:?}");
}

/// Standard output of a command that must succeed.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().expect("a program starts");
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
