//! Groups as drop-ins for nss-systemd(8): `/run/userdb/NAME.group`, and a link to it by its
//! number (systemd-userdbd.service(8)).

use std::os::unix::fs::symlink;
use std::path::Path;

use nix::unistd::{Gid, Group};
use serde_json::{Value, json};

use super::ReconcileError;
use super::group_file::GroupFile;
use super::userdb::{put, remove};
use crate::domain::names::GroupName;
use crate::paths;

/// The numbers of system groups where login.defs(5) does not say.
const SYSTEM: (u32, u32) = (101, 999);

/// By this jitd knows its own.
const SERVICE: &str = "jitd";

/// The number of a group that is a drop-in, whoever made it.
pub(super) fn gid_of(folder: &Path, group: &GroupName) -> Option<u32> {
    let record = read(folder, group)?;
    record.get("gid")?.as_u64()?.try_into().ok()
}

/// Whether there is one that jitd made.
pub(super) fn is_ours(folder: &Path, group: &GroupName) -> bool {
    let ours = |record: &Value| record.get("service").and_then(Value::as_str) == Some(SERVICE);
    read(folder, group).as_ref().is_some_and(ours)
}

/// Makes one, with the number that its name leads to, so that it mostly has the same one again
/// after a reboot.
pub(super) fn create(folder: &Path, etc: &Path, group: &GroupName) -> Result<(), ReconcileError> {
    let name = format!("{group}.group");
    let (first, last) = system_range(etc);
    let count = last.saturating_sub(first).saturating_add(1);
    let start = hash(group.as_str()) % count;
    let bytes = std::fs::read(etc.join("group")).unwrap_or_default();
    let file = GroupFile::parse(&bytes);
    let free = |gid: &u32| {
        !file.has_gid(*gid)
            && leads_to(&link(folder, *gid)).is_none_or(|to| to == name)
            && (etc != Path::new(paths::ETC)
                || matches!(Group::from_gid(Gid::from_raw(*gid)), Ok(None)))
    };
    let mut candidates = (0..count).map(|step| first + (start + step) % count);
    let gid = candidates.find(free).ok_or_else(|| {
        let full = std::io::Error::other("there is no number left for a system group");
        ReconcileError::file(folder, "make a group in")(full)
    })?;
    let record = json!({
        "groupName": group.as_str(),
        "gid": gid,
        "disposition": "system",
        "service": SERVICE,
    });
    put(folder, &name, format!("{record}\n").as_bytes())?;
    let path = link(folder, gid);
    // One of ours can have stayed when the group itself was removed by others.
    remove(&path)?;
    symlink(&name, &path).map_err(ReconcileError::file(&path, "make"))
}

/// Removes one, if jitd made it.
pub(super) fn delete(folder: &Path, group: &GroupName) -> Result<(), ReconcileError> {
    if !is_ours(folder, group) {
        return Ok(());
    }
    if let Some(gid) = gid_of(folder, group) {
        remove(&link(folder, gid))?;
    }
    remove(&folder.join(format!("{group}.group")))
}

/// Where a link leads; nowhere, if it is there and none.
fn leads_to(path: &Path) -> Option<String> {
    path.symlink_metadata().ok()?;
    let to = std::fs::read_link(path).unwrap_or_default();
    Some(to.to_string_lossy().into_owned())
}

fn read(folder: &Path, group: &GroupName) -> Option<Value> {
    let text = std::fs::read(folder.join(format!("{group}.group"))).ok()?;
    serde_json::from_slice(&text).ok()
}

fn link(folder: &Path, gid: u32) -> std::path::PathBuf {
    folder.join(format!("{gid}.group"))
}

/// By login.defs(5).
fn system_range(etc: &Path) -> (u32, u32) {
    let text = std::fs::read_to_string(etc.join("login.defs")).unwrap_or_default();
    let number = |key: &str| {
        let mut lines = text.lines().map(str::split_whitespace);
        lines.find_map(|mut words| {
            let is_it = words.next() == Some(key);
            is_it.then(|| words.next()?.parse().ok()).flatten()
        })
    };
    let below_people = number("GID_MIN").map(|gid: u32| gid.saturating_sub(1));
    let first = number("SYS_GID_MIN").unwrap_or(SYSTEM.0);
    let last = number("SYS_GID_MAX").or(below_people).unwrap_or(SYSTEM.1);
    (first, last.max(first))
}

/// FNV-1a, the same for ever.
fn hash(name: &str) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    name.bytes().fold(2_166_136_261, step)
}
