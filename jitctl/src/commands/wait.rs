//! Waiting for a decision, through restarts of jitd.

use std::future::{Future, pending};
use std::time::Duration;

use futures_util::StreamExt;
use jitd_api::{Elevation, ElevationsProxy, Error, State, StateChangedStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep, sleep_until};
use zbus::proxy::OwnerChangedStream;

use crate::args::Seconds;
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::words;
use crate::{bus, clock};
use face::Face;

mod face;

/// How long after the request is over we still hope for a jitd that went away.
const GRACE: Duration = Duration::from_secs(10);
/// How long to wait before knocking again at a jitd that is coming back.
const AGAIN: Duration = Duration::from_millis(100);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// A decision.
    Decided,
    /// That it is held, or never will be.
    Active,
}

impl Goal {
    /// What we say while it is not reached.
    fn waits(self, elevation: &Elevation) -> Option<String> {
        let now = clock::now();
        match (elevation.state.parse(), self) {
            (Ok(State::Pending), _) => {
                Some(format!("Waiting for {}", words::waits_for(elevation, &now)))
            }
            (Ok(State::Scheduled), Self::Active) => Some(format!(
                "Waiting for its time: {} {}",
                escape(&elevation.role),
                words::window(elevation, &now)
            )),
            _ => None,
        }
    }
}

/// When a wait of a length from now is over.
pub(super) fn deadline(timeout: Option<Seconds>) -> Option<Instant> {
    let Seconds(seconds) = timeout?;
    Instant::now().checked_add(Duration::from_secs(seconds))
}

/// Everything that can wake us, listened to since before the request.
pub(super) struct Wait {
    elevations: ElevationsProxy<'static>,
    changes: StateChangedStream,
    owners: OwnerChangedStream<'static>,
    interrupt: Signal,
    /// When to give up on a jitd that went away.
    give_up: Option<Instant>,
    /// Whether the connection went with it, which was to jitd itself.
    is_cut: bool,
}

/// Why we woke.
enum Wake {
    Changed,
    Gone,
    Interrupted,
    TimedOut,
    GivenUp,
    BusLost,
}

impl Wait {
    /// Starts to listen.
    pub(super) async fn listen(elevations: &ElevationsProxy<'static>) -> Result<Self, Failure> {
        let (changes, owners) = hear(elevations).await?;
        Ok(Self {
            elevations: elevations.clone(),
            changes,
            owners,
            interrupt: signal(SignalKind::interrupt())?,
            give_up: None,
            is_cut: false,
        })
    }

    /// Asks; Ctrl-C works also while jitd is slow to answer.
    pub(super) async fn ask(
        &mut self,
        asking: impl Future<Output = Result<u64, Error>>,
    ) -> Result<u64, Failure> {
        tokio::select! {
            answer = asking => answer.map_err(bus::failure),
            _ = self.interrupt.recv() => Err(Failure::new(
                Kind::Interrupted,
                "jitd has not answered yet; it may have taken the request",
            )
            .hint("jitctl status")),
        }
    }

    /// Waits for it, and gives what the elevation has become.
    pub(super) async fn until(
        mut self,
        goal: Goal,
        id: u64,
        deadline: Option<Instant>,
    ) -> Result<Elevation, Failure> {
        let face = Face::new();
        let mut last: Option<Elevation> = None;
        loop {
            if let Some(elevation) = self.look(id, &face).await? {
                let Some(text) = goal.waits(&elevation) else {
                    return Ok(elevation);
                };
                face.say(&text);
                last = Some(elevation);
            }
            loop {
                match self.wake(id, deadline).await {
                    Wake::Changed => break,
                    Wake::Gone => self.hope_until_over(last.as_ref(), &face),
                    Wake::Interrupted => return Err(interrupted(id)),
                    Wake::TimedOut => return Err(timed_out(id, last.as_ref())),
                    Wake::GivenUp | Wake::BusLost => return Err(gone(id)),
                }
            }
        }
    }

