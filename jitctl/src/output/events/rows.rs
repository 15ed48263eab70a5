//! Events as a table: coloured and cut to fit on a terminal, plain and whole in a pipe.

use std::io::{self, Write};

use jiff::Zoned;
use unicode_width::UnicodeWidthStr;

use super::words::{self, Tone};
use crate::output::Screen;
use crate::output::escape::escape;
use crate::output::fit::cut;
use crate::output::time;
use crate::record::event::Event;

/// The columns, and how wide they are at least.
const COLUMNS: [(&str, usize); 8] = [
    ("TIME", 19),
    ("SEQ", 3),
    ("EVENT", 5),
    ("ID", 2),
    ("USER", 4),
    ("ROLE", 4),
    ("BY", 2),
    ("DETAILS", 0),
];
/// How many rows say how wide the columns are. Wider cells make them wider from there on.
const SAMPLE: usize = 200;
/// Fewest columns of a terminal for the details, before rows are left to wrap.
const LEAST: usize = 12;

type Row = [String; COLUMNS.len()];

/// Rows, after their headings.
pub(crate) struct Rows {
    screen: Screen,
    now: Zoned,
    widths: [usize; COLUMNS.len()],
    /// What is held back until it is known how wide the columns are.
    held: Option<Vec<(Row, Tone)>>,
}

impl Rows {
    pub(super) fn new(screen: Screen, now: Zoned) -> Self {
        Self {
            screen,
            now,
            widths: COLUMNS.map(|(_, width)| width),
            held: Some(Vec::new()),
        }
    }

    pub(super) fn event(&mut self, event: &Event<'_>, out: &mut impl Write) -> io::Result<()> {
        let row = self.row(event);
        for (width, cell) in self.widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.width());
        }
        let tone = words::tone(&event.text("event").unwrap_or_default());
        let Some(held) = &mut self.held else {
            return self.write(&row, tone, out);
        };
        held.push((row, tone));
        if held.len() >= SAMPLE {
            self.hold_nothing(out)?;
        }
        Ok(())
    }

    /// Headings are written even where nothing follows yet.
    pub(super) fn hold_nothing(&mut self, out: &mut impl Write) -> io::Result<()> {
        let Some(held) = self.held.take() else {
            return Ok(());
        };
        self.write(
            &COLUMNS.map(|(name, _)| name.to_owned()),
            Tone::Heading,
            out,
        )?;
        for (row, tone) in held {
            self.write(&row, tone, out)?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        match &self.held {
            Some(held) if held.is_empty() => Ok(()),
            _ => self.hold_nothing(out),
        }
    }

    fn row(&self, event: &Event<'_>) -> Row {
        let cell = |key: &str| match event.text(key) {
            Some(text) if !text.is_empty() => escape(&text),
            _ => "-".to_owned(),
        };
        let at = event.at().and_then(|at| time::seconds(at, &self.now));
        [
            at.unwrap_or_else(|| cell("at")),
            cell("seq"),
            cell("event"),
            cell("id"),
            cell("user"),
            cell("role"),
            cell("by"),
            words::fields(event, &["by"]),
        ]
    }

    fn write(&self, row: &Row, tone: Tone, out: &mut impl Write) -> io::Result<()> {
        let mut line = String::new();
        let Some((details, others)) = row.split_last() else {
            return Ok(());
        };
        let mut used = 0;
        for ((cell, width), column) in others.iter().zip(self.widths).zip(COLUMNS) {
            let painted = match (tone, column.0) {
                (Tone::Heading, _) => self.screen.bold(cell),
                (tone, "EVENT") => self.screen.paint(tone.style(), cell),
                _ => cell.clone(),
            };
            line.push_str(&painted);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
            used += width + 2;
        }
        let room = self
            .screen
            .width
            .map(|width| usize::from(width).saturating_sub(used));
        let details = match room.filter(|room| *room >= LEAST) {
            Some(room) => cut(details, room),
            None => details.clone(),
        };
        match tone {
            Tone::Heading => line.push_str(&self.screen.bold(&details)),
            _ => line.push_str(&details),
        }
        writeln!(out, "{}", line.trim_end())
    }
}
