//! Tables: coloured and cut to fit on a terminal, plain and whole in a pipe.

use comfy_table::presets::NOTHING;
use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Row, Table as Grid,
};
use jiff::Zoned;
use jitd_api::{Elevation, Role, State};

use super::escape::escape;
use super::{Screen, people, time, words};

/// Fewest characters of the last column that are worth cutting it for.
const LEAST: usize = 12;

/// A table of one row a line, without borders. On a terminal its last column is
/// cut to fit; the others keep their width.
pub(crate) struct Table {
    screen: Screen,
    grid: Grid,
    columns: usize,
}

impl Table {
    /// A table with its headings.
    pub(crate) fn new(screen: Screen, headings: &[&str]) -> Self {
        let mut grid = Grid::new();
        grid.load_style(NOTHING)
            .set_truncation_indicator("…")
            .set_content_arrangement(ContentArrangement::Disabled);
        if screen.colour {
            grid.enforce_styling();
        } else {
            grid.force_no_tty();
        }
        let bold = |heading| Cell::new(heading).add_attribute(Attribute::Bold);
        let mut row: Row = headings.iter().map(bold).collect::<Vec<_>>().into();
        row.max_height(1);
        grid.set_header(row);
        Self {
            screen,
            grid,
            columns: headings.len(),
        }
    }

    /// Adds a row of cells, made by [`text`] and [`state`].
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        let mut row = Row::from(cells);
        row.max_height(1);
        self.grid.add_row(row);
    }

    /// Adds a row about an elevation: all red while a broken glass is not acknowledged.
    fn elevation(&mut self, elevation: &Elevation, cells: Vec<Cell>) {
        if words::is_unacknowledged(elevation) {
            let red = |cell: Cell| cell.fg(Color::DarkRed);
            self.row(cells.into_iter().map(red).collect());
        } else {
            self.row(cells);
        }
    }

    /// The table, without spaces at the ends of lines.
    pub(crate) fn render(mut self) -> String {
        for column in self.grid.column_iter_mut() {
            column.set_padding((0, 2));
        }
        // Too narrow for a word in the last column: whole lines, which the terminal wraps.
        let needed = self.grid.column_max_content_widths();
        let others: usize = needed
            .iter()
            .rev()
            .skip(1)
            .map(|width| usize::from(*width) + 2)
            .sum();
        let room = |width: &u16| usize::from(*width) >= others + LEAST;
        if let Some(width) = self.screen.width.filter(room) {
            self.grid
                .set_width(width)
                .set_content_arrangement(ContentArrangement::Dynamic);
            for index in 0..self.columns.saturating_sub(1) {
                if let Some(column) = self.grid.column_mut(index) {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
            }
        }
        self.grid.trim_fmt()
    }
}

/// A cell of text from anyone.
pub(crate) fn text(content: &str) -> Cell {
    Cell::new_owned(escape(content))
}

/// A cell with a state in its colour; without colours, the word says what red would.
fn state(elevation: &Elevation, screen: Screen) -> Cell {
    let word = &elevation.state;
    if !screen.colour && words::is_unacknowledged(elevation) {
        return text(&format!("{word} (break-glass)"));
    }
    let cell = text(word);
    match word.parse() {
        Ok(State::Active) => cell.fg(Color::DarkGreen),
        Ok(State::Scheduled) => cell.fg(Color::DarkCyan),
        Ok(State::Pending) => cell.fg(Color::DarkYellow),
        Ok(State::Denied | State::Revoked) => cell.fg(Color::DarkRed),
        Ok(State::Expired | State::Released | State::Cancelled | State::Lapsed) => {
            cell.fg(Color::DarkGrey)
        }
        Err(_) => cell,
    }
}

/// The SGR style of a state, for text outside of tables.
pub(crate) fn state_style(word: &str) -> &'static str {
    match word.parse() {
        Ok(State::Active) => "32",
        Ok(State::Scheduled) => "36",
        Ok(State::Pending) => "33",
        Ok(State::Denied | State::Revoked) => "31",
        _ => "0",
    }
}

