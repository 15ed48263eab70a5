//! `break-glass`: take a role at once.

use jitd_api::RequestOptions;

use super::giving::patiently;
use super::request::way_out;
use crate::args::Seconds;
use crate::cli::BreakGlass;
use crate::error::Failure;
use crate::output::escape::escape;
use crate::output::{self, Screen, words};
use crate::{bus, clock};

/// `break-glass`.
pub(crate) async fn run(options: BreakGlass) -> Result<(), Failure> {
    let asked = RequestOptions {
        duration: options.length.map(|Seconds(seconds)| seconds),
        start: None,
        reason: Some(options.reason),
        ticket: options.ticket,
    };
    let elevations = bus::elevations().await?;
    let id = patiently(elevations.break_glass(&options.role, &asked))
        .await
        .map_err(|error| way_out(bus::failure(error)))?;
    let printed = output::print(&id.to_string());
    let elevation = elevations.get(id).await.map_err(bus::failure)?;
    let said = format!(
        "The glass is broken: you hold {} {}. An approver must acknowledge it.",
        escape(&elevation.role),
        words::until(&elevation, &clock::now())
    );
    output::tell(&Screen::of_stderr().paint("31", &said));
    printed
}
