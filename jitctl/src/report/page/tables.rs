//! The tables of the page.

use jitd_api::Elevation;
use maud::{Markup, html};

use super::super::Report;
use super::super::chain::Chain;
use super::super::life::{Life, Outcome};
use super::super::sums::{Ends, Person, Time, Waits, percent};
use super::parts::{Times, column, count, length, numbers, said, table, whole};

/// Most elevations that are listed one by one: the newest.
const MOST: usize = 1_000;

/// Time held and used: by person and role, by person, by role.
pub(super) fn times(report: &Report) -> Markup {
    let sums = &report.sums;
    let of = |person: &Person| html! { (said(&person.name)) " " span.soft { (person.uid) } };
    let numbers = html! {
        (numbers("Elevations")) (numbers("Sessions")) (numbers("Held")) (numbers("Used"))
        (numbers("Used of held"))
    };
    html! {
        section aria-labelledby="time" {
            h2 id="time" { "Time held and used" }
            @if sums.people.is_empty() {
                p.none { "Nobody held anything." }
            } @else {
                (table("by-person", "By person", &html! { (column("Person")) (numbers) }, &html! {
                    @for (person, time) in &sums.people {
                        tr { th scope="row" { (of(person)) } (cells(time)) }
                    }
                }))
                (table("by-role", "By role", &html! { (column("Role")) (numbers) }, &html! {
                    @for (role, time) in &sums.roles {
                        tr { th scope="row" { (said(role)) } (cells(time)) }
                    }
                }))
                (table(
                    "by-both", "By person and role",
                    &html! { (column("Person")) (column("Role")) (numbers) },
                    &html! {
                        @for ((person, role), time) in &sums.pairs {
                            tr {
                                th scope="row" { (of(person)) }
                                td { (said(role)) }
                                (cells(time))
                            }
                        }
                    },
                ))
            }
        }
    }
}

fn cells(time: &Time) -> Markup {
    html! {
        td.n { (whole(time.elevations)) }
        td.n { (whole(time.sessions)) }
        td.n { (length(time.held)) }
        td.n { (length(time.used)) }
        td.n {
            (time.share()) " %"
            span.share aria-hidden="true" { i style={ "width:" (time.share()) "%" } {} }
        }
    }
}

/// Requests by outcome, and how what was held came to its end.
pub(super) fn requests(report: &Report, times: &Times<'_>) -> Markup {
    let sums = &report.sums;
    html! {
        section aria-labelledby="requests" {
            h2 id="requests" { "Requests and their answers" }
            @if sums.requests == 0 {
                p.none { "Nobody asked for anything." }
            } @else {
                (table(
                    "outcomes", "Requests by outcome, and how long they waited",
                    &html! {
                        (column("Outcome")) (numbers("Requests")) (numbers("Share"))
                        (numbers("Median")) (numbers("95 %")) (numbers("Longest"))
                    },
                    &html! {
                        @for (outcome, waits) in &sums.waits {
                            tr {
                                th scope="row" { (words(*outcome)) }
                                (waited(*outcome, waits, sums.requests))
                            }
                        }
                    },
                ))
            }
            @if sums.total.elevations > 0 { (ends(&sums.ends, times, report.period.to)) }
        }
    }
}

const fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Approved => "approved by people",
        Outcome::Automatic => "approved by the policy",
        Outcome::BrokenGlass => "glass broken: nobody asked",
        Outcome::Denied => "denied",
        Outcome::Cancelled => "taken back before an answer",
        Outcome::Lapsed => "lapsed: nobody answered",
        Outcome::Waiting => "still waiting",
    }
}

fn waited(outcome: Outcome, waits: &Waits, of: usize) -> Markup {
    let count = i64::try_from(waits.count).unwrap_or(0);
    let of = i64::try_from(of).unwrap_or(0);
    let at_once = matches!(outcome, Outcome::Automatic | Outcome::BrokenGlass);
    html! {
        td.n { (whole(waits.count)) }
        td.n { (percent(count, of)) " %" }
        @for wait in [waits.median, waits.p95, waits.longest] {
            td.n { @if at_once { span.none { "–" } } @else { (length(wait)) } }
        }
    }
}

