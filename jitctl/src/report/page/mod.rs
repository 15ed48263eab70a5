//! The report as one page that needs nothing else: no script, no picture, no font from elsewhere.

mod drawing;
mod parts;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chain::Chain;
use super::{Report, Scope};
use crate::output::escape::escape;
use parts::{Times, said};

/// Nothing may be fetched, whatever a text of the page says.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const STYLE: &str = include_str!("style.css");

/// The whole page.
pub(crate) fn document(report: &Report) -> String {
    let times = Times::of(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (heading(report)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (header(report, &times))
                main id="main" {
                    (summary(report))
                    (drawing::section(report, &times))
                    (tables::times(report))
                    (tables::requests(report, &times))
                    (tables::glass(report, &times))
                    (tables::refused(report, &times))
                    (tables::elevations(report, &times))
                    (tables::record(report, &times))
                }
                footer { (how_counted(report)) }
            }
        }
    }
    .into_string()
}

/// Of the window: it can have no markup.
fn heading(report: &Report) -> String {
    let host = escape(&report.making.host);
    match &report.scope {
        Scope::Everybody => format!("Privilege on {host}"),
        Scope::Own(name) => format!("Privilege of {} on {host}", escape(name)),
    }
}

fn title(report: &Report) -> Markup {
    match &report.scope {
        Scope::Everybody => html! { "Privilege on " (said(&report.making.host)) },
        Scope::Own(name) => html! {
            "Privilege of " (said(name)) " on " (said(&report.making.host))
        },
    }
}

fn header(report: &Report, times: &Times<'_>) -> Markup {
    html! {
        header {
            h1 { (title(report)) }
            p {
                strong { (times.at(report.period.from)) " to " (times.at(report.period.to)) }
            }
            p.soft {
                "Made by " (said(&report.making.by)) " on "
                (times.at(report.making.at.timestamp().as_millisecond()))
                ". All times are in " (times.zone()) "."
            }
            @if let Scope::Own(name) = &report.scope {
                p.note.warn {
                    strong { "Not everybody’s." } " "
                    (said(name)) " may read only what is about " (said(name))
                    ", and this report has nothing else."
                }
            }
            (verdict(&report.chain))
            @if let Some(at) = report.cut {
                p.note.warn {
                    strong { "Not all of the period is in the record." } " What happened before "
                    (times.at(at)) " was archived: of that time sessions, and with them the time
                    used, refused attempts and other events are missing here."
                }
            }
            nav aria-label="Contents" {
                ul {
                    li { a href="#timeline" { "Timeline" } }
                    li { a href="#time" { "Time held and used" } }
                    li { a href="#requests" { "Requests" } }
                    li { a href="#glass" { "Break-glass" } }
                    li { a href="#refused" { "Refused attempts" } }
                    li { a href="#elevations" { "Elevations" } }
                    li { a href="#record" { "The record" } }
                }
            }
        }
    }
}

/// Whether what the report is made from can be believed.
fn verdict(chain: &Chain) -> Markup {
    match chain {
        Chain::Whole { .. } => html! {
            p.note.good { strong { "Record verified." } " " a href="#record" {
                "Its chain is whole" } "." }
        },
        Chain::Empty => html! {
            p.note.warn { strong { "The record is empty." } " Nothing was ever put on it." }
        },
        Chain::Broken { .. } => html! {
            p.note.bad { strong { "The record was tampered with, or damaged." } " "
                a href="#record" { "Its chain is broken" }
                ": what this report says of the record can’t be relied on." }
        },
        Chain::NotChecked => html! {
            p.note.warn { strong { "Record not verified." } " Only root and auditors can read all
                of it." }
        },
    }
}

fn summary(report: &Report) -> Markup {
    let sums = &report.sums;
    let refused: u64 = report.noted.refused.iter().map(|r| r.times.count).sum();
    let (broken, open) = sums.glass;
    let tile = |alarm: bool, big: Markup, what: &str, more: Markup| {
        html! {
            div class=(if alarm { "bad" } else { "" }) {
                dt { (what) }
                dd.big { (big) }
                dd.more { (more) }
            }
        }
    };
    html! {
        section aria-labelledby="summary" {
            h2 id="summary" { "In short" }
            dl.tiles {
                (tile(false, html! { (parts::whole(sums.total.elevations)) }, "elevations held",
                    html! { "by " (parts::count(sums.people.len(), "person", "people")) }))
                (tile(false, html! { (parts::length(sums.total.held)) }, "held",
                    html! { (parts::length(sums.total.used)) " of it used, "
                        (sums.total.share()) " %" }))
                (tile(false, html! { (parts::whole(sums.requests)) }, "requests", html! {
                    @match &sums.answered {
                        Some(waits) => { "answered after " (parts::length(waits.median))
                            " (median)" },
                        None => "none needed an answer",
                    }
                }))
                (tile(open > 0, html! { (broken) }, "break-glass uses", html! {
                    @if open > 0 { (open) " not acknowledged" }
                    @else if broken > 0 { "all acknowledged" }
                    @else { "never" }
                }))
                (tile(false, html! { (parts::whole(refused)) }, "attempts refused", html! {
                    "of " (parts::count(refused_people(report), "person", "people"))
                }))
            }
        }
    }
}

fn refused_people(report: &Report) -> usize {
    let who = report.noted.refused.iter().map(|refused| &refused.who);
    who.collect::<std::collections::HashSet<_>>().len()
}

fn how_counted(report: &Report) -> Markup {
    html! {
        h2 { "How it was counted" }
        p {
            "Held is the time in which an elevation was active, used the time in which a session
            was open under it; both within the period. What overlaps counts once: for a person also
            across roles, so that a person’s time can be less than the sum of the roles’.
            Requests are those of the period; elevations that were asked for before it and held in
            it count for the time alone. 95 % waited no longer than the time under “95 %”."
        }
        p { "jitctl " (env!("CARGO_PKG_VERSION")) ", on " (said(&report.making.host)) "." }
    }
}
