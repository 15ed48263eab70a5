//! Reading policy files: bounded, as root's own, and no other kind of file.

use std::fs::{Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::{PolicyError, Source, Trust};

/// Longest policy file, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

const LINK: &str = "is a symbolic link, and where it leads can be changed by others: put what it leads to in its place";

/// The main file and the files of `roles.d`, in name order; or a file alone.
pub(super) fn sources(path: &Path, trust: Trust) -> Result<Vec<Source>, Vec<PolicyError>> {
    let wrong = |message: &str| {
        let path = path.to_string_lossy();
        vec![PolicyError::whole(&path, message.to_owned())]
    };
    if path.is_file() {
        return read(path, trust)
            .map(|source| vec![source])
            .map_err(|error| vec![error]);
    }
    if !path.exists() {
        return Err(wrong("there is no such file or folder"));
    }
    if !path.is_dir() {
        return Err(wrong("is neither a file nor a folder"));
    }
    let roles = path.join("roles.d");
    for folder in [path, &roles] {
        trusted_folder(folder, trust).map_err(|error| vec![error])?;
    }
    let mut paths = vec![path.join("jitd.toml")];
    paths.extend(role_files(&roles).map_err(|error| vec![error])?);
    let mut sources = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        match read(&path, trust) {
            Ok(source) => sources.push(source),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(sources)
    } else {
        Err(errors)
    }
}

fn role_files(directory: &Path) -> Result<Vec<PathBuf>, PolicyError> {
    let failed = |error: std::io::Error| {
        PolicyError::whole(
            &directory.to_string_lossy(),
            format!("cannot be read: {error}"),
        )
    };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

pub(super) fn read(path: &Path, trust: Trust) -> Result<Source, PolicyError> {
    let shown = path.to_string_lossy().into_owned();
    let failed = |message: String| PolicyError::whole(&shown, message);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(path)
        .map_err(|error| match error.raw_os_error() {
            Some(code) if code == nix::errno::Errno::ELOOP as i32 => failed(LINK.to_owned()),
            _ => failed(format!("cannot be opened: {error}")),
        })?;
    let meta = file
        .metadata()
        .map_err(|error| failed(format!("cannot be examined: {error}")))?;
    if !meta.is_file() {
        return Err(failed("is not a regular file".to_owned()));
    }
    trusted(&meta, trust).map_err(&failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(failed(format!(
            "is larger than {MAX_FILE} bytes: put what it says into several files"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        failed(format!("is not UTF-8 text, from byte {} on", place + 1))
    })?;
    Ok(Source { path: shown, text })
}

/// Whoever can write the folder can put a file of their choice into it, or an old one back.
fn trusted_folder(folder: &Path, trust: Trust) -> Result<(), PolicyError> {
    let failed = |message: String| PolicyError::whole(&folder.to_string_lossy(), message);
    match std::fs::symlink_metadata(folder) {
        Ok(meta) if meta.is_dir() => trusted(&meta, trust).map_err(failed),
        Ok(meta) if meta.is_symlink() => Err(failed(LINK.to_owned())),
        Ok(_) => Err(failed("is not a folder".to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(format!("cannot be examined: {error}"))),
    }
}

/// A policy that others can write is theirs, not ours.
fn trusted(meta: &Metadata, trust: Trust) -> Result<(), String> {
    if trust == Trust::Anyones {
        return Ok(());
    }
    let me = nix::unistd::geteuid().as_raw();
    if meta.uid() != 0 && meta.uid() != me {
        return Err(format!(
            "belongs to uid {}, not to root: chown root it",
            meta.uid()
        ));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(format!(
            "can be written by others (mode {:04o}): chmod go-w it",
            meta.mode() & 0o7777
        ));
    }
    Ok(())
}
