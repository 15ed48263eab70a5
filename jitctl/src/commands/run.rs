//! `run`: ask, wait, and become sudo.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use jitd_api::State;

use super::giving::patiently;
use super::request::{asked, granted, not_granted, way_out};
use super::wait::{Goal, Wait, deadline};
use crate::cli::Run;
use crate::error::{Failure, Kind};
use crate::output;
use crate::{bus, clock};

/// `run`. stdout is left to the command.
pub(crate) async fn run(options: Run) -> Result<(), Failure> {
    // Before anybody is asked in vain.
    let sudo = sudo().ok_or_else(|| {
        Failure::new(Kind::Failed, "there is no sudo in PATH")
            .hint("install sudo, or: jitctl request, and what else opens the role")
    })?;
    let asked = asked(&options.terms)?;
    let elevations = bus::elevations().await?;
    let mut wait = Wait::listen(&elevations).await?;
    let asking = patiently(elevations.request(&options.terms.role, &asked));
    let id = wait.ask(asking).await.map_err(way_out)?;
    output::tell(&format!("Request {id}."));
    let elevation = wait
        .until(Goal::Active, id, deadline(options.timeout))
        .await?;
    match elevation.state.parse() {
        Ok(State::Active) => {}
        state => return Err(not_granted(&elevation, state.ok())),
    }
    output::tell(&granted(&elevation, &clock::now()));
    let cause = Command::new(&sudo).args(&options.command).exec();
    Err(Failure::new(
        Kind::Failed,
        format!("{} does not start: {cause}", sudo.display()),
    )
    .hint(format!("to give the role back: jitctl end {id}")))
}

fn sudo() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("sudo"))
        .find(|sudo| sudo.is_file())
}
