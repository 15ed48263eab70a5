//! Events as they are shown, one after the other: never more of them in memory than a screen.

mod csv;
mod rows;
pub(crate) mod words;

use std::io::{self, Write};

use jiff::Zoned;

use super::Screen;
use super::escape::escape_json;
use crate::record::event::Event;
use csv::Csv;
use rows::Rows;

/// How events look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A table for people.
    Table,
    /// JSON, an event a line.
    Lines,
    /// JSON, one array.
    Document,
    /// For a spreadsheet.
    Csv,
}

/// Shows events in one of these shapes.
pub(crate) enum Shown {
    /// Rows of a table.
    Table(Rows),
    /// JSON, an event a line.
    Lines,
    /// One array, of which so many events have been written.
    Document(u64),
    /// For a spreadsheet.
    Csv(Csv),
}

impl Shown {
    /// Nothing yet.
    pub(crate) fn new(shape: Shape, screen: Screen, now: Zoned) -> Self {
        match shape {
            Shape::Table => Self::Table(Rows::new(screen, now)),
            Shape::Lines => Self::Lines,
            Shape::Document => Self::Document(0),
            Shape::Csv => Self::Csv(Csv::default()),
        }
    }

    /// One event more, and the line of JSON that it is.
    pub(crate) fn event(
        &mut self,
        event: &Event<'_>,
        line: &[u8],
        out: &mut impl Write,
    ) -> io::Result<()> {
        match self {
            Self::Table(rows) => rows.event(event, out),
            Self::Lines => writeln!(out, "{}", json(line)),
            Self::Document(events) => {
                let before = if *events == 0 { "[\n" } else { ",\n" };
                *events += 1;
                write!(out, "{before}{}", json(line))
            }
            Self::Csv(csv) => csv.event(event, out),
        }
    }

    /// Writes what was held back.
    pub(crate) fn hold_nothing(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Table(rows) => rows.hold_nothing(out),
            Self::Csv(csv) => csv.head(out),
            Self::Lines | Self::Document(_) => Ok(()),
        }
    }

    /// There are no more.
    pub(crate) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Document(0) => out.write_all(b"[]\n"),
            Self::Document(_) => out.write_all(b"\n]\n"),
            Self::Table(rows) => rows.finish(out),
            other @ (Self::Lines | Self::Csv(_)) => other.hold_nothing(out),
        }
    }
}

/// The same event, harmless on a terminal.
fn json(line: &[u8]) -> String {
    // It was read as JSON, which is UTF-8.
    escape_json(&String::from_utf8_lossy(line))
}
