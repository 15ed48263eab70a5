//! `list`, `pending`, `show`.

use std::fmt::Write;

use jiff::Zoned;
use jitd_api::{Elevation, Filter};

use crate::cli::{List, Pending, Show};
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::{self, Screen, json, table, time, words};
use crate::{bus, clock};

/// How many `List` gives when it is not told.
const DEFAULT_LIMIT: usize = 100;

/// `list`.
pub(crate) async fn list(options: List) -> Result<(), Failure> {
    let now = clock::now();
    let filter = Filter {
        state: options.state.map(|state| state.to_string()),
        user: options.user,
        role: options.role,
        since: match options.since {
            Some(moment) => Some(moment.resolve(&now).ok_or_else(out_of_calendar)?),
            None => None,
        },
        limit: options.limit,
    };
    let elevations = bus::elevations().await?;
    let found = elevations.list(&filter).await.map_err(bus::failure)?;
    if options.json {
        return output::print(&json::elevations(&found)?);
    }
    if found.is_empty() {
        output::tell("No elevations.");
        return Ok(());
    }
    output::print(&table::elevations(&found, Screen::of_stdout(), &now))?;
    if options.limit.is_none() && found.len() >= DEFAULT_LIMIT {
        output::tell("These are the newest 100; --limit N gives more, --since TIME others.");
    }
    Ok(())
}

fn out_of_calendar() -> Failure {
    Failure::new(Kind::Usage, "--since lies outside of the calendar")
}

/// `pending`.
pub(crate) async fn pending(options: Pending) -> Result<(), Failure> {
    let elevations = bus::elevations().await?;
    let found = elevations.pending().await.map_err(bus::failure)?;
    if options.json {
        return output::print(&json::elevations(&found)?);
    }
    if found.is_empty() {
        output::tell("Nothing waits for your decision.");
        return Ok(());
    }
    output::print(&table::pending(&found, Screen::of_stdout(), &clock::now()))
}

/// `show`.
pub(crate) async fn show(options: Show) -> Result<(), Failure> {
    let elevations = bus::elevations().await?;
    let found = elevations.get(options.id).await.map_err(|error| {
        let failure = bus::failure(error);
        match failure.kind() {
            Kind::Failed if failure.hints().is_empty() => failure.hint("jitctl list"),
            _ => failure,
        }
    })?;
    output::print(&if options.json {
        json::elevation(&found)?
    } else {
        describe(&found, Screen::of_stdout(), &clock::now())
    })
}

/// Everything about one elevation, a fact a line.
fn describe(elevation: &Elevation, screen: Screen, now: &Zoned) -> String {
    let state = escape(&elevation.state);
    let mut text = format!(
        "{}  {}\n",
        screen.bold(&format!("Elevation {}", elevation.id)),
        screen.paint(table::state_style(&state), &state)
    );
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a String does not fail.
            let _ = writeln!(text, "  {name:<11}{value}");
        }
    };
    let at = |ms: Option<i64>| ms.map(|ms| time::full(ms, now));
    let list = |items: &[String]| {
        (!items.is_empty()).then(|| {
            items
                .iter()
                .map(|item| escape(item))
                .collect::<Vec<_>>()
                .join(", ")
        })
    };
    fact(
        "User",
        Some(format!(
            "{} (uid {})",
            escape(&elevation.user),
            elevation.uid
        )),
    );
    fact("Role", Some(escape(&elevation.role)));
    fact("Groups", list(&elevation.groups));
    fact("Opens", list(&elevation.services));
    fact(
        "Reason",
        (!elevation.reason.is_empty()).then(|| escape(&elevation.reason)),
    );
    fact("For", Some(time::duration(elevation.duration)));
    fact("Requested", at(Some(elevation.requested_at)));
    let pending = elevation.state == "pending";
    fact("Lapses", at(elevation.lapses_at.filter(|_| pending)));
    fact(
        "Approvers",
        pending.then(|| words::approvers(&elevation.approvers)),
    );
    for decision in &elevation.decisions {
        let said = match decision.comment.as_str() {
            "" => String::new(),
            comment => format!(": \"{}\"", escape(comment)),
        };
        fact(
            "Decision",
            Some(format!(
                "{} by {}, {}{said}",
                escape(&decision.verdict),
                escape(&decision.by),
                time::full(decision.at, now)
            )),
        );
    }
    fact("Started", at(elevation.starts_at));
    let over = elevation.ended_at.is_some();
    fact("Ends", at(elevation.ends_at.filter(|_| !over)));
    let by = elevation
        .ended_by
        .as_ref()
        .map(|by| format!(", by {}", escape(by)))
        .unwrap_or_default();
    fact("Ended", at(elevation.ended_at).map(|at| at + &by));
    text
}
