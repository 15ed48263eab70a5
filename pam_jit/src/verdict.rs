//! The map from what was decided to what libpam is told.

use std::fmt;

use pam::constants::PamResultCode;

/// A stage of PAM in which something depends on who the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `pam_authenticate`: who are you?
    Auth,
    /// `pam_acct_mgmt`: may you, now? The gate; sudo and sshd never skip it.
    Account,
    /// `pam_open_session` and `pam_close_session`.
    Session,
}

/// The words of the first column of a PAM line, as pam's own log lines have them.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Session => "session",
        })
    }
}

/// What was decided about one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No objection: root, not managed, or an elevation opens the service.
    LetBy,
    /// Refused.
    Refused,
    /// There is no such account. Nobody can become it, so there is nothing to
    /// refuse; what an unknown name looks like from outside is the business of
    /// the modules after us.
    NotOurs,
    /// The program did not say who it is about.
    NoUser,
}

impl Verdict {
    /// The code that says this in that stage.
    ///
    /// **Auth** never gives success: the line stands first in its stack, and a
    /// success of ours would authenticate people wherever the modules after it
    /// are optional or ignored. A stack of nothing but `PAM_IGNORE` fails, which
    /// is the closed side. A refusal is `PAM_CRED_INSUFFICIENT`, which ends sudo,
    /// sudo-rs and su at once; the more obvious `PAM_AUTH_ERR` and
    /// `PAM_PERM_DENIED` make sudo ask for a password three times.
    ///
    /// **Account** gives success when it has no objection: success there
    /// authenticates nobody and takes back no refusal of another module, while
    /// `PAM_IGNORE` from the only account module of a service would lock
    /// everybody out, root included. A refusal is `PAM_PERM_DENIED`, which sudo
    /// and sshd report as what it is.
    ///
    /// **Session**: what could not be registered does not start. sudo goes on after a
    /// `PAM_SESSION_ERR` as if nothing were; `PAM_PERM_DENIED` ends it, and su, sshd and login too.
    pub(crate) fn code(self, stage: Stage) -> PamResultCode {
        match (stage, self) {
            (Stage::Session, Self::LetBy | Self::NotOurs) | (Stage::Account, Self::LetBy) => {
                PamResultCode::PAM_SUCCESS
            }
            (Stage::Auth, Self::LetBy) | (_, Self::NotOurs) => PamResultCode::PAM_IGNORE,
            (Stage::Auth, Self::Refused) => PamResultCode::PAM_CRED_INSUFFICIENT,
            (_, Self::Refused) => PamResultCode::PAM_PERM_DENIED,
            (_, Self::NoUser) => PamResultCode::PAM_USER_UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auth_never_succeeds() {
        for verdict in [
            Verdict::LetBy,
            Verdict::Refused,
            Verdict::NotOurs,
            Verdict::NoUser,
        ] {
            assert_ne!(verdict.code(Stage::Auth), PamResultCode::PAM_SUCCESS);
        }
    }

    #[test]
    fn account_succeeds_only_when_let_by() {
        assert_eq!(
            Verdict::LetBy.code(Stage::Account),
            PamResultCode::PAM_SUCCESS
        );
        for verdict in [Verdict::Refused, Verdict::NotOurs, Verdict::NoUser] {
            assert_ne!(verdict.code(Stage::Account), PamResultCode::PAM_SUCCESS);
        }
    }

    #[test]
    fn refusals_end_the_program_at_once() {
        assert_eq!(
            Verdict::Refused.code(Stage::Auth),
            PamResultCode::PAM_CRED_INSUFFICIENT
        );
        for stage in [Stage::Account, Stage::Session] {
            assert_eq!(Verdict::Refused.code(stage), PamResultCode::PAM_PERM_DENIED);
        }
    }
}
