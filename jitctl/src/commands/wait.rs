//! Waiting for a decision, through restarts of jitd.

use std::cell::RefCell;
use std::future::pending;
use std::io::{self, IsTerminal};
use std::time::Duration;

use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use jitd_api::{Elevation, ElevationsProxy, RequestOptions, State, StateChangedStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};
use zbus::proxy::OwnerChangedStream;

use crate::error::{Failure, Kind};
use crate::output::{self, words};
use crate::{bus, clock};

/// How long after the request has lapsed we still hope for a jitd that went away.
const GRACE: Duration = Duration::from_secs(10);

/// Everything that can wake us, listened to since before the request.
pub(super) struct Wait<'a> {
    elevations: &'a ElevationsProxy<'static>,
    changes: StateChangedStream,
    owners: OwnerChangedStream<'static>,
    interrupt: Signal,
    /// When to give up on a jitd that went away.
    give_up: Option<Instant>,
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

impl<'a> Wait<'a> {
    /// Starts to listen.
    pub(super) async fn listen(elevations: &'a ElevationsProxy<'static>) -> Result<Self, Failure> {
        let heard = |cause: zbus::Error| bus::failure(cause.into());
        Ok(Self {
            elevations,
            changes: elevations.receive_state_changed().await.map_err(heard)?,
            owners: elevations
                .inner()
                .receive_owner_changed()
                .await
                .map_err(heard)?,
            interrupt: signal(SignalKind::interrupt())?,
            give_up: None,
        })
    }

    /// Makes the request; Ctrl-C works also while jitd is slow to answer.
    pub(super) async fn request(
        &mut self,
        role: &str,
        asked: &RequestOptions,
    ) -> Result<u64, Failure> {
        tokio::select! {
            answer = self.elevations.request(role, asked) => answer.map_err(bus::failure),
            _ = self.interrupt.recv() => Err(Failure::new(
                Kind::Interrupted,
                "jitd has not answered yet; it may have taken the request",
            )
            .hint("jitctl status")),
        }
    }

    /// Waits until the elevation is no longer pending, and gives what it has become.
    pub(super) async fn until_decided(
        mut self,
        id: u64,
        deadline: Option<Instant>,
    ) -> Result<Elevation, Failure> {
        let face = Face::new();
        let mut last: Option<Elevation> = None;
        loop {
            if let Some(elevation) = self.look(id, &face).await? {
                if elevation.state != State::Pending.as_str() {
                    return Ok(elevation);
                }
                face.say(&format!(
                    "Waiting for {}",
                    words::waits_for(&elevation, &clock::now())
                ));
                last = Some(elevation);
            }
            loop {
                match self.wake(id, deadline).await {
                    Wake::Changed => break,
                    Wake::Gone => self.hope_until_lapse(last.as_ref(), &face),
                    Wake::Interrupted => return Err(interrupted(id)),
                    Wake::TimedOut => return Err(timed_out(id)),
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
                self.hope_until_lapse(None, face);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// jitd is away. Asking it would start it again under the hands of someone who
    /// stopped it, so we wait for its name to be owned.
    fn hope_until_lapse(&mut self, last: Option<&Elevation>, face: &Face) {
        face.say("jitd went away; waiting for it to come back");
        let lapse = last.and_then(|elevation| elevation.lapses_at);
        if let (None, Some(lapse)) = (self.give_up, lapse) {
            let left = lapse.saturating_sub(clock::now().timestamp().as_millisecond());
            let left = Duration::from_millis(left.max(0).unsigned_abs());
            self.give_up = Instant::now().checked_add(left + GRACE);
        }
    }

    async fn wake(&mut self, id: u64, deadline: Option<Instant>) -> Wake {
        loop {
            tokio::select! {
                change = self.changes.next() => match change {
                    None => return Wake::BusLost,
                    Some(change) => if change.args().is_ok_and(|args| args.id == id) {
                        return Wake::Changed;
                    },
                },
                owner = self.owners.next() => return match owner {
                    None => Wake::BusLost,
                    Some(None) => Wake::Gone,
                    Some(Some(_)) => Wake::Changed,
                },
                _ = self.interrupt.recv() => return Wake::Interrupted,
                () = until(deadline) => return Wake::TimedOut,
                () = until(self.give_up) => return Wake::GivenUp,
            }
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

fn timed_out(id: u64) -> Failure {
    still_there(
        id,
        Failure::new(
            Kind::NotGranted,
            format!("request {id} was not decided in time; it still waits"),
        ),
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

/// What the person sees while waiting: a spinner on a terminal, lines elsewhere.
struct Face {
    bar: Option<ProgressBar>,
    said: RefCell<String>,
}

impl Face {
    fn new() -> Self {
        if !io::stderr().is_terminal() {
            return Self {
                bar: None,
                said: RefCell::default(),
            };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar: Some(bar),
            said: RefCell::default(),
        }
    }

    /// Shows a text; as a line only once, however often we wake.
    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None if *self.said.borrow() == text => {}
            None => output::tell(text),
        }
        text.clone_into(&mut self.said.borrow_mut());
    }
}

impl Drop for Face {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
