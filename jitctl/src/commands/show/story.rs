//! The story of one elevation: its events from the record, from request to end.

use std::collections::VecDeque;

use jiff::Zoned;
use jitd_api::{Elevation, EventFilter};

use crate::error::Failure;
use crate::output::events::words;
use crate::output::fit::cut;
use crate::output::{Screen, time};
use crate::record::event::{Event, Line};
use crate::record::stream::{self, Stream};

/// How many events are shown of the beginning and of the end: as many as a screen has room for.
const SHOWN: (usize, usize) = (12, 24);
/// Fewest columns worth cutting a line for.
const LEAST: usize = 20;

/// Events, a line each.
pub(super) struct Story {
    id: u64,
    screen: Screen,
    first: Vec<String>,
    last: VecDeque<String>,
    between: u64,
}

impl Story {
    /// Reads it; none where the record has nothing about it any more.
    pub(super) async fn read(
        elevation: &Elevation,
        screen: Screen,
        now: &Zoned,
    ) -> Result<Option<Self>, Failure> {
        let filter = EventFilter {
            elevation: Some(elevation.id),
            ..EventFilter::default()
        };
        let mut story = Self {
            id: elevation.id,
            screen,
            first: Vec::new(),
            last: VecDeque::new(),
            between: 0,
        };
        let mut stream = Stream::open(&filter).await?;
        let mut began = None;
        while let Some(line) = stream.line().await? {
            match Line::read(line).map_err(|why| stream::nonsense(&why))? {
                Line::Event(event) => {
                    let began = *began.get_or_insert(event.at().unwrap_or_default());
                    story.add(line_of(&event, elevation, began, screen, now));
                }
                Line::End(_) => return Ok((!story.first.is_empty()).then_some(story)),
                Line::Error(why) => return Err(stream::broken(&why)),
            }
        }
        Err(stream::cut())
    }

    fn add(&mut self, line: String) {
        if self.first.len() < SHOWN.0 {
            self.first.push(line);
            return;
        }
        self.last.push_back(line);
        if self.last.len() > SHOWN.1 {
            self.last.pop_front();
            self.between += 1;
        }
    }

    /// All of it, as far as it fits on a screen.
    pub(super) fn text(&self) -> String {
        let between = (self.between > 0).then(|| {
            let (count, id) = (self.between, self.id);
            format!("  … {count} more: jitctl audit --elevation {id}")
        });
        let lines: Vec<_> = std::iter::once(self.screen.bold("What happened"))
            .chain(self.first.iter().cloned())
            .chain(between)
            .chain(self.last.iter().cloned())
            .collect();
        lines.join("\n") + "\n"
    }
}

/// `  2026-11-24 14:03:40   +1m29s  approved by alice: "go"`.
fn line_of(
    event: &Event<'_>,
    elevation: &Elevation,
    began: i64,
    screen: Screen,
    now: &Zoned,
) -> String {
    let at = event.at().unwrap_or_default();
    let shown = time::seconds(at, now).unwrap_or_else(|| "?".to_owned());
    let after = at.saturating_sub(began).max(0).unsigned_abs() / 1000;
    let head = format!("  {shown} {:>9}  ", format!("+{}", time::duration(after)));
    let (what, mut rest) = words::sentence(event, now);
    if runs(event, elevation) {
        rest.push_str(", still running");
    }
    let room = screen.width.map(usize::from);
    let room = room.map(|width| width.saturating_sub(head.chars().count() + what.chars().count()));
    if let Some(room) = room.filter(|room| *room >= LEAST) {
        rest = cut(&rest, room);
    }
    let name = event.text("event").unwrap_or_default();
    format!(
        "{head}{}{rest}",
        screen.paint(words::tone(&name).style(), &what)
    )
}

/// Whether it tells of the beginning of a session that goes on.
fn runs(event: &Event<'_>, elevation: &Elevation) -> bool {
    let session = event.text("session").and_then(|text| text.parse().ok());
    event.text("event").as_deref() == Some("session.opened")
        && elevation
            .sessions
            .iter()
            .any(|one| Some(one.id) == session && one.closed_at.is_none())
}
