//! `approve`, `deny` and `acknowledge`.

use jitd_api::{Elevation, State};

use super::about;
use super::giving::patiently;
use crate::args::Seconds;
use crate::cli::{Acknowledge, Approve, Deny};
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::{self, json, words};
use crate::{bus, clock};

/// `approve`.
pub(crate) async fn approve(options: Approve) -> Result<(), Failure> {
    let length = options.length.map_or(0, |Seconds(seconds)| seconds);
    let comment = options.comment.unwrap_or_default();
    let elevations = bus::elevations().await?;
    let elevation = patiently(elevations.approve(options.id, length, &comment))
        .await
        .map_err(|error| way_out(options.id, bus::failure(error)))?;
    tell(options.json, &elevation, approved)
}

/// `deny`.
pub(crate) async fn deny(options: Deny) -> Result<(), Failure> {
    let elevation = bus::elevations()
        .await?
        .deny(options.id, &options.comment)
        .await
        .map_err(|error| way_out(options.id, bus::failure(error)))?;
    tell(options.json, &elevation, denied)
}

/// `acknowledge`.
pub(crate) async fn acknowledge(options: Acknowledge) -> Result<(), Failure> {
    let comment = options.comment.unwrap_or_default();
    let elevation = bus::elevations()
        .await?
        .acknowledge(options.id, &comment)
        .await
        .map_err(|error| way_out(options.id, bus::failure(error)))?;
    tell(options.json, &elevation, acknowledged)
}

fn tell(
    as_json: bool,
    elevation: &Elevation,
    said: fn(&Elevation) -> String,
) -> Result<(), Failure> {
    output::print(&if as_json {
        json::elevation(elevation)?
    } else {
        said(elevation)
    })
}

fn denied(elevation: &Elevation) -> String {
    let (user, role) = (escape(&elevation.user), escape(&elevation.role));
    format!("Denied {}: {user} does not get {role}.", elevation.id)
}

fn acknowledged(elevation: &Elevation) -> String {
    let (user, role) = (escape(&elevation.user), escape(&elevation.role));
    format!(
        "Acknowledged {}: {user} broke the glass for {role}.",
        elevation.id
    )
}

fn approved(elevation: &Elevation) -> String {
    let now = clock::now();
    let (id, user, role) = (
        elevation.id,
        escape(&elevation.user),
        escape(&elevation.role),
    );
    match elevation.state.parse() {
        Ok(State::Active) => format!(
            "Approved {id}: {user} holds {role} {}.",
            words::until(elevation, &now)
        ),
        Ok(State::Scheduled) => format!(
            "Approved {id}: {user} holds {role} {}.",
            words::window(elevation, &now)
        ),
        Ok(State::Pending) => format!(
            "Your yes to {id} counts. Before {user} holds {role}, it needs {}.",
            words::waits_for(elevation, &now)
        ),
        _ => format!("Approved {id}: it is now {}.", escape(&elevation.state)),
    }
}

fn way_out(id: u64, failure: Failure) -> Failure {
    match failure.kind() {
        Kind::NotAllowed => {
            failure.hint("jitctl pending lists what you may decide and acknowledge")
        }
        _ => about(id, failure),
    }
}