fn ends(ends: &Ends, times: &Times<'_>, until: i64) -> Markup {
    let rows = [
        ("expired: the time was up", ends.expired),
        ("released by the holder", ends.released),
        ("revoked by somebody else, or the policy", ends.revoked),
    ];
    html! {
        (table("ends", "How what was held came to its end", &html! {
            (column("End")) (numbers("Elevations"))
        }, &html! {
            @for (end, count) in rows { tr { th scope="row" { (end) } td.n { (whole(count)) } } }
            tr { th scope="row" { "still held at " (times.at(until)) } td.n { (whole(ends.active)) } }
        }))
    }
}

/// Every time that the glass was broken.
pub(super) fn glass(report: &Report, times: &Times<'_>) -> Markup {
    let broken: Vec<_> = report
        .lives
        .iter()
        .filter(|life| life.elevation.break_glass)
        .collect();
    html! {
        section aria-labelledby="glass" {
            h2 id="glass" { "Break-glass" }
            @if broken.is_empty() {
                p.none { "Nobody broke the glass." }
            } @else {
                (table(
                    "broken", "Roles taken without anybody’s yes",
                    &html! {
                        (numbers("Number")) (column("Person")) (column("Role")) (column("When"))
                        (numbers("Held")) (numbers("Used")) (column("Why"))
                        (column("Acknowledged"))
                    },
                    &html! {
                        @for life in broken {
                            tr {
                                (who(life))
                                td.t { (times.at(life.elevation.requested_at)) }
                                td.n { (length(life.held_for())) }
                                td.n { (length(life.used_for())) }
                                (why(&life.elevation))
                                td { (acknowledged(&life.elevation, times)) }
                            }
                        }
                    },
                ))
            }
        }
    }
}

fn acknowledged(elevation: &Elevation, times: &Times<'_>) -> Markup {
    let by = elevation.acknowledged_by.as_deref().unwrap_or_default();
    html! {
        @match elevation.acknowledged_at {
            Some(at) => { span.yes { "by " (said(by)) } ", " (times.at(at)) },
            None => span.no { "NOT acknowledged" },
        }
    }
}

/// Number, person and role.
fn who(life: &Life) -> Markup {
    html! {
        th.n scope="row" { (life.elevation.id) }
        td { (said(&life.elevation.user)) }
        td { (said(&life.elevation.role)) }
    }
}

fn why(elevation: &Elevation) -> Markup {
    html! {
        td.why {
            @if elevation.reason.is_empty() && elevation.ticket.is_empty() { span.none { "–" } }
            @if !elevation.reason.is_empty() { (said(&elevation.reason)) }
            @if !elevation.ticket.is_empty() { " " span.soft { "[" (said(&elevation.ticket)) "]" } }
        }
    }
}

/// What was refused, to whom.
pub(super) fn refused(report: &Report, times: &Times<'_>) -> Markup {
    html! {
        section aria-labelledby="refused" {
            h2 id="refused" { "Refused attempts" }
            @if report.noted.refused.is_empty() {
                p.none { "Nobody tried what they may not." }
            } @else {
                (table(
                    "refusals", "By person and what they tried",
                    &html! {
                        (column("Person")) (column("Tried")) (numbers("Times"))
                        (column("First")) (column("Last")) (column("Why not, the last time"))
                    },
                    &html! {
                        @for refused in &report.noted.refused {
                            tr {
                                th scope="row" {
                                    @if refused.who.is_empty() { "several, counted together" }
                                    @else { (said(&refused.who)) }
                                }
                                td { (said(&refused.what)) }
                                td.n { (whole(refused.times.count)) }
                                td.t { (times.at(refused.times.first)) }
                                td.t { (times.at(refused.times.last)) }
                                td.why { (said(&refused.because)) }
                            }
                        }
                    },
                ))
            }
        }
    }
}

