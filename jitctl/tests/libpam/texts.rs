//! Service files made by chance, ugly ones among them.

use proptest::collection::vec;
use proptest::prelude::*;

pub const CODES: [&str; 31] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
];

/// A file may include those that come after it.
const NAMES: [&str; 5] = ["scene", "other", "one", "two", "three"];

/// Name and content of each file. `FOLDER` in them is where they are.
#[derive(Debug, Clone)]
pub struct Texts(Vec<(&'static str, String)>);

impl Texts {
    pub fn in_folder(self, folder: &str) -> Self {
        let put = |(name, text): (_, String)| (name, text.replace("FOLDER", folder));
        Self(self.0.into_iter().map(put).collect())
    }

    pub fn with_scene(mut self, scene: String) -> Self {
        self.0.retain(|(name, _)| *name != "scene");
        self.0.push(("scene", scene));
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_str()))
    }
}

pub fn texts() -> impl Strategy<Value = Texts> {
    let of = |at: usize| (prop::option::weighted(0.9, text(at)), Just(NAMES[at]));
    let all: Vec<_> = (0..NAMES.len()).map(of).collect();
    all.prop_map(|files| {
        let there = files.into_iter();
        Texts(
            there
                .filter_map(|(text, name)| Some((name, text?)))
                .collect(),
        )
    })
}

fn text(at: usize) -> impl Strategy<Value = String> {
    let lines = vec(line(at), 0..7);
    (lines, prop::bool::weighted(0.8)).prop_map(|(lines, finished)| {
        let mut text = lines.concat();
        if !finished {
            text.pop();
        }
        text
    })
}

fn line(at: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (dash(), stage(), control(), gap(), module(), end())
            .prop_map(|(dash, stage, control, gap, module, end)| {
                format!("{dash}{stage}{gap}{control}{gap}{module}{end}")
            }),
        3 => (stage(), prop_oneof![Just("include"), Just("substack")], target(at), gap(), end())
            .prop_map(|(stage, how, target, gap, end)| format!("{stage}{gap}{how} {target}{end}")),
        1 => (target(at), gap(), end())
            .prop_map(|(target, gap, end)| format!("@include{gap}{target}{end}")),
        1 => prop_oneof![
            Just("# a comment\n"), Just("\n"), Just(" \t\n"), Just("# goes on \\\n"), Just(" # x\n"),
            Just("auth\n"), Just("auth required\n"), Just("what is this\n"), Just("\r\n"),
            Just("\\\n"), Just("account\n"),
        ].prop_map(str::to_owned),
        1 => (990_usize..1060, stage()).prop_map(|(length, stage)| {
            format!("{stage} optional pam_permit.so {}\n", "x ".repeat(length / 2))
        }),
        1 => (1000_usize..1100).prop_map(|length| format!("#{}\n", " auth".repeat(length / 5))),
    ]
}

fn dash() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => Just(""), 1 => Just("-"), 1 => Just(" \t")]
}

fn stage() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => Just("auth"), 6 => Just("account"), 6 => Just("session"),
        1 => Just("password"), 1 => Just("SESSION"), 1 => Just("-session"),
    ]
}

fn gap() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        12 => Just(" "), 2 => Just("\t  "), 1 => Just(" \\\n"), 1 => Just(" \\ \t\n  "),
        1 => Just(" \\\n\n"), 1 => Just(" \\\n# c\n"),
    ]
}

fn end() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        14 => Just("\n"), 2 => Just(" # why\n"), 1 => Just("\r\n"), 1 => Just(" [a b\\] c]d\n"),
        1 => Just("#\\\n"),
    ]
}

fn target(at: usize) -> impl Strategy<Value = String> {
    let later = NAMES[at.max(1) + 1..].to_vec();
    let later = if later.is_empty() {
        vec!["missing"]
    } else {
        later
    };
    prop_oneof![
        12 => prop::sample::select(later).prop_map(|name| format!("FOLDER/{name}")),
        1 => Just("FOLDER/missing".to_owned()),
    ]
}

fn control() -> impl Strategy<Value = String> {
    const WORDS: [&str; 6] = [
        "required",
        "requisite",
        "sufficient",
        "optional",
        "Required",
        "wrong",
    ];
    let pair = prop_oneof![
        20 => (code(), action()).prop_map(|(code, action)| format!("{code}={action}")),
        1 => Just("success = ok".to_owned()),
        1 => Just("success".to_owned()),
        1 => Just("success=okdefault=die".to_owned()),
    ];
    prop_oneof![
        4 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned),
        4 => vec(pair, 0..5).prop_map(|pairs| format!("[{}]", pairs.join(" "))),
    ]
}

fn code() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("success"), 4 => Just("default"), 2 => Just("new_authtok_reqd"),
        2 => Just("ignore"), 2 => prop::sample::select(&CODES[..]),
    ]
}

fn action() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &[
            "ignore", "ok", "done", "bad", "die", "reset", "1", "2", "3", "7", "0",
        ][..],
    )
}

fn module() -> impl Strategy<Value = String> {
    let debug = (code_of_module(), code_of_module(), code_of_module()).prop_map(
        |(auth, account, session)| {
            format!("pam_debug.so auth={auth} acct={account} open_session={session}")
        },
    );
    prop_oneof![
        2 => Just("pam_permit.so".to_owned()),
        1 => Just("pam_deny.so".to_owned()),
        1 => Just("pam_no_such_module.so".to_owned()),
        3 => (0_u8..100).prop_map(|number| format!("pam_echo.so {number}")),
        6 => debug,
    ]
}

fn code_of_module() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("success"), 2 => Just("ignore"), 2 => Just("session_err"),
        1 => Just("new_authtok_reqd"), 4 => prop::sample::select(&CODES[..]),
    ]
}
