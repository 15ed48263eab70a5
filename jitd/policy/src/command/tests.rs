//! What is given by what, and what is not.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Files by their paths; links are paths of the same file.
#[derive(Default)]
struct Host(BTreeMap<Vec<u8>, u64>);

impl Host {
    fn new(files: &[(&str, u64)]) -> Self {
        let files = files.iter();
        Self(
            files
                .map(|(path, inode)| (path.as_bytes().to_vec(), *inode))
                .collect(),
        )
    }

    fn debian() -> Self {
        Self::new(&[
            ("/usr/bin/id", 1),
            ("/bin/id", 1),
            ("/usr/bin/systemctl", 2),
            ("/bin/systemctl", 2),
            ("/home/carol/id", 3),
            ("/opt/tools/one", 4),
            ("/opt/tools/.two", 5),
            ("/opt/tools/sub/three", 6),
            ("/usr/bin/sh", 7),
            ("/bin/sh", 7),
            ("/usr/bin/dash", 7),
        ])
    }
}

impl Files for Host {
    fn id(&self, path: &[u8]) -> Option<FileId> {
        let inode = *self.0.get(path)?;
        Some(FileId { device: 1, inode })
    }
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

fn program(path: &str, arguments: &str) -> Command {
    Command::Program {
        paths: vec![path.as_bytes().to_vec()],
        arguments: (!arguments.is_empty()).then(|| arguments.as_bytes().to_vec()),
    }
}

fn role(commands: &[&str], run_as: &[&str], run_as_groups: &[&str]) -> Role {
    let list = |words: &[&str]| format!("{words:?}");
    let text = format!(
        "[role.it]\ncommands = {}\nrun_as = {}\nrun_as_groups = {}\nservices = [\"sudo\"]\n\
         eligible = {{ users = [\"carol\"] }}\napprovals = 0\n",
        list(commands),
        list(run_as),
        list(run_as_groups)
    );
    let source = crate::file::Source {
        path: "it".to_owned(),
        text,
    };
    let parsed = crate::file::parse(&[source]);
    let policy = parsed.unwrap_or_else(|errors| panic!("{errors:?}")).policy;
    policy.role("it").unwrap().clone()
}

fn root() -> Target {
    Target {
        user: "root".to_owned(),
        groups: vec!["root".to_owned()],
        ..Target::default()
    }
}

#[track_caller]
fn given(pattern: &str, expected: bool, commands: &[(&str, &str)]) {
    let role = role(&[pattern], &["root"], &[]);
    for (path, arguments) in commands {
        let command = program(path, arguments);
        let is_given = gives(&role, &command, &root(), &Host::debian());
        assert_eq!(is_given, expected, "{pattern}: {path} {arguments}");
    }
}

#[test]
fn a_program_goes_by_its_name_and_by_what_it_is() {
    given("ALL", true, &[("/usr/bin/id", "-u"), ("nothing", "")]);
    given(
        "/usr/bin/id",
        true,
        &[("/usr/bin/id", ""), ("/bin/id", "-u")],
    );
    given(
        "/usr/bin/id",
        false,
        &[
            ("/home/carol/id", ""),
            ("/usr/bin/systemctl", ""),
            ("/usr/bin/id/", ""),
            ("id", ""),
            ("", ""),
        ],
    );
    // The same file by another name is another command.
    given("/usr/bin/dash", false, &[("/usr/bin/sh", "")]);
    // What is not there goes by its name.
    given("/usr/bin/gone", true, &[("/usr/bin/gone", "")]);
    given("/usr/bin/gone", false, &[("/bin/gone", "")]);
}

#[test]
fn wildcards_and_folders_are_those_of_paths() {
    given("/usr/bin/i?", true, &[("/usr/bin/id", ""), ("/bin/id", "")]);
    given("/usr/bin/i?", false, &[("/home/carol/id", "")]);
    given("/opt/*/one", true, &[("/opt/tools/one", "")]);
    given("/opt/*/three", false, &[("/opt/tools/sub/three", "")]);
    given(
        "/*/systemctl",
        true,
        &[("/bin/systemctl", ""), ("/usr/bin/systemctl", "")],
    );
    given(
        "/opt/tools/",
        true,
        &[("/opt/tools/one", "-x y"), ("/opt/tools/.two", "")],
    );
    given("/opt/tools/", false, &[("/opt/tools/sub/three", "")]);
    given("/opt/tools/*", true, &[("/opt/tools/one", "")]);
    given(
        "/opt/tools/*",
        false,
        &[("/opt/tools/.two", ""), ("/opt/tools/sub/three", "")],
    );
    given("/opt/*/one", false, &[("/opt/tools/../tools/one", "")]);
    given("/opt/[[\\:alpha\\:]]*/one", true, &[("/opt/tools/one", "")]);
}

#[test]
fn arguments_are_compared_as_one_text() {
    given("/usr/bin/id \"\"", true, &[("/usr/bin/id", "")]);
    given("/usr/bin/id \"\"", false, &[("/usr/bin/id", "-u")]);
    given("/usr/bin/id -u  -n", true, &[("/usr/bin/id", "-u -n")]);
    given(
        "/usr/bin/id -u",
        false,
        &[("/usr/bin/id", "-u -n"), ("/usr/bin/id", "")],
    );
    given("/usr/bin/id -u *", true, &[("/usr/bin/id", "-u a/b c")]);
    given("/usr/bin/id a\\,b\\=c", true, &[("/usr/bin/id", "a,b=c")]);
    given("/usr/bin/id \\*", true, &[("/usr/bin/id", "*")]);
    given("/usr/bin/id \\*", false, &[("/usr/bin/id", "x")]);
    given("/usr/bin/id [!a-c]", true, &[("/usr/bin/id", "d")]);
    given("/usr/bin/id [!a-c]", false, &[("/usr/bin/id", "b")]);
    given(
        "/usr/bin/id ^-[un]{1\\,2}$",
        true,
        &[("/usr/bin/id", "-un")],
    );
    given(
        "/usr/bin/id ^-[un]{1\\,2}$",
        false,
        &[("/usr/bin/id", "-unn"), ("/usr/bin/id", "x -un")],
    );
    given("/usr/bin/id ^(?i)abc$", true, &[("/usr/bin/id", "aBc")]);
    given("/usr/bin/id ^a.c$", true, &[("/usr/bin/id", "a\nc")]);
    let nothing = Command::Program {
        paths: vec![b"/usr/bin/id".to_vec()],
        arguments: joined(&[Vec::new()]),
    };
    let role = role(&["/usr/bin/id \"\""], &["root"], &[]);
    assert!(
        !gives(&role, &nothing, &root(), &Host::debian()),
        "an empty one is one"
    );
}

#[test]
fn where_sudo_could_have_found_several_all_are_given_or_none() {
    let both = Command::Program {
        paths: vec![b"/usr/bin/id".to_vec(), b"/home/carol/id".to_vec()],
        arguments: None,
    };
    let one = role(&["/usr/bin/id"], &["root"], &[]);
    assert!(!gives(&one, &both, &root(), &Host::debian()));
    let two = role(&["/usr/bin/id", "/home/carol/id"], &["root"], &[]);
    assert!(gives(&two, &both, &root(), &Host::debian()));
    let none = Command::Program {
        paths: Vec::new(),
        arguments: None,
    };
    assert!(!gives(&two, &none, &root(), &Host::debian()));
}

#[test]
fn editing_is_given_by_its_own_words_alone() {
    let edits = |pattern: &str, names: &str| {
        let role = role(&[pattern], &["root"], &[]);
        gives(
            &role,
            &Command::Edit(names.as_bytes().to_vec()),
            &root(),
            &Host::debian(),
        )
    };
    assert!(edits("ALL", "/etc/motd"));
    assert!(edits("sudoedit /etc/motd", "/etc/motd"));
    assert!(edits("sudoedit /etc/conf.d/*", "/etc/conf.d/one"));
    assert!(!edits("sudoedit /etc/conf.d/*", "/etc/conf.d/sub/one"));
    assert!(!edits("sudoedit /etc/motd", "/etc/motd /etc/shadow"));
    assert!(!edits("/usr/bin/sudoe", "/etc/motd"));
    given(
        "sudoedit /etc/motd",
        false,
        &[("/usr/bin/sudoedit", "/etc/motd")],
    );
}

#[test]
fn as_whom_and_with_which_group() {
    let runs = |run_as: &[&str], groups: &[&str], target: &Target| {
        let role = role(&["ALL"], run_as, groups);
        gives(&role, &program("/usr/bin/id", ""), target, &Host::debian())
    };
    let bob = Target {
        user: "bob".to_owned(),
        uid: 1002,
        user_said: true,
        groups: vec!["bob".to_owned(), "www".to_owned()],
        ..Target::default()
    };
    assert!(runs(&["root"], &[], &root()) && !runs(&["root"], &[], &bob));
    for users in [&["bob"], &["%www"], &["ALL"]] {
        assert!(runs(users, &[], &bob), "{users:?}");
    }
    assert!(!runs(&["%adm"], &[], &bob) && !runs(&["bob"], &[], &root()));
    let with = |group: &str, target: &Target| Target {
        group: Some(group.to_owned()),
        ..target.clone()
    };
    assert!(runs(&["bob"], &["adm"], &with("adm", &bob)));
    assert!(runs(&["bob"], &["ALL"], &with("adm", &bob)));
    assert!(!runs(&["bob"], &[], &with("adm", &bob)));
    assert!(runs(&["bob"], &[], &with("www", &bob)), "its own");
    assert!(!runs(&["root"], &["adm"], &with("adm", &bob)));
    let carol = Target {
        user: "carol".to_owned(),
        uid: 1001,
        is_asker: true,
        groups: vec!["carol".to_owned()],
        ..Target::default()
    };
    // sudo -g adm, which leaves her who she is.
    assert!(runs(&["root"], &["adm"], &with("adm", &carol)));
    assert!(!runs(&["root"], &[], &with("adm", &carol)));
}

#[track_caller]
fn asks(line: &str, user: Option<&str>, what: What) {
    let expected = Asked::Run {
        what,
        user: user.map(|user| user.as_bytes().to_vec()),
        group: None,
    };
    assert_eq!(
        asked(&words(line), Reader::Sudo),
        Ok(expected.clone()),
        "{line}"
    );
    let other = asked(&words(line), Reader::SudoRs);
    let differs = line.starts_with("/usr/bin/sudoedit") || line.contains("sudo A.B=");
    assert!(
        differs || other.is_err() || other == Ok(expected),
        "{line}: {other:?}"
    );
}

fn runs(name: &str, arguments: &str) -> What {
    let arguments = if arguments.is_empty() {
        Vec::new()
    } else {
        words(arguments)
    };
    What::Program(name.as_bytes().to_vec(), arguments)
}

fn shell(login: bool, line: &str) -> What {
    let words = if line.is_empty() {
        Vec::new()
    } else {
        words(line)
    };
    What::Shell { login, words }
}

#[test]
fn command_lines_are_read_as_sudo_does() {
    asks("sudo id", None, runs("id", ""));
    asks("sudo -n id -u bob", None, runs("id", "-u bob"));
    for line in [
        "sudo -u bob id",
        "sudo -ubob id",
        "sudo -nubob id",
        "sudo -nu bob id",
        "sudo --user=bob id",
        "sudo --user bob id",
        "sudo --us=bob id",
        "sudo --us bob id",
        "sudo -u bob -- id",
        "sudo A=b -u bob C=d id",
        "sudo --preserve-env=A,B -u bob id",
        "sudo --preserve-e -u bob id",
        "sudo -h here -u bob id",
        "sudo -hhere -u bob id",
        "sudo -C 5 -p what -T 3 -D / -u bob id",
        "sudo -k -u bob id",
    ] {
        asks(line, Some("bob"), runs("id", ""));
    }
    asks("sudo -- -x", None, runs("-x", ""));
    asks("sudo -- A=b id", None, runs("A=b", "id"));
    asks("sudo /bin/a=b id", None, runs("/bin/a=b", "id"));
    asks("sudo A.B=c id", None, runs("id", ""));
    asks("sudo -s", None, shell(false, ""));
    asks("sudo", None, shell(false, ""));
    asks("sudo -i id -u", None, shell(true, "id -u"));
    asks("sudo --login id", None, shell(true, "id"));
    asks("sudo -e /etc/motd", None, What::Edit(words("/etc/motd")));
    asks(
        "sudo sudoedit /etc/motd",
        None,
        What::Edit(words("/etc/motd")),
    );
    asks(
        "/usr/bin/sudoedit -u bob /a /b",
        Some("bob"),
        What::Edit(words("/a /b")),
    );
    for nothing in [
        "sudo -l",
        "sudo -ll",
        "sudo -l id",
        "sudo -v",
        "sudo -k",
        "sudo -K",
        "sudo -V",
        "sudo -h",
        "sudo --list",
        "sudo -l -U bob id",
    ] {
        assert_eq!(
            asked(&words(nothing), Reader::Sudo),
            Ok(Asked::Nothing),
            "{nothing}"
        );
    }
    for unclear in [
        "sudo -u",
        "sudo -u bob -u root id",
        "sudo -R /srv id",
        "sudo -i -s id",
        "sudo -e",
        "sudo -x id",
        "sudo --pre id",
        "sudo --nonsense id",
        "sudo -l -e /etc/motd",
        "lt-sudoedit /etc/motd",
    ] {
        assert_eq!(
            asked(&words(unclear), Reader::Sudo),
            Err(Unclear),
            "{unclear}"
        );
    }
    assert_eq!(asked(&[], Reader::Sudo), Err(Unclear));
}

#[test]
fn a_shell_runs_what_sudo_escapes_for_it() {
    let line = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        of_shell(&words).map(|line| String::from_utf8(line).unwrap())
    };
    assert_eq!(line(&[]), None);
    assert_eq!(line(&["id", "-u"]).unwrap(), "-c id -u");
    assert_eq!(line(&["echo", "a b;c"]).unwrap(), "-c echo a\\ b;c");
    assert_eq!(line(&["a\\b"]).unwrap(), "-c a\\b");
}

