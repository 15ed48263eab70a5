//! `status`: what I hold, what waits, what I may ask for.

use jiff::Zoned;

use crate::cli::Status;
use crate::error::Failure;
use crate::output::escape::escape;
use crate::output::{self, Screen, json, table};
use crate::{bus, clock};

/// `status`.
pub(crate) async fn run(options: Status) -> Result<(), Failure> {
    let elevations = bus::elevations().await?;
    let status = elevations.status().await.map_err(bus::failure)?;
    output::print(&if options.json {
        json::status(&status)?
    } else {
        describe(&status, Screen::of_stdout(), &clock::now())
    })
}

fn describe(status: &jitd_api::Status, screen: Screen, now: &Zoned) -> String {
    let mut sections = Vec::new();
    let mut section = |title: &str, body: &str| {
        sections.push(format!("{}\n{}", screen.bold(title), body.trim_end()));
    };
    let user = escape(&status.user);
    if status.active.is_empty() && status.scheduled.is_empty() && status.pending.is_empty() {
        section(&format!("{user} holds nothing."), "");
    }
    if !status.active.is_empty() {
        section(
            &format!("{user} holds:"),
            &table::own(&status.active, screen, now),
        );
    }
    if !status.scheduled.is_empty() {
        section("Scheduled:", &table::own(&status.scheduled, screen, now));
    }
    if !status.pending.is_empty() {
        section(
            "Waiting for a decision:",
            &table::own(&status.pending, screen, now),
        );
    }
    if status.roles.is_empty() {
        section("There is no role you may ask for.", "");
    } else {
        section(
            "You may ask for (jitctl request ROLE):",
            &table::roles(&status.roles, screen),
        );
    }
    if status.roles.iter().any(|role| role.break_glass) {
        let how = "In an emergency, without a decision: jitctl break-glass ROLE --reason TEXT";
        section(how, "");
    }
    match status.to_decide {
        0 => {}
        1 => section("1 request waits for your decision: jitctl pending", ""),
        n => section(
            &format!("{n} requests wait for your decision: jitctl pending"),
            "",
        ),
    }
    match status.to_acknowledge {
        0 => {}
        1 => section("1 broken glass is to be acknowledged: jitctl pending", ""),
        n => section(
            &format!("{n} broken glasses are to be acknowledged: jitctl pending"),
            "",
        ),
    }
    let trimmed: Vec<_> = sections.iter().map(|section| section.trim_end()).collect();
    trimmed.join("\n\n")
}
