//! `show`: everything about one elevation.

use std::fmt::Write;

use jiff::Zoned;
use jitd_api::{Elevation, Session, State};

use crate::cli::Show;
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::{self, Screen, json, people, table, time};
use crate::{bus, clock};
use story::Story;

mod story;

/// `show`.
pub(crate) async fn run(options: Show) -> Result<(), Failure> {
    let elevations = bus::elevations().await?;
    let found = elevations.get(options.id).await.map_err(|error| {
        let failure = bus::failure(error);
        match failure.kind() {
            Kind::Failed if failure.hints().is_empty() => failure.hint("jitctl list"),
            _ => failure,
        }
    })?;
    if options.json {
        return output::print(&json::elevation(&found)?);
    }
    let (screen, now) = (Screen::of_stdout(), clock::now());
    let story = Story::read(&found, screen, &now).await;
    let story = story.unwrap_or_else(|failure| {
        output::tell(&format!(
            "Without its events: {}",
            escape(&failure.to_string())
        ));
        None
    });
    let mut facts = Facts::new(screen, &now);
    facts.what(&found);
    facts.still_open(&found);
    if let Some(story) = &story {
        let _ = write!(facts.text, "\n{}", story.text());
    } else {
        // All that is told of it without its events.
        facts.how_decided(&found);
        facts.when(&found);
        facts.sessions(&found);
    }
    output::print(&format!("{}\n{}", heading(&found, screen), facts.text))
}

fn heading(elevation: &Elevation, screen: Screen) -> String {
    let state = escape(&elevation.state);
    format!(
        "{}  {}",
        screen.bold(&format!("Elevation {}", elevation.id)),
        screen.paint(table::state_style(&state), &state)
    )
}

/// A fact a line.
struct Facts<'a> {
    text: String,
    screen: Screen,
    now: &'a Zoned,
}

impl<'a> Facts<'a> {
    fn new(screen: Screen, now: &'a Zoned) -> Self {
        Self {
            text: String::new(),
            screen,
            now,
        }
    }

    /// Adds a fact; its value is escaped already.
    fn fact(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            // Writing to a String does not fail.
            let _ = writeln!(self.text, "  {name:<13}{value}");
        }
    }

    fn at(&mut self, name: &str, ms: Option<i64>) {
        if let Some(ms) = ms {
            self.fact(name, &time::full(ms, self.now));
        }
    }

    fn what(&mut self, elevation: &Elevation) {
        let user = escape(&elevation.user);
        self.fact("User", &format!("{user} (uid {})", elevation.uid));
        self.fact("Role", &escape(&elevation.role));
        self.fact("Groups", &list(&elevation.groups));
        self.fact("Opens", &list(&elevation.services));
        self.fact("Reason", &escape(&elevation.reason));
        self.fact("Ticket", &escape(&elevation.ticket));
        self.fact("For", &time::duration(elevation.duration));
        if let Some(id) = elevation.extends {
            self.fact("Extends", &id.to_string());
        }
        if elevation.break_glass {
            let acknowledged = self.acknowledged(elevation);
            self.fact("Break-glass", &acknowledged);
        }
    }

    fn acknowledged(&self, elevation: &Elevation) -> String {
        let Some(at) = elevation.acknowledged_at else {
            return self.screen.paint("31", "not acknowledged yet");
        };
        let by = elevation.acknowledged_by.as_deref().unwrap_or_default();
        format!(
            "acknowledged by {}, {}",
            escape(by),
            time::full(at, self.now)
        )
    }

    /// What is still open.
    fn still_open(&mut self, elevation: &Elevation) {
        let state = elevation.state.parse();
        if state == Ok(State::Pending) {
            self.at("Lapses", elevation.lapses_at);
            self.fact("Approvers", &people::approvers(&elevation.approvers));
            self.fact("Needs", &people::needs(&elevation.needs));
        }
        if matches!(state, Ok(State::Pending | State::Scheduled)) {
            self.at("Begins", elevation.starts_at);
        }
        let over = elevation.ended_at.is_some();
        self.at("Ends", elevation.ends_at.filter(|_| !over));
    }

    fn how_decided(&mut self, elevation: &Elevation) {
        self.at("Requested", Some(elevation.requested_at));
        for decision in &elevation.decisions {
            let said = match decision.comment.as_str() {
                "" => String::new(),
                comment => format!(": \"{}\"", escape(comment)),
            };
            let line = format!(
                "{} by {}, {}{said}",
                escape(&decision.verdict),
                escape(&decision.by),
                time::full(decision.at, self.now)
            );
            self.fact("Decision", &line);
        }
    }

    fn when(&mut self, elevation: &Elevation) {
        match elevation.state.parse() {
            // That is to come.
            Ok(State::Pending | State::Scheduled) => {}
            Ok(State::Active) => self.at("Started", elevation.starts_at),
            // Over before its time had come.
            _ if elevation.ended_at < elevation.starts_at => {
                self.at("Was to begin", elevation.starts_at);
            }
            _ => self.at("Started", elevation.starts_at),
        }
        if let Some(ended) = elevation.ended_at {
            let by = elevation.ended_by.as_ref();
            let by = by.map(|by| format!(", by {}", escape(by)));
            let line = time::full(ended, self.now) + &by.unwrap_or_default();
            self.fact("Ended", &line);
        }
    }

    fn sessions(&mut self, elevation: &Elevation) {
        for one in &elevation.sessions {
            let line = session(one, self.screen, self.now);
            self.fact("Session", &line);
        }
    }
}

/// `2026-12-01 09:00:00 CET (2m ago), still running: sudo -i (/dev/pts/0)`.
fn session(session: &Session, screen: Screen, now: &Zoned) -> String {
    let until = match session.closed_at {
        Some(at) => format!("until {}", time::full(at, now)),
        None => screen.paint("32", "still running"),
    };
    let place: Vec<_> = [&session.terminal, &session.remote]
        .into_iter()
        .filter(|place| !place.is_empty())
        .map(|place| escape(place))
        .collect();
    let place = match place.as_slice() {
        [] => String::new(),
        _ => format!(" ({})", place.join(", from ")),
    };
    format!(
        "{} {}{place}: {}\n{:15}since {}, {until}",
        session.id,
        escape(&session.service),
        escape(&session.command),
        "",
        time::full(session.opened_at, now),
    )
}

fn list(items: &[String]) -> String {
    let items: Vec<_> = items.iter().map(|item| escape(item)).collect();
    items.join(", ")
}
