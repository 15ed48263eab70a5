//! Where sudo looks for a program (`find_path.c`).

use super::process::Process;
use super::{Root, Unknown, settings};

/// Where sudo can look that has been built so, and was told nothing else: Debian's, and that of
/// others.
const BUILT_IN: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The absolute paths that a name can mean: mostly one. Where only sudo knows which folders it
/// goes by, what is found by each of them.
pub(super) fn program(process: Process, root: &Root, name: &[u8]) -> Result<Vec<Vec<u8>>, Unknown> {
    if name.contains(&b'/') {
        return Ok(vec![absolute(process, name)?]);
    }
    let settings = settings::search();
    let mut lists = settings.secure_paths;
    if lists.is_empty() {
        lists.push(BUILT_IN.to_vec());
    }
    if settings.goes_by_own {
        lists.push(process.variable("PATH")?.unwrap_or_default());
    }
    let mut found = Vec::new();
    for list in lists {
        let path = find(process, root, &list, name)?;
        found.extend(path.filter(|path| !found.contains(path)));
    }
    if found.is_empty() {
        // sudo says so itself to whoever may run anything.
        found.push(name.to_vec());
    }
    Ok(found)
}

/// The first of these folders counts that has it; the one that the process is in comes last.
fn find(
    process: Process,
    root: &Root,
    list: &[u8],
    name: &[u8],
) -> Result<Option<Vec<u8>>, Unknown> {
    let folders = list.split(|byte| *byte == b':');
    let (here, others): (Vec<_>, Vec<_>) =
        folders.partition(|folder| folder.is_empty() || *folder == b".");
    for folder in others {
        let path = absolute(process, &[folder, b"/", name].concat())?;
        if root.is_program(&path) {
            return Ok(Some(path));
        }
    }
    if here.is_empty() {
        return Ok(None);
    }
    let path = absolute(process, name)?;
    Ok(Some(path).filter(|path| root.is_program(path)))
}

fn absolute(process: Process, name: &[u8]) -> Result<Vec<u8>, Unknown> {
    if name.starts_with(b"/") {
        return Ok(name.to_vec());
    }
    let folder = process.folder()?;
    let name = name.strip_prefix(b"./").unwrap_or(name);
    Ok([&folder, b"/".as_slice(), name].concat())
}
