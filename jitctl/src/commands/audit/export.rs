//! `audit export`: the record in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jitd_api::EventFilter;
use tokio::signal::unix::{SignalKind, signal};

use super::time;
use crate::cli::Export;
use crate::clock;
use crate::error::{Failure, Kind};
use crate::output;
use crate::record::event::Line;
use crate::record::stream::{self, Stream};

/// `audit export`.
pub(super) async fn run(options: Export) -> Result<(), Failure> {
    let now = clock::now();
    let filter = EventFilter {
        since: time("--since", options.since, &now)?,
        until: time("--until", options.until, &now)?,
        whole: Some(true),
        ..EventFilter::default()
    };
    let path = options.file.as_path();
    if path == Path::new("-") {
        copy(&filter, &mut BufWriter::new(io::stdout())).await?;
        return Ok(());
    }
    // Asked for first: who may not read it leaves no empty file.
    let stream = Stream::open(&filter).await?;
    let about =
        |cause: io::Error| Failure::new(Kind::Failed, format!("{}: {cause}", path.display()));
    // From here on there is something to be cleared away.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut file = BufWriter::new(
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(about)?,
    );
    let passed = tokio::select! {
        passed = pass_on(stream, &mut file) => passed,
        _ = interrupt.recv() => Err(Failure::interrupted()),
    };
    let written = match passed {
        Ok(events) => keep(&file, path).map_err(about).map(|()| events),
        failed => failed,
    };
    match written {
        Ok(events) => {
            output::tell(&format!("{events} events."));
            Ok(())
        }
        Err(failure) => {
            // A part of the record must not be taken for the whole.
            drop(std::fs::remove_file(path));
            Err(failure)
        }
    }
}

async fn copy(filter: &EventFilter, to: &mut impl Write) -> Result<u64, Failure> {
    pass_on(Stream::open(filter).await?, to).await
}

/// Writes the events as they come; gives how many.
async fn pass_on(mut stream: Stream, to: &mut impl Write) -> Result<u64, Failure> {
    let mut events = 0;
    while let Some(line) = stream.line().await? {
        match Line::read(line).map_err(|why| stream::nonsense(&why))? {
            Line::Event(_) => {
                to.write_all(line)?;
                to.write_all(b"\n")?;
                events += 1;
            }
            Line::End(_) => {
                to.flush()?;
                return Ok(events);
            }
            Line::Error(why) => return Err(stream::broken(&why)),
        }
    }
    Err(stream::cut())
}

/// The file, and that it is in its folder, last.
fn keep(file: &BufWriter<File>, path: &Path) -> io::Result<()> {
    file.get_ref().sync_all()?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
