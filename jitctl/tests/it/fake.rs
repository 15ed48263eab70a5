//! `org.jitd1` as the tests want it: it answers what the scene says and notes what it was asked.

use std::os::fd::OwnedFd as StdFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard};

use jitd_api::{
    BUS_NAME, Elevation, Error, EventFilter, Explanation, Filter, OBJECT_PATH, RequestOptions,
    State, Status,
};
use zbus::Connection;
use zbus::object_server::SignalEmitter;
use zbus::wire::OwnedFd;

use crate::record::{self, Record};

/// What the service knows, and what it was asked.
#[derive(Default)]
pub struct Scene {
    pub elevations: Vec<Elevation>,
    pub status: Status,
    pub managed: Vec<String>,
    /// Whether the caller may read only what is about them.
    pub reads_own: bool,
    /// What waits to be acknowledged.
    pub unacknowledged: Vec<Elevation>,
    /// The policy in force, as TOML.
    pub policy: String,
    pub explanation: Option<Explanation>,
    /// The record.
    pub record: Record,
    /// The state a new request comes into.
    pub request_becomes: Option<State>,
    /// What every call is answered with, instead of its answer.
    pub refuse: Option<Error>,
    /// How long an approval takes.
    pub giving: std::time::Duration,
    pub calls: Vec<String>,
}

/// Shared between the service and its test.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Scene>>);

impl Shared {
    pub fn scene(&self) -> MutexGuard<'_, Scene> {
        self.0.lock().unwrap()
    }

    /// Notes a call, and answers it with the scene's refusal where there is one.
    fn called(&self, call: String) -> Result<MutexGuard<'_, Scene>, Error> {
        let mut scene = self.scene();
        scene.calls.push(call);
        match &scene.refuse {
            Some(error) => Err(error.clone()),
            None => Ok(scene),
        }
    }
}

/// The service on the bus, until it is stopped.
pub struct Service {
    connection: Connection,
    shared: Shared,
}

impl Service {
    pub async fn start(address: &str, shared: Shared) -> Self {
        let connection = zbus::connection::Builder::address(address)
            .serve_at(OBJECT_PATH, Elevations(shared.clone()))
            .serve_at(OBJECT_PATH, Policy(shared.clone()))
            .serve_at(OBJECT_PATH, Audit(shared.clone()))
            .name(BUS_NAME)
            .build()
            .await
            .unwrap();
        Self { connection, shared }
    }

    /// Changes an elevation and tells everybody.
    pub async fn change(&self, id: u64, change: impl FnOnce(&mut Elevation)) {
        let changed = {
            let mut scene = self.shared.scene();
            let found = scene.elevations.iter_mut().find(|e| e.id == id).unwrap();
            change(found);
            found.clone()
        };
        self.announce(&changed).await;
    }

    /// Tells everybody about an elevation.
    pub async fn announce(&self, elevation: &Elevation) {
        let emitter = SignalEmitter::new(&self.connection, OBJECT_PATH).unwrap();
        Elevations::state_changed(&emitter, elevation.id, &elevation.state)
            .await
            .unwrap();
    }

    /// Leaves the bus.
    pub async fn stop(self) {
        self.connection.close().await.unwrap();
    }
}

struct Elevations(Shared);

#[zbus::interface(name = "org.jitd1.Elevations")]
impl Elevations {
    fn request(&self, role: &str, options: RequestOptions) -> Result<u64, Error> {
        let scene = self
            .0
            .called(format!("request {role} {}", shown(&options)))?;
        Ok(begun(scene))
    }

    fn extend(&self, id: u64, options: RequestOptions) -> Result<u64, Error> {
        let scene = self.0.called(format!("extend {id} {}", shown(&options)))?;
        Ok(begun(scene))
    }

    fn break_glass(&self, role: &str, options: RequestOptions) -> Result<u64, Error> {
        let call = format!("break_glass {role} {}", shown(&options));
        let mut scene = self.0.called(call)?;
        scene.elevations.push(crate::scene::broken_glass(42));
        Ok(42)
    }

    fn acknowledge(&self, id: u64, comment: &str) -> Result<Elevation, Error> {
        let scene = self.0.called(format!("acknowledge {id} {comment:?}"))?;
        found(&scene, id)
    }

    fn unacknowledged(&self) -> Result<Vec<Elevation>, Error> {
        let scene = self.0.called("unacknowledged".to_owned())?;
        Ok(scene.unacknowledged.clone())
    }

    async fn approve(&self, id: u64, duration: u64, comment: &str) -> Result<Elevation, Error> {
        let giving = self.0.scene().giving;
        tokio::time::sleep(giving).await;
        let scene = self
            .0
            .called(format!("approve {id} {duration} {comment:?}"))?;
        found(&scene, id)
    }