/// Elevations of several people, newest first.
pub(crate) fn elevations(elevations: &[Elevation], screen: Screen, now: &Zoned) -> String {
    let mut table = Table::new(
        screen,
        &[
            "ID",
            "STATE",
            "USER",
            "ROLE",
            "FOR",
            "REQUESTED",
            "UNTIL",
            "REASON",
        ],
    );
    for elevation in elevations {
        let cells = vec![
            text(&elevation.id.to_string()),
            state(elevation, screen),
            text(&elevation.user),
            text(&elevation.role),
            text(&time::duration(elevation.duration)),
            text(&time::local(elevation.requested_at, now)),
            text(&until(elevation, now)),
            text(&elevation.reason),
        ];
        table.elevation(elevation, cells);
    }
    table.render()
}

/// Requests that wait for the reader's decision.
pub(crate) fn pending(elevations: &[Elevation], screen: Screen, now: &Zoned) -> String {
    let mut table = Table::new(
        screen,
        &["ID", "USER", "ROLE", "FOR", "REQUESTED", "LAPSES", "REASON"],
    );
    for elevation in elevations {
        let cells = vec![
            text(&elevation.id.to_string()),
            text(&elevation.user),
            text(&elevation.role),
            text(&time::duration(elevation.duration)),
            text(&time::relative(elevation.requested_at, now)),
            text(&or_dash(
                elevation.lapses_at.map(|at| time::relative(at, now)),
            )),
            text(&elevation.reason),
        ];
        table.elevation(elevation, cells);
    }
    table.render()
}

/// Elevations of the reader.
pub(crate) fn own(elevations: &[Elevation], screen: Screen, now: &Zoned) -> String {
    let mut table = Table::new(screen, &["ID", "STATE", "ROLE", "FOR", "UNTIL", "REASON"]);
    for elevation in elevations {
        let cells = vec![
            text(&elevation.id.to_string()),
            state(elevation, screen),
            text(&elevation.role),
            text(&time::duration(elevation.duration)),
            text(&until(elevation, now)),
            text(&elevation.reason),
        ];
        table.elevation(elevation, cells);
    }
    table.render()
}

/// Roles that the reader may ask for, or take.
pub(crate) fn roles(roles: &[Role], screen: Screen) -> String {
    let mut table = Table::new(
        screen,
        &[
            "ROLE",
            "FOR",
            "AT MOST",
            "NEEDS",
            "REASON",
            "TICKET",
            "OPENS",
            "DESCRIPTION",
        ],
    );
    for role in roles {
        table.row(vec![
            text(&role.name),
            text(&time::duration(role.default_duration)),
            text(&time::duration(role.max_duration)),
            text(&ways(role)),
            text(demanded(role.reason_required)),
            text(demanded(role.ticket_required)),
            text(&role.services.join(",")),
            text(&role.description),
        ]);
    }
    table.render()
}

/// What it takes to hold a role.
fn ways(role: &Role) -> String {
    let asking = people::how_many(&role.needs);
    match (role.eligible, role.break_glass) {
        (true, true) => format!("{asking} or break-glass"),
        (false, true) => "break-glass alone".to_owned(),
        _ => asking,
    }
}

fn demanded(required: bool) -> &'static str {
    if required { "required" } else { "optional" }
}

/// Until when it is what it is: an active one ends, a pending one lapses, others are over. One
/// that is scheduled says from when, too.
fn until(elevation: &Elevation, now: &Zoned) -> String {
    match elevation.state.parse() {
        Ok(State::Active) => with_distance(elevation.ends_at, now),
        Ok(State::Pending) => with_distance(elevation.lapses_at, now),
        Ok(State::Scheduled) => {
            let local = |at: Option<i64>| or_dash(at.map(|at| time::local(at, now)));
            let (from, until) = (local(elevation.starts_at), local(elevation.ends_at));
            format!("{until} (from {from})")
        }
        _ => or_dash(elevation.ended_at.map(|at| time::local(at, now))),
    }
}

fn with_distance(at: Option<i64>, now: &Zoned) -> String {
    or_dash(at.map(|at| format!("{} ({})", time::local(at, now), time::relative(at, now))))
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}