/// The newest elevations, one by one.
pub(super) fn elevations(report: &Report, times: &Times<'_>) -> Markup {
    let all = report.lives.len();
    html! {
        section aria-labelledby="elevations" {
            h2 id="elevations" { "Elevations" }
            @if all > MOST {
                p { "The newest " (whole(MOST)) " of " (whole(all)) ". " code { "jitctl report --csv" }
                    " has all of them." }
            }
            @if all == 0 {
                p.none { "None." }
            } @else {
                (table(
                    "listed", "Elevations, newest first",
                    &html! {
                        (numbers("Number")) (column("Person")) (column("Role"))
                        (column("Requested")) (column("Outcome")) (column("Held from"))
                        (numbers("Held")) (numbers("Used")) (column("Why"))
                    },
                    &html! {
                        @for life in report.lives.iter().take(MOST) { (listed(life, times)) }
                    },
                ))
            }
        }
    }
}

fn listed(life: &Life, times: &Times<'_>) -> Markup {
    let elevation = &life.elevation;
    let held = life.held.is_some();
    html! {
        tr {
            (who(life))
            td.t { (times.at(elevation.requested_at)) }
            td { (decided(life)) }
            td.t { (times.maybe(life.held.map(|held| held.from))) }
            @for ms in [life.held_for(), life.used_for()] {
                td.n { @if held { (length(ms)) } @else { span.none { "–" } } }
            }
            (why(elevation))
        }
    }
}

/// What came of a request, and by whom.
fn decided(life: &Life) -> Markup {
    let elevation = &life.elevation;
    let word = match life.outcome {
        Outcome::BrokenGlass => "glass broken",
        Outcome::Cancelled => "taken back",
        outcome => outcome.as_str(),
    };
    let by: Vec<_> = elevation
        .decisions
        .iter()
        .map(|decision| &decision.by)
        .collect();
    html! {
        @if life.outcome == Outcome::BrokenGlass { span.no { (word) } } @else { (word) }
        @if !by.is_empty() { " by " }
        @for (number, by) in by.into_iter().enumerate() {
            @if number > 0 { ", " }
            (said(by))
        }
        @if life.held.is_some() { span.soft { "; " (elevation.state) } }
    }
}

/// Whether the record is whole, and what else is on it.
pub(super) fn record(report: &Report, times: &Times<'_>) -> Markup {
    html! {
        section aria-labelledby="record" {
            h2 id="record" { "The record" }
            (chain(&report.chain))
            @if !report.noted.others.is_empty() {
                (table(
                    "others", "What else was put on it in the period",
                    &html! {
                        (column("Event")) (numbers("Times")) (column("First")) (column("Last"))
                    },
                    &html! {
                        @for (event, of) in &report.noted.others {
                            tr {
                                th scope="row" { (said(event)) }
                                td.n { (whole(of.count)) }
                                td.t { (times.at(of.first)) }
                                td.t { (times.at(of.last)) }
                            }
                        }
                    },
                ))
            }
        }
    }
}

fn chain(chain: &Chain) -> Markup {
    html! {
        @match chain {
            Chain::Whole { first, last, head } => {
                p {
                    span.yes { "The chain is whole: " }
                    @if *first > 1 {
                        "each event from " (first) " to " (last) " fits the one before it. Those
                        before " (first) " are archived; " code { "jitctl audit verify" } " reads
                        them."
                    } @else {
                        "each of its " (count(usize::try_from(*last).unwrap_or(0), "event", "events"))
                        " fits the one before it."
                    }
                }
                p {
                    "Event " (last) " has the link " code { (head.to_string()) }
                    ". A log that was sent elsewhere has the same link for that event, or the
                    record was rewritten as a whole since."
                }
            },
            Chain::Empty => p { "There is no event." },
            Chain::Broken { seq, why } => {
                p {
                    span.no { "The chain is broken" }
                    @if let Some(seq) = seq { " at event " (seq) } ": " (said(why)) ". "
                    "What comes after was not looked at."
                }
            },
            Chain::NotChecked => p {
                "It was not checked: that takes all of it, which only root and auditors can read."
            },
        }
    }
}
