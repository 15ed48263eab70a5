//! `sessions`: what was opened, under which elevation.

use jiff::Zoned;
use jitd_api::{ListedSession, SessionFilter};
use serde::Serialize;

use crate::cli::Sessions;
use crate::error::{Failure, Kind};
use crate::output::table::{Table, text};
use crate::output::time::rfc3339;
use crate::output::{self, Screen, json, time};
use crate::{bus, clock};

/// How many are listed when nobody says.
const DEFAULT_LIMIT: usize = 100;

/// `sessions`.
pub(crate) async fn run(options: Sessions) -> Result<(), Failure> {
    let now = clock::now();
    let since = options.since.map(|moment| {
        let out_of_calendar = || Failure::new(Kind::Usage, "--since lies outside of the calendar");
        moment.since(&now).ok_or_else(out_of_calendar)
    });
    let filter = SessionFilter {
        user: options.user,
        elevation: options.elevation,
        since: since.transpose()?,
        before: options.before,
        running: options.running.then_some(true),
        limit: options.limit,
    };
    let audit = bus::audit().await?;
    let found = audit.sessions(&filter).await.map_err(bus::failure)?;
    if options.json {
        let found: Vec<_> = found.iter().map(|one| out(one, &now)).collect();
        return output::print(&json::document(&found)?);
    }
    if found.is_empty() {
        output::tell("No sessions.");
        return Ok(());
    }
    output::print(&table(&found, Screen::of_stdout(), &now))?;
    let last = found.last().filter(|_| options.limit.is_none());
    if let Some(last) = last.filter(|_| found.len() >= DEFAULT_LIMIT) {
        let next = format!("older ones: jitctl sessions --before {}", last.id);
        output::tell(&format!("These are the newest 100; {next}"));
    }
    Ok(())
}

fn table(found: &[ListedSession], screen: Screen, now: &Zoned) -> String {
    let headings = [
        "ID",
        "ELEVATION",
        "USER",
        "ROLE",
        "SERVICE",
        "WHERE",
        "SINCE",
        "LASTED",
        "RECORDED",
        "COMMAND",
    ];
    let mut table = Table::new(screen, &headings);
    for one in found {
        let lasted = match one.closed_at {
            Some(_) => time::duration(lasted(one, now)),
            None => "running".to_owned(),
        };
        table.row(vec![
            text(&one.id.to_string()),
            text(&one.elevation.to_string()),
            text(&one.user),
            text(&one.role),
            text(&one.service),
            text(&place(one)),
            text(&time::local(one.opened_at, now)),
            text(&lasted),
            text(if one.recorded { "yes" } else { "no" }),
            text(&one.command),
        ]);
    }
    table.render()
}

fn place(one: &ListedSession) -> String {
    match (one.terminal.as_str(), one.remote.as_str()) {
        ("", "") => "-".to_owned(),
        (terminal, "") => terminal.to_owned(),
        ("", remote) => remote.to_owned(),
        (terminal, remote) => format!("{terminal} from {remote}"),
    }
}

/// Seconds until it was over, or until now.
fn lasted(one: &ListedSession, now: &Zoned) -> u64 {
    let until = one.closed_at.unwrap_or(now.timestamp().as_millisecond());
    u64::try_from(until.saturating_sub(one.opened_at) / 1000).unwrap_or(0)
}

#[derive(Serialize)]
struct SessionOut<'a> {
    id: u64,
    elevation: u64,
    user: &'a str,
    uid: u32,
    role: &'a str,
    service: &'a str,
    command: &'a str,
    terminal: Option<&'a str>,
    remote: Option<&'a str>,
    opened_at: Option<String>,
    closed_at: Option<String>,
    running: bool,
    /// Seconds.
    lasted: u64,
    recorded: bool,
}

fn out<'a>(one: &'a ListedSession, now: &Zoned) -> SessionOut<'a> {
    SessionOut {
        id: one.id,
        elevation: one.elevation,
        user: &one.user,
        uid: one.uid,
        role: &one.role,
        service: &one.service,
        command: &one.command,
        terminal: json::present(&one.terminal),
        remote: json::present(&one.remote),
        opened_at: rfc3339(one.opened_at),
        closed_at: one.closed_at.and_then(rfc3339),
        running: one.closed_at.is_none(),
        lasted: lasted(one, now),
        recorded: one.recorded,
    }
}
