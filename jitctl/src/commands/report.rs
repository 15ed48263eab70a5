//! `report`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Zoned;

use crate::args::Moment;
use crate::cli::{Report as Options, To};
use crate::error::{Failure, Kind};
use crate::report::spans::Span;
use crate::report::{Making, Report, csv, gather, json, page};
use crate::{clock, output};

/// `report`.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let now = clock::now();
    let period = period(options.since, options.until, &now)?;
    let to = options.html.clone().or(options.csv.clone()).map(To::from);
    if let Some(To::File(path)) = &to
        && !options.force
        && path.symlink_metadata().is_ok()
    {
        // Before all the work.
        return Err(is_there(path));
    }
    let by = nix::unistd::User::from_uid(nix::unistd::geteuid());
    let by = by.ok().flatten().map(|user| user.name).unwrap_or_default();
    let told = gather::gather(period, &by).await?;
    let host = nix::unistd::gethostname().unwrap_or_default();
    let making = Making {
        at: now,
        host: host.to_string_lossy().into_owned(),
        by,
    };
    let report = Report::new(making, period, told);
    let document = if options.json {
        return output::print(&json::document(&report)?);
    } else if options.html.is_some() {
        page::document(&report).into_bytes()
    } else {
        csv::document(&report)?
    };
    match to {
        Some(To::File(path)) => write(&path, &document, options.force),
        Some(To::Stdout) | None => Ok(io::stdout().lock().write_all(&document)?),
    }
}

/// From the one to the other, but not beyond now.
fn period(since: Moment, until: Option<Moment>, now: &Zoned) -> Result<Span, Failure> {
    let usage = |text: &str| Failure::new(Kind::Usage, text);
    let at = |option: &str, moment: Moment| {
        let at = moment.since(now);
        at.ok_or_else(|| usage(&format!("{option} lies outside of the calendar")))
    };
    let from = at("--since", since)?;
    let until = until.map(|until| at("--until", until)).transpose()?;
    let now = now.timestamp().as_millisecond();
    Span::new(from, until.unwrap_or(now).min(now))
        .ok_or_else(|| usage("--since must lie before --until, and before now"))
}

fn is_there(path: &Path) -> Failure {
    let text = format!("{} is there already", path.display());
    Failure::new(Kind::Failed, text).hint("--force writes over it")
}

/// Writes a file that only its owner can read: it says who holds power, and why. It is there whole
/// or not at all.
fn write(path: &Path, document: &[u8], force: bool) -> Result<(), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists if !force => is_there(path),
        _ => {
            let text = format!("cannot write {}: {error}", path.display());
            Failure::new(Kind::Failed, text)
        }
    };
    if !force {
        return create(path, document).map_err(failed);
    }
    let beside = beside(path).ok_or_else(|| failed(io::ErrorKind::IsADirectory.into()))?;
    create(&beside, document).map_err(failed)?;
    fs::rename(&beside, path).map_err(|error| {
        drop(fs::remove_file(&beside));
        failed(error)
    })
}

/// A new file, which follows no link that somebody has put there.
fn create(path: &Path, document: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let written = file.write_all(document).and_then(|()| file.sync_all());
    if written.is_err() {
        drop(fs::remove_file(path));
    }
    written
}

/// A name for the file while it is being written.
fn beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy();
    Some(path.with_file_name(format!(".{name}.{}", std::process::id())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_comes_there_at_the_last_moment_stays() {
        let folder = TempDir::new().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "precious").unwrap();
        symlink(folder.path().join("nowhere"), &link).unwrap();
        for path in [&file, &link] {
            let refused = write(path, b"report", false).unwrap_err();
            assert!(refused.to_string().ends_with("is there already"));
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        assert!(!folder.path().join("nowhere").exists());
    }
}
