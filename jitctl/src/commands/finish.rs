//! `cancel`, `end`, `revoke`: what makes an elevation be over.

use jitd_api::Elevation;

use super::about;
use crate::bus;
use crate::cli::{Cancel, End, Revoke};
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::{self, json};

/// `cancel`.
pub(crate) async fn cancel(options: Cancel) -> Result<(), Failure> {
    let elevation = bus::elevations()
        .await?
        .cancel(options.id)
        .await
        .map_err(|error| about(options.id, bus::failure(error)))?;
    output::print(&if options.json {
        json::elevation(&elevation)?
    } else {
        format!(
            "Cancelled {}: your request for {} is withdrawn.",
            elevation.id,
            escape(&elevation.role)
        )
    })
}

/// `end`.
pub(crate) async fn end(options: End) -> Result<(), Failure> {
    let ended = bus::elevations()
        .await?
        .end(options.id.unwrap_or(0))
        .await
        .map_err(|error| {
            let failure = bus::failure(error);
            match options.id {
                Some(id) => about(id, failure),
                None => failure,
            }
        })?;
    report(
        &ended,
        options.json,
        "You hold nothing that could end.",
        |elevation| {
            format!(
                "Ended {}: you no longer hold {}.",
                elevation.id,
                escape(&elevation.role)
            )
        },
    )
}

/// `revoke`.
pub(crate) async fn revoke(options: Revoke) -> Result<(), Failure> {
    let elevations = bus::elevations().await?;
    let ended = match options.id {
        Some(id) => elevations
            .revoke(id, &options.comment)
            .await
            .map(|elevation| vec![elevation])
            .map_err(|error| way_out(about(id, bus::failure(error))))?,
        None => elevations
            .revoke_matching(
                options.user.as_deref().unwrap_or(""),
                options.role.as_deref().unwrap_or(""),
                &options.comment,
            )
            .await
            .map_err(|error| way_out(bus::failure(error)))?,
    };
    report(
        &ended,
        options.json,
        "Nothing active to revoke.",
        |elevation| {
            format!(
                "Revoked {}: {} no longer holds {}.",
                elevation.id,
                escape(&elevation.user),
                escape(&elevation.role)
            )
        },
    )
}

fn report(
    ended: &[Elevation],
    as_json: bool,
    nothing: &str,
    sentence: impl Fn(&Elevation) -> String,
) -> Result<(), Failure> {
    if as_json {
        return output::print(&json::elevations(ended)?);
    }
    if ended.is_empty() {
        output::tell(nothing);
        return Ok(());
    }
    let lines: Vec<_> = ended.iter().map(sentence).collect();
    output::print(&lines.join("\n"))
}

fn way_out(failure: Failure) -> Failure {
    match failure.kind() {
        Kind::NotAllowed => failure.hint("to end one of your own: jitctl end ID"),
        _ => failure,
    }
}
