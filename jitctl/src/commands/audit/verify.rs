//! `audit verify`: has anybody changed the record?

mod progress;
mod report;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use jitd_api::EventFilter;

use crate::cli::Verify;
use crate::error::{Failure, Kind};
use crate::record::chain::{Chain, Flaw};
use crate::record::event::Line;
use crate::record::log::Log;
use crate::record::pins::Pins;
use crate::record::stream::{self, Stream};
use progress::Progress;
use report::Report;

/// Longest line of a file that is taken for an event.
const LONGEST: u64 = 16 << 20;
/// Bytes of a file that are read at once.
const CHUNK: usize = 256 * 1024;

/// `audit verify`.
pub(super) async fn run(options: Verify) -> Result<(), Failure> {
    let standard = |path: &&PathBuf| path.as_path() == Path::new("-");
    if options
        .files
        .iter()
        .chain(&options.against)
        .filter(standard)
        .count()
        > 1
    {
        let twice = "standard input can be read once: give - once";
        return Err(Failure::new(Kind::Usage, twice));
    }
    let mut logs = Vec::new();
    for (number, path) in options.against.iter().enumerate() {
        logs.push(log(path, number)?);
    }
    let pins = logs.iter_mut().flat_map(|log| log.pins.drain(..)).collect();
    let mut check = Check::new(Pins::new(pins));
    if options.files.is_empty() {
        check.record().await?;
    } else {
        check.files(&options.files)?;
    }
    let names = options.against.iter().map(|path| shown(path)).collect();
    let report = Report::new(check, names, &logs);
    report.print(options.json)?;
    if report.is_good() {
        Ok(())
    } else {
        Err(Failure::told())
    }
}

/// What a log says; that it says nothing at all is a mistake of whoever named it.
fn log(path: &Path, number: usize) -> Result<Log, Failure> {
    let read = open(path).and_then(|from| Log::read(BufReader::with_capacity(CHUNK, from), number));
    let log = read.map_err(|cause| about(path, &cause))?;
    if log.pins.is_empty() {
        let what = match (log.unreadable, log.others) {
            (0, 0) => "has no line of jitd that can be compared",
            (0, _) => "has lines that say they are jitd's, and that others have written",
            _ => "has lines of jitd without a link: cut off, or of an older jitd",
        };
        return Err(
            Failure::new(Kind::Failed, format!("{} {what}", shown(path)))
                .hint("journalctl -t jitd -o json | jitctl audit verify --against -"),
        );
    }
    Ok(log)
}

/// The chain as far as it was read, and what was found.
struct Check {
    chain: Chain,
    pins: Pins,
    flaw: Option<Found>,
    /// Whether it ends where jitd says.
    of_jitd: bool,
}

/// Something that is wrong, and where in which file.
struct Found {
    flaw: Flaw,
    place: Option<(String, u64)>,
}

impl Check {
    fn new(pins: Pins) -> Self {
        Self {
            chain: Chain::default(),
            pins,
            flaw: None,
            of_jitd: false,
        }
    }

    /// The record as jitd gives it.
    async fn record(&mut self) -> Result<(), Failure> {
        self.of_jitd = true;
        let progress = Progress::new(newest().await?, "events");
        let whole = EventFilter {
            whole: Some(true),
            ..EventFilter::default()
        };
        let mut stream = Stream::open(&whole).await?;
        while let Some(line) = stream.line().await? {
            let end = match self.line(line) {
                Ok(None) => {
                    progress.at(self.chain.expected() - 1);
                    continue;
                }
                Ok(Some(Line::Error(why))) => return Err(stream::broken(&why)),
                Ok(Some(Line::End(end))) => self.chain.whole(end),
                Ok(Some(Line::Event(_))) => continue,
                Err(flaw) => Err(flaw),
            };
            match end {
                Ok(()) => self.pins.finish(),
                Err(flaw) => self.flaw = Some(Found { flaw, place: None }),
            }
            return Ok(());
        }
        Err(stream::cut())
    }

    /// Files, each going on from the one before.
    fn files(&mut self, files: &[PathBuf]) -> Result<(), Failure> {
        let sizes = files
            .iter()
            .map(|path| path.metadata().map_or(0, |meta| meta.len()));
        let progress = Progress::new(sizes.sum(), "bytes");
        let mut read = 0;
        for path in files {
            let from = open(path).map_err(|cause| about(path, &cause))?;
            let mut from = BufReader::with_capacity(CHUNK, from);
            let mut text = Vec::new();
            for number in 1.. {
                text.clear();
                let length = from.by_ref().take(LONGEST).read_until(b'\n', &mut text);
                let length = length.map_err(|cause| about(path, &cause))?;
                if length == 0 {
                    break;
                }
                read += u64::try_from(length).unwrap_or(0);
                progress.at(read);
                let flaw = match self.line(text.trim_ascii_end()) {
                    Ok(None) => continue,
                    Ok(Some(_)) => Flaw::Malformed {
                        seq: self.chain.expected(),
                        why: "it is no event".to_owned(),
                    },
                    Err(flaw) => flaw,
                };
                let place = Some((shown(path), number));
                self.flaw = Some(Found { flaw, place });
                return Ok(());
            }
        }
        if self.chain.events() == 0 {
            return Err(Failure::new(Kind::Failed, "there are no events in it"));
        }
        self.pins.finish();
        Ok(())
    }

    /// A line; given back where it is no event.
    fn line<'a>(&mut self, text: &'a [u8]) -> Result<Option<Line<'a>>, Flaw> {
        let read = Line::read(text).map_err(|why| Flaw::Malformed {
            seq: self.chain.expected(),
            why,
        })?;
        let Line::Event(event) = read else {
            return Ok(Some(read));
        };
        let (number, link) = self.chain.next(&event)?;
        self.pins.compare(number, link);
        Ok(None)
    }
}

/// The number of the newest event: how much there is to do. Refuses those who may not read all.
async fn newest() -> Result<u64, Failure> {
    let filter = EventFilter {
        whole: Some(true),
        last: Some(1),
        ..EventFilter::default()
    };
    let mut stream = Stream::open(&filter).await?;
    while let Some(line) = stream.line().await? {
        if let Ok(Line::End(end)) = Line::read(line) {
            return Ok(end);
        }
    }
    Ok(0)
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(File::open(path)?))
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    path.display().to_string()
}

fn about(path: &Path, cause: &io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("{}: {cause}", shown(path)))
}
