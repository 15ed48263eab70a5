//! What runs and what is installed on this host.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use jitd_api::{Elevation, GATE_SOCKET};
use jitd_policy::domain::policy::Policy;
use jitd_policy::domain::rules::Backend;
use jitd_policy::nsswitch::{self, Unfit};

use crate::commands::sudoers::Sudoers;
use crate::doctor::{Finding, sudo};
use crate::setup::prove;

pub(super) fn starts_at_boot() -> Finding {
    let check = "jitd.service";
    match said("systemctl", &["is-enabled", "jitd.service"]).as_deref() {
        Some("enabled") => Finding::ok(check, "starts at boot"),
        None => Finding::warning(check, "there is no systemctl to say whether it starts at boot"),
        Some(state) => Finding::problem(
            check,
            format!(
                "does not start at boot ({}): until somebody calls it, managed people are refused and nothing is taken back",
                if state.is_empty() { "not found" } else { state }
            ),
        )
        .next("systemctl enable --now jitd"),
    }
}

/// Whether something would end what is active if jitd died.
pub(super) fn enforcer(active: Option<&[Elevation]>) -> Finding {
    let check = "second enforcer";
    let unit = "jitd-enforce@.service";
    // Of a template there is something to say only as of one made from it.
    let one = [
        "show",
        "--property=LoadState",
        "--value",
        "jitd-enforce@0.service",
    ];
    match said("systemctl", &one).as_deref() {
        Some("loaded") => {}
        None => return Finding::warning(check, "there is no systemctl to ask"),
        Some(state) => {
            return Finding::problem(
                check,
                format!("{unit} is {state}: while jitd is dead, nothing ends"),
            )
            .next(match state {
                "masked" => format!("systemctl unmask {unit}"),
                _ => "install the package jitd again".to_owned(),
            });
        }
    }
    let without = active.unwrap_or_default().iter().find(|elevation| {
        let second = elevation.ends_at.unwrap_or_default().saturating_add(999) / 1000;
        let timer = format!("jitd-enforce@{second}.timer");
        let state = said(
            "systemctl",
            &["show", "--property=ActiveState", "--value", &timer],
        );
        state.as_deref() != Some("active")
    });
    match without {
        None => Finding::ok(check, "there, for when jitd is dead"),
        Some(elevation) => Finding::problem(
            check,
            format!(
                "no timer is set for the end of elevation {}: with jitd dead, it would not end",
                elevation.id
            ),
        )
        .next("systemctl restart jitd"),
    }
}

/// A command's first line; nothing where it cannot be run.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let text = all_said(program, arguments)?;
    Some(text.lines().next().unwrap_or_default().to_owned())
}

/// What a program says; nothing where it is not there.
pub(super) fn all_said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

pub(super) fn socket() -> Finding {
    let check = "gate's socket";
    match UnixStream::connect(GATE_SOCKET) {
        Ok(_) => Finding::ok(check, format!("somebody listens at {GATE_SOCKET}")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Finding::unseen(check),
        Err(error) => Finding::problem(
            check,
            format!("nobody listens at {GATE_SOCKET} ({error}): managed people are refused"),
        )
        .next("systemctl restart jitd"),
    }
}

/// Whether the host sees what the policy has kept in /run/userdb; nothing to say where it keeps
/// nothing there.
pub(super) fn name_service(root: &Path, policy: &Policy) -> Option<Finding> {
    if policy.membership != Backend::Userdb {
        return None;
    }
    let check = "nsswitch.conf";
    let path = root.join(nsswitch::PATH.trim_start_matches('/'));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    Some(match nsswitch::unfit(&text) {
        None => Finding::ok(check, "memberships in /run/userdb are seen"),
        Some(unfit) => {
            let finding = match unfit {
                Unfit::Unseen => Finding::problem(check, "memberships in /run/userdb are not seen"),
                Unfit::Unlisted => {
                    Finding::warning(check, "getent(1) does not list memberships in /run/userdb")
                }
            };
            finding.next(unfit.advice())
        }
    })
}

pub(super) fn module(root: &Path) -> Finding {
    match prove::module_is_installed(root) {
        Ok(()) => Finding::ok("module", "pam_jit.so is where libpam looks"),
        Err(why) => Finding::problem("module", why).next("install the package jitd again"),
    }
}

/// Classic sudo's options; sudo-rs has none of them.
pub(super) fn settings(read: &Sudoers) -> Finding {
    let sudoers = format!("/{}", sudo::SUDOERS);
    if File::open(&sudoers).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
        return sudo::settings_unseen(None);
    }
    match read {
        Sudoers::Parsed(document) => sudo::settings(document),
        Sudoers::Wrong(why) => sudo::settings_unseen(Some(why)),
        Sudoers::NoParser => sudo::settings_unseen(Some(
            "there is no cvtsudoers to say whether sudo asks PAM for sessions",
        )),
    }
}
