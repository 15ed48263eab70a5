//! `audit archive` and `audit backup`: what is old goes into files, and a copy of all is made.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use tokio::signal::unix::{SignalKind, signal};

use super::new_file::NewFile;
use super::time;
use crate::bus;
use crate::cli::{Archive, Backup};
use crate::clock;
use crate::error::{Failure, Kind};
use crate::output;

/// `audit archive`.
pub(super) async fn archive(options: Archive) -> Result<(), Failure> {
    let now = clock::now();
    let before = time("--before", Some(options.before), &now)?.unwrap_or_default();
    let archived = bus::audit().await?.archive(before).await;
    let archived = archived.map_err(bus::failure)?;
    if options.json {
        return output::print(&output::json::document(&archive_json(&archived))?);
    }
    if archived.file.is_empty() {
        output::tell(
            "Nothing was archived: what is from before then is archived already, or of something that is still open, or a log has not been told of it yet.",
        );
        return Ok(());
    }
    output::print(&format!(
        "Events {} to {} are in {}.",
        archived.first,
        archived.last,
        output::escape::escape(&archived.file)
    ))?;
    output::tell(&format!("hint: jitctl audit verify {}", archived.file));
    Ok(())
}

/// Null where nothing was.
fn archive_json(archived: &jitd_api::Archive) -> serde_json::Value {
    if archived.file.is_empty() {
        return serde_json::Value::Null;
    }
    serde_json::json!({
        "file": archived.file,
        "first": archived.first,
        "last": archived.last,
        "head": archived.head,
        "sha256": archived.sha256,
    })
}

/// `audit backup`.
pub(super) async fn backup(options: Backup) -> Result<(), Failure> {
    // Before anything is copied: whoever names a file that is there is told so at once.
    let mut file = NewFile::create(&options.file)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let copied = async {
        let copy = bus::audit().await?.copy().await.map_err(bus::failure)?;
        let mut copy = File::from(OwnedFd::from(copy));
        let done = tokio::task::spawn_blocking(move || {
            io::copy(&mut copy, &mut file)?;
            Ok::<_, io::Error>(file)
        });
        let file = done
            .await
            .map_err(|cause| Failure::new(Kind::Failed, cause.to_string()))??;
        file.keep()
    };
    tokio::select! {
        done = copied => done?,
        _ = interrupt.recv() => return Err(Failure::interrupted()),
    }
    output::tell("To go back to it: see KEEPING in jitd(8).");
    Ok(())
}
