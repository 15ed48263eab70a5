//! Who a call is about.

use std::fmt;

use crate::gate::Place;
use crate::verdict::Stage;

/// Services whose program acts for the person who called it. For these the real
/// uid says who that is, always; `PAM_USER` may be the target.
const ACTS_FOR_ITS_CALLER: [&str; 6] = ["sudo", "sudo-i", "su", "su-l", "runuser", "runuser-l"];

/// What the kernel and the program say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation<'a> {
    /// `PAM_SERVICE`.
    pub(crate) service: &'a str,
    /// The real uid of the process: the kernel's word for who started it.
    pub(crate) real_uid: u32,
    /// `PAM_USER`.
    pub(crate) pam_user: Option<&'a str>,
    /// `PAM_RUSER`.
    pub(crate) pam_ruser: Option<&'a str>,
    /// The stage.
    pub(crate) stage: Stage,
    /// Where it is.
    pub(crate) place: Place<'a>,
}

/// One person that must be let by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Person<'a> {
    /// Whoever runs the program: proven by the kernel.
    Caller(u32),
    /// Whom the program names. In the auth stage this is a claim by someone who
    /// has not authenticated yet.
    Named(&'a str),
}

impl fmt::Display for Person<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller(uid) => write!(f, "uid {uid}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// The program did not say whom the call is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoUser;

/// Everybody whom the call is about. Nobody: it is about root.
///
/// - **sudo, su, runuser**: the caller. `PAM_USER` is the person in sudo, but
///   the target in su, so a module that believes it waves `su` through as root.
///   In the session stage sudo may have become root already, and then only its
///   `PAM_RUSER`, which it takes from the real uid it started with, says who called it.
/// - **any other service, real uid 0** (sshd, login, cron): `PAM_USER`.
///   `PAM_RUSER` is never believed there: a remote shell daemon takes it from
///   the network.
/// - **any other service, another real uid**: both. In a set-uid program the
///   caller is the person and `PAM_USER` may be the target (polkit's helper); in
///   a web console that runs under an account of its own it is the other way
///   round. Nothing tells the two apart, so each of them who is managed must
///   have an elevation.
pub(crate) fn people<'a>(situation: &Situation<'a>) -> Result<Vec<Person<'a>>, NoUser> {
    let acts_for_caller = ACTS_FOR_ITS_CALLER.contains(&situation.service);
    let caller = (situation.real_uid != 0).then_some(Person::Caller(situation.real_uid));

    if acts_for_caller {
        return Ok(match (caller, situation.stage) {
            (Some(caller), _) => vec![caller],
            (None, Stage::Session) => named(situation.pam_ruser).into_iter().collect(),
            (None, Stage::Auth | Stage::Account) => Vec::new(),
        });
    }
    if situation.pam_user.is_none_or(str::is_empty) {
        return Err(NoUser);
    }
    Ok(caller
        .into_iter()
        .chain(named(situation.pam_user))
        .collect())
}

/// The person of that name, unless it is root.
fn named(name: Option<&str>) -> Option<Person<'_>> {
    name.filter(|name| !name.is_empty() && *name != "root")
        .map(Person::Named)
}

#[cfg(test)]
mod tests {
    use super::Person::{Caller, Named};
    use super::*;

    const CAROL: u32 = 1001;
    const BOTH: [Stage; 2] = [Stage::Auth, Stage::Account];
    const ALL: [Stage; 3] = [Stage::Auth, Stage::Account, Stage::Session];

    #[track_caller]
    fn check(
        service: &str,
        (real_uid, user, ruser): (u32, &str, &str),
        stages: &[Stage],
        expected: &[Person<'_>],
    ) {
        for &stage in stages {
            let situation = Situation {
                service,
                real_uid,
                pam_user: Some(user),
                pam_ruser: Some(ruser),
                stage,
                place: Place::default(),
            };
            assert_eq!(people(&situation), Ok(expected.to_vec()), "{situation:?}");
        }
    }

    #[test]
    fn sudo() {
        for service in ["sudo", "sudo-i"] {
            check(service, (CAROL, "carol", "carol"), &BOTH, &[Caller(CAROL)]);
            // With `rootpw` or `targetpw` the password asked for is another's.
            check(service, (CAROL, "root", "carol"), &BOTH, &[Caller(CAROL)]);
            check(
                service,
                (0, "root", "carol"),
                &[Stage::Session],
                &[Named("carol")],
            );
            check(
                service,
                (CAROL, "root", "carol"),
                &[Stage::Session],
                &[Caller(CAROL)],
            );
            check(service, (0, "root", "root"), &ALL, &[]);
            check(service, (0, "alice", "root"), &ALL, &[]);
        }
    }

    #[test]
    fn su() {
        for service in ["su", "su-l"] {
            check(service, (CAROL, "root", "carol"), &ALL, &[Caller(CAROL)]);
            check(service, (CAROL, "alice", "carol"), &ALL, &[Caller(CAROL)]);
            check(service, (0, "carol", "root"), &ALL, &[]);
        }
    }

    #[test]
    fn runuser() {
        for service in ["runuser", "runuser-l"] {
            check(service, (0, "carol", "root"), &ALL, &[]);
            check(service, (CAROL, "root", ""), &BOTH, &[Caller(CAROL)]);
        }
    }

    #[test]
    fn sshd_login_cron_and_unknown_services() {
        for service in ["sshd", "login", "cron", "rsh", "anything", ""] {
            check(service, (0, "carol", ""), &ALL, &[Named("carol")]);
            // The remote user is chosen by the remote.
            check(service, (0, "carol", "root"), &ALL, &[Named("carol")]);
            check(service, (0, "root", "carol"), &ALL, &[]);
        }
    }

    #[test]
    fn a_set_uid_program_and_a_web_console() {
        check("polkit-1", (CAROL, "root", ""), &ALL, &[Caller(CAROL)]);
        check(
            "polkit-1",
            (CAROL, "alice", ""),
            &ALL,
            &[Caller(CAROL), Named("alice")],
        );
        check(
            "cockpit",
            (980, "carol", ""),
            &ALL,
            &[Caller(980), Named("carol")],
        );
    }

    #[test]
    fn nobody_named() {
        for user in [None, Some("")] {
            let situation = Situation {
                service: "login",
                real_uid: 0,
                pam_user: user,
                pam_ruser: Some("root"),
                stage: Stage::Auth,
                place: Place::default(),
            };
            assert_eq!(people(&situation), Err(NoUser));
            // sudo and su do not depend on it.
            assert_eq!(
                people(&Situation {
                    service: "su",
                    real_uid: CAROL,
                    ..situation
                }),
                Ok(vec![Caller(CAROL)])
            );
        }
    }

    #[test]
    fn a_service_is_its_whole_name() {
        check("sudox", (0, "carol", "root"), &ALL, &[Named("carol")]);
        check("SU", (0, "carol", "root"), &ALL, &[Named("carol")]);
    }
}
