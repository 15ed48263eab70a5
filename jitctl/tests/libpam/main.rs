//! `jitctl::pam` does what libpam does: stacks made by chance, through the model and through the
//! libpam of this machine.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test says what went wrong by ending, and nobody uses its items"
)]

mod real;
mod texts;

use jitctl::pam::Stage;
use jitctl::pam::control::Code;
use jitctl::pam::folder::{Files, pam_path};
use jitctl::pam::line::Reader;
use jitctl::pam::stack::{self, Broken, Handler, Kind};
use jitctl::pam::walk::walk;
use jitctl::setup::plan;
use proptest::prelude::*;

use real::{Folder, is_from_1_7};
use texts::{Texts, texts};

const STAGES: [Stage; 3] = [Stage::Auth, Stage::Account, Stage::Session];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever the gate lets by finds what was there before it; whom it refuses does not get in,
    /// whatever else is in the files.
    #[test]
    fn setup_keeps_what_files_mean(texts in texts()) {
        let folder = Folder::new();
        let before = texts.in_folder(folder.path());
        let files = files(&before, folder.path());
        let plan = plan::install(&files, &["managed".to_owned()], &["scene".to_owned()]);
        let Ok(changes) = plan else {
            // Told, and nothing is changed.
            return Ok(());
        };
        let path = pam_path("scene");
        let change = changes.iter().find(|change| change.path == path);
        let Some(after) = change.and_then(|change| change.after.as_deref()) else {
            return Ok(());
        };
        let after = String::from_utf8(after.to_vec()).unwrap();
        let after = after.replace("include   other", &format!("include   {}/other", folder.path()));
        let with_ours = |says: &str| {
            let ours = format!("pam_debug.so {says}");
            before.clone().with_scene(after.replace("pam_jit.so", &ours))
        };
        let let_by = with_ours("auth=ignore acct=success open_session=success");
        let refused = with_ours("auth=cred_insufficient acct=perm_denied open_session=perm_denied");
        for stage in STAGES {
            let ask = |texts: &Texts| {
                folder.write(texts);
                folder.ask(stage).0
            };
            let [old, new, refused_all] = [&before, &let_by, &refused].map(ask);
            prop_assert_eq!(old == 0, new == 0, "{} of {:#?}", stage, let_by);
            prop_assert_ne!(refused_all, 0, "{} of {:#?}", stage, refused);
        }
    }

    #[test]
    fn the_model_does_what_libpam_does(texts in texts()) {
        let folder = Folder::new();
        let texts = texts.in_folder(folder.path());
        folder.write(&texts);
        for stage in STAGES {
            let model = match model(&texts, stage, folder.path()) {
                Err(Broken::Endless(_)) => panic!("none of these includes itself"),
                // A crash, or whatever the stack happens to hold.
                Err(Broken::Undefined { .. }) => continue,
                model => model,
            };
            let real = folder.ask(stage);
            let Ok(model) = model else {
                prop_assert_eq!(real.0, ABORT, "{} of {:#?}", stage, texts);
                continue;
            };
            prop_assert_eq!(model, real, "{} of {:#?}", stage, texts);
        }
    }
}

const ABORT: u8 = 26;

/// The code, and what was said on the way.
type Outcome = (u8, Vec<String>);

fn model(texts: &Texts, stage: Stage, folder: &str) -> Result<Outcome, Broken> {
    let files = files(texts, folder);
    let reader = if is_from_1_7() {
        Reader::From17
    } else {
        Reader::Until16
    };
    let service = stack::load(&files, "scene", reader)?;
    let stack = service.stage(stage);
    let (code, asked) = walk(stack, |at| answer(&stack[at], stage));
    let said = asked.into_iter().filter_map(|at| said(&stack[at], stage));
    Ok((code.0, said.collect()))
}

fn files(texts: &Texts, folder: &str) -> Files {
    let mut files = Files::default();
    for (name, text) in texts.iter() {
        let path = match name {
            "scene" | "other" => pam_path(name),
            name => format!("{}/{name}", folder.trim_start_matches('/')),
        };
        files.contents.insert(path, text.as_bytes().to_vec());
    }
    files
}

/// What a module says when it is asked.
fn said(handler: &Handler, stage: Stage) -> Option<String> {
    match handler.name() {
        _ if handler.kind != Kind::Module => None,
        "pam_echo.so" => Some(handler.arguments.join(" ")),
        "pam_debug.so" => {
            let code = debug(handler, stage)?;
            Some(format!("{}{}", key(stage), texts::CODES[code]))
        }
        _ => None,
    }
}

fn debug(handler: &Handler, stage: Stage) -> Option<usize> {
    let said = handler.arguments.iter();
    let mut said = said.filter_map(|argument| argument.strip_prefix(key(stage)));
    let said = said.next()?;
    texts::CODES.iter().position(|code| *code == said)
}

const fn key(stage: Stage) -> &'static str {
    match stage {
        Stage::Auth => "auth=",
        Stage::Account => "acct=",
        Stage::Session | Stage::Password => "open_session=",
    }
}

/// What the modules of the texts answer.
fn answer(handler: &Handler, stage: Stage) -> Code {
    match handler.name() {
        "pam_permit.so" | "pam_echo.so" => Code::SUCCESS,
        "pam_deny.so" if stage == Stage::Session => Code::SESSION_ERR,
        "pam_deny.so" => Code::AUTH_ERR,
        "pam_debug.so" => {
            debug(handler, stage).map_or(Code::SUCCESS, |at| Code(u8::try_from(at).unwrap()))
        }
        // There is no such module.
        _ => Code(28),
    }
}
