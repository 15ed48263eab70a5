//! Whatever commands, users and holders a policy gets past the reader, sudo understands what is
//! written of them. The variable VISUDO names the program that is asked, or several.
//!
//! What is tried grows from a number: sudo is another process, so that nothing would tell the
//! fuzzer which bytes matter to it.

#![no_main]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use jitd_policy::domain::desired::{Desired, Holder};
use jitd_policy::domain::names::UserName;
use jitd_policy::domain::policy::Policy;
use jitd_policy::file::{Source, parse};
use jitd_policy::sudoers::{self, Dialect};
use libfuzzer_sys::{Corpus, fuzz_target};
use toml::Value;

/// A cvtsudoers, to see that no command is taken for two, or for a part of one.
static CVTSUDOERS: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::var_os("CVTSUDOERS").map(PathBuf::from));

static VISUDO: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    let paths = std::env::var_os("VISUDO").expect("VISUDO names visudo, or several with colons");
    std::env::split_paths(&paths).collect()
});

/// What means something to sudo, among what does not.
const PALETTE: &[&str] = &[
    "a",
    "b",
    "Z",
    "0",
    "é",
    "/",
    ".",
    "-",
    "_",
    " ",
    "\\",
    "\\\\",
    ",",
    "\\,",
    ":",
    "\\:",
    "=",
    "\\=",
    "#",
    "\\#",
    "\\ ",
    "\"",
    "\"\"",
    "!",
    "\\!",
    "*",
    "\\*",
    "?",
    "[",
    "]",
    "\\[",
    "^",
    "\\^",
    "$",
    "(",
    ")",
    "{",
    "}",
    "+",
    "~",
    "@",
    "%",
    "&",
    "|",
    ";",
    "<",
    ">",
    "'",
    "`",
    "ALL",
    "NOPASSWD:",
    "sudoedit",
    "sha224:",
    "Defaults",
    "\u{a0}",
    "\u{202e}",
    "\n",
    "\t",
];

fuzz_target!(|seed: u64| -> Corpus {
    let mut dice = Dice(seed);
    let Some(policy) = granted(&mut dice) else {
        return Corpus::Reject;
    };
    let mut holders: BTreeSet<Holder> = (0..dice.roll(3))
        .filter_map(|uid| Some((UserName::new(&dice.text()).ok()?, uid)))
        .collect();
    holders.extend(UserName::new("carol").map(|name| (name, 1001)));
    let roles = policy.roles.keys().cloned();
    let desired = Desired {
        holders: roles.map(|role| (role, holders.clone())).collect(),
        ..Desired::default()
    };
    let text = sudoers::render(&policy, &desired, Dialect::of_host());
    let rules = holders.len() * policy.roles.len();
    let settings = Dialect::of_host() == Dialect::Sudo;
    let recorded = settings && policy.roles.values().any(|role| role.record);
    let rules = rules + if recorded { holders.len() } else { 0 };
    let (strangers, given): (Vec<_>, Vec<_>) =
        sudoers::rules(&text).partition(|rule| rule.ends_with(" ALL=(ALL : ALL) !ALL"));
    assert_eq!(given.len(), rules, "{text}");
    for visudo in VISUDO.iter() {
        match sudoers::complaint(visudo, &text) {
            Ok(None) => {}
            Ok(Some(complaint)) => panic!("{}: {complaint}\n{text}", visudo.display()),
            Err(error) => panic!("{}: {error}", visudo.display()),
        }
    }
    if let Some(cvtsudoers) = CVTSUDOERS.as_deref() {
        let commands = policy.roles.values().map(|role| role.commands.len());
        let expected = commands.sum::<usize>() * holders.len() + strangers.len();
        assert_eq!(counted(cvtsudoers, &text), expected, "{text}");
    }
    Corpus::Keep
});

/// How many commands sudo reads in a text.
fn counted(cvtsudoers: &Path, text: &str) -> usize {
    let file = std::env::temp_dir().join(format!("jitd-fuzz-{}", std::process::id()));
    std::fs::write(&file, text).expect("a folder for temporary files");
    let output = Command::new(cvtsudoers)
        .args(["-c", "", "-f", "json"])
        .arg(&file)
        .output()
        .expect("cvtsudoers runs");
    String::from_utf8_lossy(&output.stdout)
        .matches("{ \"command\": ")
        .count()
}

/// A policy of what the reader lets through.
fn granted(dice: &mut Dice) -> Option<Policy> {
    let mut text = String::new();
    for _ in 0..=dice.roll(2) {
        let commands = (0..12).map(|_| dice.command()).collect();
        let commands = passing("commands", commands, "");
        let people = (0..3).map(|_| dice.text()).collect::<Vec<_>>();
        let run_as = passing("run_as", people.clone(), "commands = [\"ALL\"]");
        let groups = passing("run_as_groups", people, "commands = [\"ALL\"]");
        if commands.is_empty() {
            continue;
        }
        let mut lines = vec![
            format!("commands = {}", Value::Array(commands)),
            format!("run_as_groups = {}", Value::Array(groups)),
            format!("record = {}", dice.roll(2) == 0),
        ];
        if !run_as.is_empty() {
            lines.push(format!("run_as = {}", Value::Array(run_as)));
        }
        let name = Value::String(dice.text()).to_string();
        for name in [name, "a".to_owned()] {
            let more = format!("{text}{}", written(&name, &lines.join("\n")));
            // One of the same name, or of an impossible one, is left out.
            if parsed(&more).is_some() {
                text = more;
                break;
            }
        }
    }
    parsed(&text).filter(|policy| !policy.roles.is_empty())
}

/// The values that the reader takes for a key.
fn passing(key: &str, values: Vec<String>, others: &str) -> Vec<Value> {
    let passes = |value: &Value| {
        let lines = format!("{key} = [{value}]\n{others}");
        parsed(&written("a", &lines)).is_some()
    };
    let values = values.into_iter().map(Value::String);
    values.filter(passes).collect()
}

fn written(name: &str, lines: &str) -> String {
    let rest = "services = [\"sudo\"]\neligible.users = [\"carol\"]\napprovals = 0\n";
    format!("[role.{name}]\n{lines}\n{rest}")
}

fn parsed(text: &str) -> Option<Policy> {
    let source = Source {
        path: "jitd.toml".to_owned(),
        text: text.to_owned(),
    };
    parse(&[source]).ok().map(|loaded| loaded.policy)
}

/// Chance that comes out the same for the same number.
struct Dice(u64);

impl Dice {
    /// One of so many.
    fn roll(&mut self, sides: u32) -> u32 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 33) as u32 % sides
    }

    fn text(&mut self) -> String {
        let length = self.roll(6);
        let piece = |_| PALETTE[self.roll(PALETTE.len() as u32) as usize];
        (0..length).map(piece).collect()
    }

    fn command(&mut self) -> String {
        let (path, others) = (self.text(), self.text());
        match self.roll(8) {
            0 => path,
            1 => format!("/{path} \"\""),
            2 => format!("/{path} ^{others}$"),
            3 => format!("sudoedit /{path}"),
            4 | 5 => format!("/{path}"),
            _ => format!("/{path} {others}"),
        }
    }
}
