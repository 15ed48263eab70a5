//! Groups as such: made and removed by the shadow tools, which know the host's id ranges.

use std::process::{Command, Stdio};

use super::ReconcileError;
use crate::domain::names::GroupName;

/// Makes a system group: groupadd(8).
pub(super) fn create(group: &GroupName) -> Result<(), ReconcileError> {
    if !group.can_be_made() {
        return Err(ReconcileError::NotMade {
            group: group.to_string(),
        });
    }
    run("/usr/sbin/groupadd", &["--system", group.as_str()])
}

/// Removes a group: groupdel(8).
pub(super) fn delete(group: &GroupName) -> Result<(), ReconcileError> {
    run("/usr/sbin/groupdel", &[group.as_str()])
}

/// Runs a program to its end, with a constant environment and without a shell.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<(), ReconcileError> {
    let shown = || format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| ReconcileError::Program {
            program: shown(),
            output: error.to_string(),
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    Err(ReconcileError::Program {
        program: shown(),
        output: if said.is_empty() {
            output.status.to_string()
        } else {
            said
        },
    })
}
