//! `audit export`: the record in a file.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use jitd_api::EventFilter;
use tokio::signal::unix::{SignalKind, signal};

use super::new_file::NewFile;
use super::time;
use crate::cli::Export;
use crate::clock;
use crate::error::Failure;
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
    // From here on there is something to be cleared away.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut file = NewFile::create(path)?;
    let events = tokio::select! {
        passed = pass_on(stream, &mut file) => passed?,
        _ = interrupt.recv() => return Err(Failure::interrupted()),
    };
    file.keep()?;
    output::tell(&format!("{events} events."));
    Ok(())
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
