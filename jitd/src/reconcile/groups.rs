//! Groups as such: made and removed by the shadow tools, which know the host's id ranges.

use std::path::Path;
use std::process::{Command, Stdio};

use super::ReconcileError;
use super::etc_file::EtcFile;
use crate::domain::names::GroupName;

/// Makes a system group: groupadd(8).
pub(super) fn create(group: &GroupName) -> Result<(), ReconcileError> {
    run("/usr/sbin/groupadd", &["--system", group.as_str()])
}

/// Removes a group: groupdel(8).
pub(super) fn delete(group: &GroupName) -> Result<(), ReconcileError> {
    run("/usr/sbin/groupdel", &[group.as_str()])
}

/// Accounts of /etc/passwd whose primary group this is.
pub(super) fn primary_members(etc: &Path, gid: Option<u32>) -> Result<Vec<String>, ReconcileError> {
    let (Some(gid), Some(file)) = (gid, EtcFile::read(&etc.join("passwd"))?) else {
        return Ok(Vec::new());
    };
    let text = String::from_utf8_lossy(&file.bytes).into_owned();
    Ok(text
        .lines()
        .filter(|line| line.split(':').nth(3) == Some(&gid.to_string()))
        .filter_map(|line| line.split(':').next().map(str::to_owned))
        .collect())
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