#[test]
fn regular_expressions_that_mean_something_else_elsewhere_are_refused() {
    for good in [
        "^a|b$",
        "^[]x]+$",
        "^[^]]$",
        "^(a|b)*$",
        "^[a-z_.@-]+$",
        "^a{2,}$",
        "^\\.\\*$",
    ] {
        check_regular(good).unwrap();
    }
    for bad in [
        "^(a)\\1$",
        "^a**$",
        "^a+?$",
        "^(?:a)$",
        "^a{x}$",
        "^[[.a.]]$",
        "^[a$",
        "^\\<a$",
        "^*$",
    ] {
        assert!(check_regular(bad).is_err(), "{bad}");
    }
    let matches = |pattern: &str, text: &str| {
        regular::compile(pattern.as_bytes())
            .unwrap()
            .is_match(text.as_bytes())
    };
    // A backslash between brackets is itself.
    assert!(matches("^[\\d]$", "\\") && matches("^[\\d]$", "d") && !matches("^[\\d]$", "5"));
    assert!(matches("^\\d$", "d") && !matches("^\\d$", "5"));
    assert!(matches("^[a&&b]$", "&") && matches("^[a~~b]$", "~"));
    assert!(!matches("^a$", "a\n"));
}

proptest! {
    /// What a pattern without anything special in it matches is itself.
    #[test]
    fn plain_text_is_itself(text in "[a-z/. -]{0,20}", other in "[a-z/. -]{0,20}") {
        prop_assert_eq!(glob::matches(text.as_bytes(), other.as_bytes()), text == other);
        let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
        prop_assert!(glob::matches(escaped.as_bytes(), text.as_bytes()));
    }

    /// Whatever the bytes, nothing panics, and a star takes all.
    #[test]
    fn any_bytes(
        pattern in prop::collection::vec(any::<u8>(), 0..30),
        text in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let _ = glob::matches(&pattern, &text);
        let _ = glob::matches_path(&pattern, &text, glob::Dots::Alone);
        let _ = regular::compile(&pattern).map(|it| it.is_match(&text));
        prop_assert!(glob::matches(b"*", &text));
        let starred: Vec<u8> = [b"*".as_slice(), &escape(&text), b"*"].concat();
        prop_assert!(glob::matches(&starred, &text));
    }

    /// Whatever people type, it is read or not understood; and what comes after a first word that
    /// is no option is never an option.
    #[test]
    fn any_command_line(
        options in prop::collection::vec("(-[a-zA-Z]{1,3}|--[a-z-]{1,9}|[a-z]{1,4}=[a-z]{0,3})", 0..5),
        rest in prop::collection::vec("[a-zA-Z=-]{0,6}", 0..4),
    ) {
        let line: Vec<Vec<u8>> = ["sudo".to_owned()].into_iter().chain(options)
            .chain(["--".to_owned(), "/bin/it".to_owned()]).chain(rest.clone())
            .map(String::into_bytes).collect();
        let rest: Vec<_> = rest.into_iter().map(String::into_bytes).collect();
        for reader in [Reader::Sudo, Reader::SudoRs] {
            if let Ok(Asked::Run { what: What::Program(name, arguments), .. }) = asked(&line, reader)
                && name == b"/bin/it"
            {
                prop_assert_eq!(&arguments, &rest);
            }
        }
    }
}

fn escape(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|byte| [b'\\', *byte]).collect()
}
