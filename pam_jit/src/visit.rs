//! One call of libpam: what is there is gathered, judged, and told.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use pam::constants::{PAM_ERROR_MSG, PamResultCode};
use pam::conv::Conv;
use pam::items::{RHost, RUser, Service, Tty, User};
use pam::module::PamHandle;

use crate::arguments::Arguments;
use crate::directory::Nss;
use crate::gate::{Jitd, Place};
use crate::judge::judge;
use crate::person::Situation;
use crate::session;
use crate::syslog::{self, Origin, Severity};
use crate::verdict::Stage;

/// One stage.
pub(crate) fn decide(stage: Stage, pamh: &mut PamHandle, words: &[&CStr]) -> PamResultCode {
    silently(stage, || {
        let arguments = Arguments::parse(words);
        let seen = Seen::look(stage, pamh);
        complain(&seen, &arguments);

        let judgement = judge(&seen.situation(), &arguments, &Nss, &Jitd);
        for (severity, text) in &judgement.logged {
            if arguments.debug || *severity != Severity::Debug {
                syslog::write(seen.origin(), *severity, text);
            }
        }
        if !arguments.quiet {
            tell(pamh, &judgement.told);
        }
        judgement.verdict.code(stage)
    })
}

/// What libpam and the kernel say about a call.
struct Seen {
    stage: Stage,
    real_uid: u32,
    service: String,
    user: Option<String>,
    ruser: Option<String>,
    terminal: String,
    remote: String,
    left: Option<u64>,
}

impl Seen {
    /// In the auth stage a program may leave it to the modules to ask for the
    /// name: login does. Later, a name that is missing stays missing.
    fn look(stage: Stage, pamh: &mut PamHandle) -> Self {
        if stage == Stage::Auth && matches!(pamh.get_item::<User<'_>>(), Ok(None)) {
            let _asked_and_kept_by_libpam = pamh.get_user(None);
        }
        let left = match stage {
            Stage::Session => session::left(),
            Stage::Auth | Stage::Account => {
                session::note();
                None
            }
        };
        let text = |item: &CStr| item.to_string_lossy().into_owned();
        let service = pamh.get_item::<Service<'_>>().ok().flatten();
        let user = pamh.get_item::<User<'_>>().ok().flatten();
        let ruser = pamh.get_item::<RUser<'_>>().ok().flatten();
        let terminal = pamh.get_item::<Tty<'_>>().ok().flatten();
        let remote = pamh.get_item::<RHost<'_>>().ok().flatten();
        Self {
            stage,
            real_uid: nix::unistd::getuid().as_raw(),
            service: service.map(|item| text(item.0)).unwrap_or_default(),
            user: user.map(|item| text(item.0)),
            ruser: ruser.map(|item| text(item.0)),
            terminal: terminal.map(|item| text(item.0)).unwrap_or_default(),
            remote: remote.map(|item| text(item.0)).unwrap_or_default(),
            left,
        }
    }

    fn situation(&self) -> Situation<'_> {
        Situation {
            service: &self.service,
            real_uid: self.real_uid,
            pam_user: self.user.as_deref(),
            pam_ruser: self.ruser.as_deref(),
            stage: self.stage,
            place: Place {
                terminal: &self.terminal,
                remote: &self.remote,
                left: self.left,
            },
        }
    }

    fn origin(&self) -> Origin<'_> {
        Origin {
            service: &self.service,
            stage: self.stage,
        }
    }
}

/// Says in the log what of the PAM line was not understood.
fn complain(seen: &Seen, arguments: &Arguments) {
    for complaint in &arguments.complaints {
        syslog::write(seen.origin(), Severity::Warning, complaint);
    }
}

/// Shows lines to the person. A program that shows them nowhere is not our concern.
fn tell(pamh: &PamHandle, lines: &[String]) {
    if let Ok(Some(conversation)) = pamh.get_item::<Conv<'_>>() {
        for line in lines {
            let _shown = conversation.send(PAM_ERROR_MSG, line);
        }
    }
}

/// Runs our part of a call so that a defect of ours refuses instead of printing
/// a panic to the person's terminal, or worse.
///
/// The hook is that of the standard library linked into this module; a program
/// written in Rust has another of its own, which is not touched.
fn silently(stage: Stage, visit: impl FnOnce() -> PamResultCode) -> PamResultCode {
    let before = take_hook();
    set_hook(Box::new(|_| {}));
    let code = catch_unwind(AssertUnwindSafe(visit));
    set_hook(before);
    code.unwrap_or_else(|payload| {
        // Its destructor could panic again.
        std::mem::forget(payload);
        let origin = Origin {
            service: "?",
            stage,
        };
        syslog::write(origin, Severity::Critical, "refused: a defect in pam_jit");
        PamResultCode::PAM_ABORT
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_refuses() {
        let code = silently(Stage::Account, || panic!("defect"));
        assert_eq!(code, PamResultCode::PAM_ABORT);
    }
}
