//! A row for each elevation, for a spreadsheet.

use super::Report;
use super::life::Life;
use crate::error::{Failure, Kind};
use crate::output::time::rfc3339;

const HEADINGS: [&str; 21] = [
    "id",
    "user",
    "uid",
    "role",
    "state",
    "outcome",
    "requested_at",
    "waited",
    "held_from",
    "held_until",
    "held",
    "used",
    "sessions",
    "ended_at",
    "ended_by",
    "decided_by",
    "break_glass",
    "acknowledged_at",
    "acknowledged_by",
    "ticket",
    "reason",
];

/// The report as CSV by RFC 4180: times RFC 3339 in UTC, lengths in seconds, nothing where there
/// is nothing.
pub(crate) fn document(report: &Report) -> Result<Vec<u8>, Failure> {
    let failed =
        |error: csv::Error| Failure::new(Kind::Failed, format!("cannot write CSV: {error}"));
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(HEADINGS).map_err(failed)?;
    for life in &report.lives {
        let cells = cells(life).map(|cell| harmless(&cell));
        writer.write_record(cells).map_err(failed)?;
    }
    let failed = |why: String| Failure::new(Kind::Failed, format!("cannot write CSV: {why}"));
    writer
        .into_inner()
        .map_err(|error| failed(error.to_string()))
}

fn cells(life: &Life) -> [String; 21] {
    let elevation = &life.elevation;
    let at = |at: Option<i64>| at.and_then(rfc3339).unwrap_or_default();
    let seconds = |ms: i64| (ms / 1000).to_string();
    let decided: Vec<_> = elevation.decisions.iter().map(|d| d.by.as_str()).collect();
    [
        elevation.id.to_string(),
        elevation.user.clone(),
        elevation.uid.to_string(),
        elevation.role.clone(),
        elevation.state.clone(),
        life.outcome.as_str().to_owned(),
        at(Some(elevation.requested_at)),
        seconds(life.waited),
        at(life.held.map(|held| held.from)),
        at(life.held.map(|held| held.to)),
        seconds(life.held_for()),
        seconds(life.used_for()),
        life.sessions.to_string(),
        at(elevation.ended_at),
        elevation.ended_by.clone().unwrap_or_default(),
        decided.join(" "),
        elevation.break_glass.to_string(),
        at(elevation.acknowledged_at),
        elevation.acknowledged_by.clone().unwrap_or_default(),
        elevation.ticket.clone(),
        elevation.reason.clone(),
    ]
}

/// What a spreadsheet would take for a formula begins with an apostrophe, which makes it text.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for text in ["", "restart web", "1-1", "a=b", "'quoted"] {
            assert_eq!(harmless(text), text);
        }
    }
}