    /// Reads the elevation; nothing when jitd is not there to ask.
    async fn look(&mut self, id: u64, face: &Face) -> Result<Option<Elevation>, Failure> {
        let answer = tokio::select! {
            answer = self.elevations.get(id) => answer.map_err(bus::failure),
            _ = self.interrupt.recv() => Err(interrupted(id)),
        };
        match answer {
            Ok(elevation) => {
                self.give_up = None;
                Ok(Some(elevation))
            }
            Err(failure) if failure.kind() == Kind::Unreachable => {
                self.hope_until_over(None, face);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// jitd is away. Asking it would start it again under the hands of someone who
    /// stopped it, so we wait for its name to be owned.
    fn hope_until_over(&mut self, last: Option<&Elevation>, face: &Face) {
        face.say("jitd went away; waiting for it to come back");
        // A scheduled one does not lapse any more; it ends.
        let over = last.and_then(|elevation| elevation.lapses_at.or(elevation.ends_at));
        if let (None, Some(over)) = (self.give_up, over) {
            let left = over.saturating_sub(clock::now().timestamp().as_millisecond());
            let left = Duration::from_millis(left.max(0).unsigned_abs());
            self.give_up = Instant::now().checked_add(left + GRACE);
        }
    }

    async fn wake(&mut self, id: u64, deadline: Option<Instant>) -> Wake {
        loop {
            if self.is_cut {
                return tokio::select! {
                    (elevations, changes, owners) = connect_again() => {
                        (self.elevations, self.changes, self.owners) = (elevations, changes, owners);
                        self.is_cut = false;
                        Wake::Changed
                    }
                    _ = self.interrupt.recv() => Wake::Interrupted,
                    () = until(deadline) => Wake::TimedOut,
                    () = until(self.give_up) => Wake::GivenUp,
                };
            }
            tokio::select! {
                change = self.changes.next() => match change {
                    None => return self.is_lost(),
                    Some(change) => if change.args().is_ok_and(|args| args.id == id) {
                        return Wake::Changed;
                    },
                },
                owner = self.owners.next() => return match owner {
                    None => self.is_lost(),
                    Some(None) => Wake::Gone,
                    Some(Some(_)) => Wake::Changed,
                },
                _ = self.interrupt.recv() => return Wake::Interrupted,
                () = until(deadline) => return Wake::TimedOut,
                () = until(self.give_up) => return Wake::GivenUp,
            }
        }
    }

    /// The connection has ended.
    fn is_lost(&mut self) -> Wake {
        if self.elevations.inner().connection().is_bus() {
            return Wake::BusLost;
        }
        self.is_cut = true;
        Wake::Gone
    }
}

/// What tells of changes, and of jitd itself.
async fn hear(
    elevations: &ElevationsProxy<'static>,
) -> Result<(StateChangedStream, OwnerChangedStream<'static>), Failure> {
    let heard = |cause: zbus::Error| bus::failure(cause.into());
    let owners = elevations.inner().receive_owner_changed();
    Ok((
        elevations.receive_state_changed().await.map_err(heard)?,
        owners.await.map_err(heard)?,
    ))
}

/// Waits for a jitd that went away; whoever stopped it does not want it started.
async fn connect_again() -> (
    ElevationsProxy<'static>,
    StateChangedStream,
    OwnerChangedStream<'static>,
) {
    loop {
        let connected = async {
            bus::until_it_is_there().await?;
            let elevations = bus::elevations().await?;
            let (changes, owners) = hear(&elevations).await?;
            Ok::<_, Failure>((elevations, changes, owners))
        };
        match connected.await {
            Ok(connected) => return connected,
            Err(_) => sleep(AGAIN).await,
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

fn interrupted(id: u64) -> Failure {
    still_there(
        id,
        Failure::new(Kind::Interrupted, format!("request {id} still waits")),
    )
}

fn timed_out(id: u64, last: Option<&Elevation>) -> Failure {
    let scheduled = last.is_some_and(|elevation| elevation.state == State::Scheduled.as_str());
    let what = if scheduled {
        "has not begun in time; it stays scheduled"
    } else {
        "was not decided in time; it still waits"
    };
    still_there(
        id,
        Failure::new(Kind::NotGranted, format!("request {id} {what}")),
    )
}

fn gone(id: u64) -> Failure {
    Failure::new(
        Kind::Unreachable,
        format!("jitd went away while request {id} waited, and has not come back"),
    )
    .hint("systemctl status jitd")
    .hint(format!("jitctl show {id}"))
}

fn still_there(id: u64, failure: Failure) -> Failure {
    failure
        .hint(format!("to look at it: jitctl show {id}"))
        .hint(format!("to take it back: jitctl cancel {id}"))
}
