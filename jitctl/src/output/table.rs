//! Tables: coloured and cut to fit on a terminal, plain and whole in a pipe.

use comfy_table::presets::NOTHING;
use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Row, Table as Grid,
};
use jiff::Zoned;
use jitd_api::{Elevation, Role, State};

use super::escape::escape;
use super::{Screen, time};

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
        grid.set_header(
            headings
                .iter()
                .map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)),
        );
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

    /// The table, without spaces at the ends of lines.
    pub(crate) fn render(mut self) -> String {
        for column in self.grid.column_iter_mut() {
            column.set_padding((0, 2));
        }
        if let Some(width) = self.screen.width {
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

/// A cell with a state in its colour.
fn state(word: &str) -> Cell {
    let cell = text(word);
    match word.parse() {
        Ok(State::Active) => cell.fg(Color::DarkGreen),
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
        table.row(vec![
            text(&elevation.id.to_string()),
            state(&elevation.state),
            text(&elevation.user),
            text(&elevation.role),
            text(&time::duration(elevation.duration)),
            text(&time::local(elevation.requested_at, now)),
            text(&until(elevation, now)),
            text(&elevation.reason),
        ]);
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
        table.row(vec![
            text(&elevation.id.to_string()),
            text(&elevation.user),
            text(&elevation.role),
            text(&time::duration(elevation.duration)),
            text(&time::relative(elevation.requested_at, now)),
            text(&or_dash(
                elevation.lapses_at.map(|at| time::relative(at, now)),
            )),
            text(&elevation.reason),
        ]);
    }
    table.render()
}

/// Elevations of the reader.
pub(crate) fn own(elevations: &[Elevation], screen: Screen, now: &Zoned) -> String {
    let mut table = Table::new(screen, &["ID", "STATE", "ROLE", "FOR", "UNTIL", "REASON"]);
    for elevation in elevations {
        table.row(vec![
            text(&elevation.id.to_string()),
            state(&elevation.state),
            text(&elevation.role),
            text(&time::duration(elevation.duration)),
            text(&until(elevation, now)),
            text(&elevation.reason),
        ]);
    }
    table.render()
}

/// Roles that the reader may ask for.
pub(crate) fn roles(roles: &[Role], screen: Screen) -> String {
    let mut table = Table::new(
        screen,
        &["ROLE", "FOR", "AT MOST", "REASON", "OPENS", "DESCRIPTION"],
    );
    for role in roles {
        table.row(vec![
            text(&role.name),
            text(&time::duration(role.default_duration)),
            text(&time::duration(role.max_duration)),
            text(if role.reason_required {
                "required"
            } else {
                "optional"
            }),
            text(&role.services.join(",")),
            text(&role.description),
        ]);
    }
    table.render()
}

/// Until when it is what it is: an active one ends, a pending one lapses, others are over.
fn until(elevation: &Elevation, now: &Zoned) -> String {
    match elevation.state.parse() {
        Ok(State::Active) => with_distance(elevation.ends_at, now),
        Ok(State::Pending) => with_distance(elevation.lapses_at, now),
        _ => or_dash(elevation.ended_at.map(|at| time::local(at, now))),
    }
}

fn with_distance(at: Option<i64>, now: &Zoned) -> String {
    or_dash(at.map(|at| format!("{} ({})", time::local(at, now), time::relative(at, now))))
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}
