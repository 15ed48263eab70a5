//! `list` and `pending`.

use jitd_api::Filter;

use crate::cli::{List, Pending};
use crate::error::{Failure, Kind};
use crate::output::{self, Screen, json, table};
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
            Some(moment) => Some(moment.since(&now).ok_or_else(out_of_calendar)?),
            None => None,
        },
        limit: options.limit,
        ..Filter::default()
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
    let waiting = elevations.pending().await.map_err(bus::failure)?;
    let broken = elevations.unacknowledged().await.map_err(bus::failure)?;
    if options.json {
        return output::print(&json::elevations(&[waiting, broken].concat())?);
    }
    let (screen, now) = (Screen::of_stdout(), clock::now());
    let mut sections = Vec::new();
    if !waiting.is_empty() {
        sections.push(table::pending(&waiting, screen, &now));
    }
    if !broken.is_empty() {
        let title = "Broken glass, to be acknowledged (jitctl acknowledge ID):";
        sections.push(format!(
            "{}\n{}",
            screen.bold(title),
            table::elevations(&broken, screen, &now)
        ));
    }
    if sections.is_empty() {
        output::tell("Nothing waits for your decision.");
        return Ok(());
    }
    let trimmed: Vec<_> = sections.iter().map(|section| section.trim_end()).collect();
    output::print(&trimmed.join("\n\n"))
}
