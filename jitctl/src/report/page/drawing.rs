//! Who held what when, drawn.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use super::super::Report;
use super::super::timeline::{Bar, Row, Timeline, WIDTH};
use super::parts::{self, Times, said};
use crate::output::escape::escape;

/// The height of a strip, in units.
const HEIGHT: i64 = 20;
/// So few marks that every other one has room for its label on a phone.
const FEW: usize = 7;
/// What is above and below an ordinary bar.
const MARGIN: i64 = 3;

pub(super) fn section(report: &Report, times: &Times<'_>) -> Markup {
    let timeline = Timeline::of(
        &report.lives,
        &report.sums,
        report.period,
        times.time_zone(),
    );
    html! {
        section aria-labelledby="timeline" {
            h2 id="timeline" { "Who held what, when" }
            @if timeline.rows.is_empty() {
                p.none { "Nobody held anything." }
            } @else {
                (legend())
                @if let Some(stretch) = timeline.stretch {
                    p.soft {
                        "Where elevations are too close together to be told apart, a bar is "
                        (stretch) " in which something was held."
                    }
                }
                div.chart {
                    (definitions(&timeline))
                    (axis(&timeline))
                    @for row in &timeline.rows { (drawn(row, times)) }
                }
                @if timeline.left_out > 0 {
                    p.soft {
                        "Drawn are the " (timeline.rows.len()) " in which most time was held; "
                        (timeline.left_out) " more are in the table by person and role."
                    }
                }
            }
        }
    }
}

fn legend() -> Markup {
    let sample = |class: &str, used: bool| {
        html! {
            svg viewBox="0 0 40 20" preserveAspectRatio="none" aria-hidden="true" {
                rect class=(class) x="0" y="2" width="40" height="16" {}
                @if used { rect class="u" x="0" y="11" width="40" height="7" {} }
            }
        }
    };
    html! {
        ul.legend {
            li { (sample("h", false)) "held" }
            li { (sample("h", true)) "share of it that was used, from below" }
            li { (sample("g", false)) "with broken glass" }
        }
    }
}

/// What all strips share: the hatching, and the lines of the axis.
fn definitions(timeline: &Timeline) -> Markup {
    let mut lines = String::new();
    for mark in &timeline.marks {
        // Writing to a String does not fail.
        let _ = write!(lines, "M{} -2V{}", mark.x, HEIGHT + 2);
    }
    html! {
        svg.defs aria-hidden="true" {
            defs {
                pattern id="hatch" width="8" height="6" patternUnits="userSpaceOnUse" {
                    rect class="hatch-a" width="8" height="6" {}
                    path class="hatch-b" d="M-1 7L9 -1" {}
                }
                path id="lines" class="grid" d=(lines) {}
            }
        }
    }
}

fn axis(timeline: &Timeline) -> Markup {
    html! {
        div.axis aria-hidden="true" {
            div.marks.few[timeline.marks.len() <= FEW] {
                // A label near the end would stick out, most on a phone.
                @for mark in timeline.marks.iter().filter(|mark| mark.x < WIDTH * 19 / 20) {
                    span.late[mark.x > WIDTH * 7 / 10] style={ "left:" (percent(mark.x)) "%" } {
                        (mark.label)
                    }
                }
            }
        }
    }
}

/// Units as percent, to a tenth.
fn percent(x: i64) -> String {
    let tenths = x * 1000 / WIDTH;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn drawn(row: &Row, times: &Times<'_>) -> Markup {
    let held = parts::length(row.time.held);
    let described = format!(
        "{} in {}: held {held} in {} elevations, used {}",
        escape(&row.person.name),
        escape(&row.role),
        row.time.elevations,
        parts::length(row.time.used)
    );
    html! {
        div.row {
            div.of { strong { (said(&row.person.name)) } span.soft { (said(&row.role)) } }
            svg.strip viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none"
                role="img" aria-label=(described) {
                use href="#lines" {}
                (PreEscaped(bars(&row.bars, times)))
            }
            div.sum { (held) }
        }
    }
}

/// There can be thousands: they are written without detours. Nothing that people wrote is in
/// them.
fn bars(bars: &[Bar], times: &Times<'_>) -> String {
    let mut drawn = String::new();
    for bar in bars {
        let (class, y) = if bar.holds.glass {
            ("g", 0)
        } else {
            ("h", MARGIN)
        };
        let height = HEIGHT - 2 * y;
        let _ = write!(
            drawn,
            r#"<rect class="{class}" x="{}" y="{y}" width="{}" height="{height}"><title>{}</title></rect>"#,
            bar.x,
            bar.width,
            title(bar, times)
        );
        let used = i64::try_from(bar.holds.share()).unwrap_or(0);
        let used = (height * used + 50) / 100;
        if used > 0 {
            let top = y + height - used;
            let _ = write!(
                drawn,
                r#"<rect class="u" x="{}" y="{top}" width="{}" height="{used}"/>"#,
                bar.x, bar.width
            );
        }
    }
    drawn
}

fn title(bar: &Bar, times: &Times<'_>) -> String {
    let (from, to) = (times.plain(bar.span.from), times.plain(bar.span.to));
    let what = match (bar.holds.one, bar.holds.count) {
        (Some(id), _) => format!("Elevation {id}"),
        (None, count) => format!("{count} elevations"),
    };
    let glass = if bar.holds.glass {
        ", glass broken"
    } else {
        ""
    };
    format!(
        "{what}{glass}, {from} to {to}: held {}, used {}",
        parts::length(bar.holds.held),
        parts::length(bar.holds.used)
    )
}
