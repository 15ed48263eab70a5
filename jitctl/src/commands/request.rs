//! `request` and `extend`: ask, and wait when told to.

use std::future::Future;

use jiff::Zoned;
use jitd_api::{Elevation, ElevationsProxy, Error, RequestOptions, State};

use super::about;
use super::giving::patiently;
use super::wait::{Goal, Wait, deadline};
use crate::args::{Moment, Seconds};
use crate::cli::{Extend, Request, Terms, Waiting};
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::{self, words};
use crate::{bus, clock};

/// `request`.
pub(crate) async fn request(options: Request) -> Result<(), Failure> {
    let asked = asked(&options.terms)?;
    let elevations = bus::elevations().await?;
    let asking = patiently(elevations.request(&options.terms.role, &asked));
    ask(&elevations, asking, &options.waiting, way_out).await
}

/// `extend`.
pub(crate) async fn extend(options: Extend) -> Result<(), Failure> {
    let asked = RequestOptions {
        duration: Some(options.length.0),
        start: None,
        reason: Some(options.reason),
        ticket: options.ticket,
    };
    let elevations = bus::elevations().await?;
    let asking = patiently(elevations.extend(options.id, &asked));
    let way_out = |failure| about(options.id, failure);
    ask(&elevations, asking, &options.waiting, way_out).await
}

/// What goes to jitd with a request.
pub(super) fn asked(terms: &Terms) -> Result<RequestOptions, Failure> {
    Ok(RequestOptions {
        duration: terms.length.map(|Seconds(seconds)| seconds),
        start: start(terms.start, &clock::now())?,
        reason: terms.reason.clone(),
        ticket: terms.ticket.clone(),
    })
}

/// When it is to begin, in milliseconds since the Unix epoch.
pub(super) fn start(moment: Option<Moment>, now: &Zoned) -> Result<Option<i64>, Failure> {
    let outside = || Failure::new(Kind::Usage, "--at lies outside of the calendar");
    moment
        .map(|moment| moment.to_come(now).ok_or_else(outside))
        .transpose()
}

async fn ask(
    elevations: &ElevationsProxy<'static>,
    asking: impl Future<Output = Result<u64, Error>>,
    waiting: &Waiting,
    way_out: impl Fn(Failure) -> Failure,
) -> Result<(), Failure> {
    // The number goes out before any waiting; that nobody reads it does not end the wait.
    let (decided, printed) = if waiting.wait {
        // Ears open first: a decision can come before the answer to the request.
        let mut wait = Wait::listen(elevations).await?;
        let id = wait.ask(asking).await.map_err(way_out)?;
        let printed = output::print(&id.to_string());
        let goal = Goal::Decided;
        (
            wait.until(goal, id, deadline(waiting.timeout)).await?,
            printed,
        )
    } else {
        let id = asking.await.map_err(|error| way_out(bus::failure(error)))?;
        let printed = output::print(&id.to_string());
        (elevations.get(id).await.map_err(bus::failure)?, printed)
    };
    conclude(&decided, waiting.wait)?;
    printed
}

/// Says what became of the request.
fn conclude(elevation: &Elevation, waited: bool) -> Result<(), Failure> {
    let now = clock::now();
    let id = elevation.id;
    match elevation.state.parse() {
        Ok(State::Active | State::Scheduled) => output::tell(&granted(elevation, &now)),
        Ok(State::Pending) => {
            output::tell(&format!(
                "Request {id} waits for {}.",
                words::waits_for(elevation, &now)
            ));
            output::tell(&format!("hint: jitctl show {id}"));
        }
        _ if !waited => output::tell(&format!(
            "Request {id} is {}{}.",
            escape(&elevation.state),
            words::last_comment(elevation)
        )),
        state => return Err(not_granted(elevation, state.ok())),
    }
    Ok(())
}

/// What the requester of an active or scheduled elevation has of it.
pub(super) fn granted(elevation: &Elevation, now: &Zoned) -> String {
    let role = escape(&elevation.role);
    if elevation.state == State::Scheduled.as_str() {
        return format!("Scheduled: {role} {}.", words::window(elevation, now));
    }
    let until = words::until(elevation, now);
    if elevation.decisions.is_empty() {
        format!("Approved automatically: you hold {role} {until}.")
    } else {
        format!("{role} is active {until}.")
    }
}

/// Why a request that was waited for gave nothing.
pub(super) fn not_granted(elevation: &Elevation, state: Option<State>) -> Failure {
    let by = elevation
        .ended_by
        .as_ref()
        .map(|by| format!(" by {by}"))
        .unwrap_or_default();
    let comment = match elevation.decisions.last() {
        Some(decision) if !decision.comment.is_empty() => format!(": \"{}\"", decision.comment),
        _ => String::new(),
    };
    let ended = elevation.ended_at;
    let never_began = elevation.starts_at.is_some_and(|start| ended < Some(start));
    let what = match state {
        Some(State::Lapsed) => "lapsed: nobody decided in time".to_owned(),
        Some(State::Denied | State::Cancelled) => format!("was {}{by}{comment}", elevation.state),
        _ if never_began => format!("was {}{by}{comment}", elevation.state),
        _ => format!("began, and is {} already{by}{comment}", elevation.state),
    };
    Failure::new(
        Kind::NotGranted,
        format!("request {} for {} {what}", elevation.id, elevation.role),
    )
    .hint(format!("jitctl show {}", elevation.id))
}

/// Where to look on, when a role was not to be had.
pub(super) fn way_out(failure: Failure) -> Failure {
    match failure.kind() {
        Kind::Failed | Kind::NotAllowed if failure.hints().is_empty() => {
            failure.hint("jitctl status lists the roles you may ask for, and their terms")
        }
        _ => failure,
    }
}
