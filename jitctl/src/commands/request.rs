//! `request`: ask, and wait when told to.

use std::time::Duration;

use jitd_api::{Elevation, RequestOptions, State};
use tokio::time::Instant;

use super::wait::Wait;
use crate::args::Seconds;
use crate::cli::Request;
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::{self, words};
use crate::{bus, clock};

/// `request`.
pub(crate) async fn run(options: Request) -> Result<(), Failure> {
    let elevations = bus::elevations().await?;
    let asked = RequestOptions {
        duration: options.length.map(|Seconds(seconds)| seconds),
        reason: options.reason,
    };
    // The number goes out before any waiting; that nobody reads it does not end the wait.
    let (decided, printed) = if options.wait {
        // Ears open first: a decision can come before the answer to the request.
        let mut wait = Wait::listen(&elevations).await?;
        let id = wait.request(&options.role, &asked).await.map_err(way_out)?;
        let printed = output::print(&id.to_string());
        (
            wait.until_decided(id, deadline(options.timeout)).await?,
            printed,
        )
    } else {
        let id = elevations
            .request(&options.role, &asked)
            .await
            .map_err(|error| way_out(bus::failure(error)))?;
        let printed = output::print(&id.to_string());
        (elevations.get(id).await.map_err(bus::failure)?, printed)
    };
    conclude(&decided, options.wait)?;
    printed
}

fn deadline(timeout: Option<Seconds>) -> Option<Instant> {
    let Seconds(seconds) = timeout?;
    Instant::now().checked_add(Duration::from_secs(seconds))
}

/// Says what became of the request.
fn conclude(elevation: &Elevation, waited: bool) -> Result<(), Failure> {
    let now = clock::now();
    let (id, role) = (elevation.id, escape(&elevation.role));
    match elevation.state.parse() {
        Ok(State::Active) => {
            output::tell(&format!(
                "{role} is active {}.",
                words::until(elevation, &now)
            ));
            Ok(())
        }
        Ok(State::Pending) => {
            output::tell(&format!(
                "Request {id} waits for {}.",
                words::waits_for(elevation, &now)
            ));
            output::tell(&format!("hint: jitctl show {id}"));
            Ok(())
        }
        _ if !waited => {
            output::tell(&format!(
                "Request {id} is {}{}.",
                escape(&elevation.state),
                words::last_comment(elevation)
            ));
            Ok(())
        }
        state => Err(not_granted(elevation, state.ok())),
    }
}

fn not_granted(elevation: &Elevation, state: Option<State>) -> Failure {
    let by = elevation
        .ended_by
        .as_ref()
        .map(|by| format!(" by {by}"))
        .unwrap_or_default();
    let comment = match elevation.decisions.last() {
        Some(decision) if !decision.comment.is_empty() => format!(": \"{}\"", decision.comment),
        _ => String::new(),
    };
    let what = match state {
        Some(State::Lapsed) => "lapsed: nobody decided in time".to_owned(),
        Some(State::Denied | State::Cancelled) => format!("was {}{by}{comment}", elevation.state),
        _ => format!("began, and is {} already{by}{comment}", elevation.state),
    };
    Failure::new(
        Kind::NotGranted,
        format!("request {} for {} {what}", elevation.id, elevation.role),
    )
    .hint(format!("jitctl show {}", elevation.id))
}

fn way_out(failure: Failure) -> Failure {
    match failure.kind() {
        Kind::Failed | Kind::NotAllowed if failure.hints().is_empty() => {
            failure.hint("jitctl status lists the roles you may ask for, and their terms")
        }
        _ => failure,
    }
}
