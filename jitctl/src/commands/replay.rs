//! `replay`: what was recorded of a session, as it was seen, or as text.

mod text;

use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::bus;
use crate::cli::Replay;
use crate::error::{Failure, Kind};
use crate::output::{self, Screen};

/// The recording's name below the folder that it is copied to.
const NAME: &str = "recording";

/// `replay`.
pub(crate) async fn run(options: Replay) -> Result<(), Failure> {
    let audit = bus::audit().await?;
    let files = audit.recording(options.session).await;
    let files: HashMap<_, _> = files
        .map_err(bus::failure)?
        .into_iter()
        .map(|(name, file)| (name, File::from(OwnedFd::from(file))))
        .collect();
    if options.text {
        return text::print(files, options.input, options.session);
    }
    if Screen::of_stdout().width.is_some() {
        output::tell(&format!(
            "What follows is shown as it was, and does to your terminal what it did to theirs. As plain text: jitctl replay {} --text",
            options.session
        ));
    }
    show(&options, files).await
}

/// By sudoreplay, from copies that are gone when this ends, whatever ends it.
async fn show(options: &Replay, files: HashMap<String, File>) -> Result<(), Failure> {
    let mut ends = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ]
    .map(signal)
    .into_iter()
    .collect::<io::Result<Vec<_>>>()?;
    let [interrupted, terminated, hung_up] = ends.as_mut_slice() else {
        return Ok(());
    };
    let copies = copied(files)?;
    let mut replaying = sudoreplay(options, copies.path())
        .kill_on_drop(true)
        .spawn()
        .map_err(|cause| not_started(&cause))?;
    tokio::select! {
        ended = replaying.wait() => match ended?.code() {
            Some(0) => return Ok(()),
            // Ctrl-C is told to both; whichever is faster says so.
            None => {}
            Some(status) => {
                let text = format!("sudoreplay ended with status {status}");
                return Err(Failure::new(Kind::Failed, text)
                    .hint(format!("jitctl replay {} --text", options.session)));
            }
        },
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
    // It puts the terminal back in order where it can.
    let _ = tokio::time::timeout(PATIENCE, replaying.wait()).await;
    Err(Failure::new(Kind::Interrupted, "interrupted"))
}

/// How long sudoreplay may take to go after a signal.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// In a folder that nobody else can enter.
fn copied(files: HashMap<String, File>) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix("jitctl-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()?;
    let recording = folder.path().join(NAME);
    std::fs::create_dir(&recording)?;
    for (name, mut file) in files {
        let plain = Path::new(&name)
            .file_name()
            .filter(|plain| *plain == name.as_str());
        if let Some(plain) = plain {
            io::copy(&mut file, &mut File::create_new(recording.join(plain))?)?;
        }
    }
    Ok(folder)
}

fn sudoreplay(options: &Replay, folder: &Path) -> Command {
    let mut command = Command::new("sudoreplay");
    command.arg("-d").arg(folder);
    if Screen::of_stdout().width.is_none() {
        // Otherwise it writes to the terminal alone, and asks it things.
        command.arg("-n");
    }
    if let Some(speed) = options.speed {
        command.args(["-s", &speed.to_string()]);
    }
    if let Some(seconds) = options.max_wait {
        command.args(["-m", &seconds.to_string()]);
    }
    if options.input {
        command.args(["-f", "stdin,stdout,stderr,ttyin,ttyout"]);
    }
    command.arg(NAME);
    command
}

fn not_started(cause: &io::Error) -> Failure {
    let failure = Failure::new(Kind::Failed, format!("sudoreplay does not start: {cause}"));
    match cause.kind() {
        io::ErrorKind::NotFound => {
            failure.hint("install sudo, which it comes with, or add: --text")
        }
        _ => failure,
    }
}
