//! `audit`: events on the screen, or for programs.

use std::io::{self, BufWriter, Write};

use jitd_api::EventFilter;

use super::{follow, time};
use crate::cli::{Format, ReadEvents};
use crate::clock;
use crate::error::Failure;
use crate::output::events::{Shape, Shown};
use crate::output::{self, Screen};
use crate::record::event::{Event, Line};
use crate::record::stream::{self, Stream};

/// How many a table has when nobody says which.
const DEFAULT_LAST: u32 = 100;

/// `audit`.
pub(super) async fn run(options: ReadEvents) -> Result<(), Failure> {
    let now = clock::now();
    let shape = match (options.format, options.json) {
        (_, true) => Shape::Document,
        (Format::Table, _) => Shape::Table,
        (Format::Json, _) => Shape::Lines,
        (Format::Csv, _) => Shape::Csv,
    };
    let filter = EventFilter {
        since: time("--since", options.since, &now)?,
        until: time("--until", options.until, &now)?,
        user: options.user,
        role: options.role,
        elevation: options.elevation,
        event: options.event,
        last: options.last,
        ..EventFilter::default()
    };
    let by_default = shape == Shape::Table && filter == EventFilter::default();
    let first = EventFilter {
        last: filter.last.or(by_default.then_some(DEFAULT_LAST)),
        ..filter.clone()
    };
    let mut printer = Printer::new(Shown::new(shape, Screen::of_stdout(), now));
    let end = all(&first, &mut printer).await?;
    if options.follow {
        return follow::from(end, filter, &mut printer).await;
    }
    printer.finish()?;
    let few = printer.events == 0 && shape == Shape::Table;
    if few {
        output::tell("No events.");
    } else if by_default && printer.events >= u64::from(DEFAULT_LAST) {
        output::tell("These are the newest 100; --last N gives more, --since TIME others.");
    }
    Ok(())
}

/// Reads what is there; gives the number up to which it was read.
async fn all(filter: &EventFilter, printer: &mut Printer) -> Result<u64, Failure> {
    let mut stream = Stream::open(filter).await?;
    while let Some(line) = stream.line().await? {
        match Line::read(line).map_err(|why| stream::nonsense(&why))? {
            Line::Event(event) => printer.event(&event, line)?,
            Line::End(seq) => return Ok(seq),
            Line::Error(why) => {
                printer.out.flush()?;
                return Err(stream::broken(&why));
            }
        }
    }
    printer.out.flush()?;
    Err(stream::cut())
}

/// Events, to stdout.
pub(super) struct Printer {
    shown: Shown,
    pub(super) out: BufWriter<io::Stdout>,
    events: u64,
}

impl Printer {
    fn new(shown: Shown) -> Self {
        Self {
            shown,
            out: BufWriter::with_capacity(64 * 1024, io::stdout()),
            events: 0,
        }
    }

    /// An event, and the line that it was read from.
    pub(super) fn event(&mut self, event: &Event<'_>, line: &[u8]) -> Result<(), Failure> {
        self.events += 1;
        Ok(self.shown.event(event, line, &mut self.out)?)
    }

    /// So that what was printed is seen.
    pub(super) fn show(&mut self) -> Result<(), Failure> {
        self.shown.hold_nothing(&mut self.out)?;
        Ok(self.out.flush()?)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.shown.finish(&mut self.out)?;
        Ok(self.out.flush()?)
    }
}