    fn deny(&self, id: u64, comment: &str) -> Result<Elevation, Error> {
        let scene = self.0.called(format!("deny {id} {comment:?}"))?;
        found(&scene, id)
    }

    fn cancel(&self, id: u64) -> Result<Elevation, Error> {
        let scene = self.0.called(format!("cancel {id}"))?;
        found(&scene, id)
    }

    fn end(&self, id: u64) -> Result<Vec<Elevation>, Error> {
        let scene = self.0.called(format!("end {id}"))?;
        Ok(scene.elevations.clone())
    }

    fn revoke(&self, id: u64, comment: &str) -> Result<Elevation, Error> {
        let scene = self.0.called(format!("revoke {id} {comment:?}"))?;
        found(&scene, id)
    }

    fn revoke_matching(
        &self,
        user: &str,
        role: &str,
        comment: &str,
    ) -> Result<Vec<Elevation>, Error> {
        let scene = self
            .0
            .called(format!("revoke_matching {user:?} {role:?} {comment:?}"))?;
        Ok(scene.elevations.clone())
    }

    fn get(&self, id: u64) -> Result<Elevation, Error> {
        let scene = self.0.called(format!("get {id}"))?;
        found(&scene, id)
    }

    fn list(&self, filter: Filter) -> Result<Vec<Elevation>, Error> {
        let scene = self.0.called(format!("list {filter:?}"))?;
        let below = |e: &&Elevation| filter.before.is_none_or(|before| e.id < before);
        let most = filter.limit.map_or(usize::MAX, |limit| limit as usize);
        let found = scene.elevations.iter().filter(below).take(most);
        Ok(found.cloned().collect())
    }

    fn pending(&self) -> Result<Vec<Elevation>, Error> {
        let scene = self.0.called("pending".to_owned())?;
        Ok(scene.elevations.clone())
    }

    fn status(&self) -> Result<Status, Error> {
        let scene = self.0.called("status".to_owned())?;
        Ok(scene.status.clone())
    }

    #[zbus(signal)]
    async fn state_changed(emitter: &SignalEmitter<'_>, id: u64, state: &str) -> zbus::Result<()>;
}

fn shown(options: &RequestOptions) -> String {
    let RequestOptions {
        duration,
        start,
        reason,
        ticket,
    } = options;
    format!("{duration:?} {start:?} {reason:?} {ticket:?}")
}

/// A new elevation, which nobody has decided.
fn begun(mut scene: MutexGuard<'_, Scene>) -> u64 {
    let state = scene.request_becomes.unwrap_or(State::Pending);
    let mut elevation = crate::scene::elevation(42, state);
    if matches!(state, State::Active | State::Scheduled) {
        elevation.decisions.clear();
    }
    scene.elevations.push(elevation);
    42
}

fn found(scene: &Scene, id: u64) -> Result<Elevation, Error> {
    let found = scene.elevations.iter().find(|e| e.id == id);
    found
        .cloned()
        .ok_or_else(|| Error::NotFound(format!("there is no elevation {id}")))
}

struct Policy(Shared);

#[zbus::interface(name = "org.jitd1.Policy")]
impl Policy {
    fn managed(&self) -> Result<Vec<String>, Error> {
        Ok(self.0.called("managed".to_owned())?.managed.clone())
    }

    fn reload(&self, all_may_end: bool) -> Result<u32, Error> {
        let ended = if all_may_end { 2 } else { 0 };
        let called = self.0.called(format!("reload {all_may_end}"));
        called.map(|_| ended)
    }

    fn show(&self) -> Result<String, Error> {
        Ok(self.0.called("show".to_owned())?.policy.clone())
    }

    fn explain(
        &self,
        user: &str,
        role: &str,
        options: RequestOptions,
    ) -> Result<Explanation, Error> {
        let call = format!("explain {user} {role} {}", shown(&options));
        let scene = self.0.called(call)?;
        let explanation = scene.explanation.clone();
        explanation.ok_or_else(|| Error::NotFound(format!("there is no account {user}")))
    }
}

struct Audit(Shared);

#[zbus::interface(name = "org.jitd1.Audit")]
impl Audit {
    fn read(&self, filter: EventFilter) -> Result<OwnedFd, Error> {
        let mut scene = self.0.called(format!("read {}", record::shown(&filter)))?;
        if scene.reads_own && filter.user.is_some() {
            return Err(Error::NotAllowed("not for you".to_owned()));
        }
        let (ours, theirs) = UnixStream::pair().unwrap();
        scene.record.serve(&filter, ours);
        Ok(OwnedFd::from(StdFd::from(theirs)))
    }
}
