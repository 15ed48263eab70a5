//! `org.jitd1`, at the system bus and at a socket of its own: who is calling, and what they may say.
//!
//! The gate has a socket and a thread of its own: however much people have to say, sudo does not
//! wait for them.
#![forbid(unsafe_code)]

mod asker;
mod audit;
mod caller;
mod control;
mod elevations;
mod gate;
mod gate_socket;
mod greeting;
mod judging;
mod patience;
mod peer;
mod places;
mod policy;
mod presence;
mod question;
mod slots;
mod stream;
mod wire;

use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jitd_api::{BUS_NAME, OBJECT_PATH};
use tokio::sync::{Mutex, oneshot};
use zbus::connection::{Builder, Connection};
use zbus::fdo::RequestNameFlags;
use zbus::object_server::SignalEmitter;

use crate::dbus;
use crate::directory::HostDirectory;
use crate::engine::Engine;
use crate::record::{Priority, note};
use audit::Audit;
use caller::Callers;
use elevations::Elevations;
use gate::GateInterface;
use peer::Process;
use policy::PolicyInterface;
use slots::Slots;
use stream::Streams;

pub use caller::ourselves;
pub use control::ControlSocket;
pub use gate_socket::GateSocket;

/// How long to wait before knocking again at a bus that is not there, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long the bus may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long to wait when there is no descriptor for one who connects.
const BREATH: Duration = Duration::from_millis(50);

/// What is served, at every door the same. Clones share its bounds.
#[derive(Clone)]
pub struct Served {
    engine: Engine,
    directory: HostDirectory,
    slots: Slots,
    streams: Streams,
    /// The connection that has the name.
    bus: Arc<Mutex<Option<Connection>>>,
}

impl Served {
    /// This engine.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            directory: HostDirectory::default(),
            slots: Slots::new(),
            streams: Streams::new(),
            bus: Arc::default(),
        }
    }

    /// Gives up the name, where it is owned.
    pub async fn leave_the_bus(&self) {
        let connection = self.bus.lock().await.take();
        if let Some(connection) = connection {
            // That it is gone already is as good.
            let _ = connection.close().await;
        }
    }

    fn at_the_socket(&self, uid: u32, process: Process) -> Callers {
        let (directory, slots) = (self.directory.clone(), self.slots.clone());
        Callers::at_the_socket(uid, process, directory, slots)
    }

    /// The interfaces for people, before the first message is read.
    fn at<'a>(&self, builder: Builder<'a>, callers: &Callers) -> Builder<'a> {
        let engine = || self.engine.clone();
        let callers = || callers.clone();
        let audit = Audit::new(engine(), callers(), self.streams.clone());
        builder
            .serve_at(OBJECT_PATH, Elevations::new(engine(), callers()))
            .serve_at(OBJECT_PATH, PolicyInterface::new(engine(), callers()))
            .serve_at(OBJECT_PATH, audit)
    }
}

/// Answers people at jitd's own socket, for ever.
///
/// # Errors
/// The socket is of no use any more.
pub async fn serve_control(socket: ControlSocket, served: Served) -> io::Result<()> {
    socket.answer(served).await
}

/// Serves on the bus and owns the name, whenever there is a bus. Without one people come to the
/// [socket](ControlSocket).
///
/// `tried` is told when that was tried once.
pub async fn serve(served: Served, tried: oneshot::Sender<()>) -> Infallible {
    let mut tried = Some(tried);
    let mut said = String::new();
    let mut pause = AGAIN.0;
    loop {
        let connected = on_the_bus(&served).await;
        if let Some(tried) = tried.take() {
            // Whoever waited may have given up.
            let _ = tried.send(());
        }
        match connected {
            Ok(connection) => {
                if !said.is_empty() {
                    note(Priority::Info, "jitd is on the system bus again");
                }
                *served.bus.lock().await = Some(connection.clone());
                connection.closed().await;
                pause = AGAIN.0;
                "the system bus went away".clone_into(&mut said);
                note(Priority::Warning, &format!("{said}; {WITHOUT}"));
            }
            Err(error) => {
                let why = error.to_string();
                if why != said {
                    let text = format!("jitd is not on the system bus: {why}; {WITHOUT}");
                    note(Priority::Warning, &text);
                    said = why;
                }
            }
        }
        wait(pause).await;
        pause = (pause * 2).min(AGAIN.1);
    }
}

/// What goes on meanwhile.
const WITHOUT: &str = "it goes on at its own socket, and tries again";

async fn on_the_bus(served: &Served) -> zbus::Result<Connection> {
    let connection = dbus::system_bus(ANSWER).await?;
    let (directory, slots) = (served.directory.clone(), served.slots.clone());
    let callers = Callers::on_the_bus(&connection, directory.clone(), slots).await?;
    let objects = connection.object_server();
    let engine = || served.engine.clone();
    let gate = GateInterface::new(engine(), directory);
    objects.at(OBJECT_PATH, gate).await?;
    let policy = PolicyInterface::new(engine(), callers.clone());
    objects.at(OBJECT_PATH, policy).await?;
    let audit = Audit::new(engine(), callers.clone(), served.streams.clone());
    objects.at(OBJECT_PATH, audit).await?;
    let elevations = Elevations::new(engine(), callers);
    objects.at(OBJECT_PATH, elevations).await?;
    // Listening before the name is owned: no change goes untold.
    let emitter = SignalEmitter::new(&connection, OBJECT_PATH)?.into_owned();
    tokio::spawn(tell_changes(served.engine.changes(), emitter));
    own(&connection, BUS_NAME).await?;
    Ok(connection)
}

/// Listens at `path`, whose folder must be root's. What a former process left there is replaced:
/// there is one jitd at a time.
fn listen(path: &Path, mode: u32) -> io::Result<std::os::unix::net::UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn breathe() {
    wait(BREATH).await;
}

#[expect(clippy::disallowed_methods, reason = "no end depends on it")]
async fn wait(length: Duration) {
    tokio::time::sleep(length).await;
}

/// The gate's thread.
#[derive(Debug)]
pub struct GateThread {
    ended: oneshot::Receiver<()>,
    /// Dropping it ends the thread.
    stop: oneshot::Sender<()>,
}

impl GateThread {
    /// Waits until it ends by itself, which it should not.
    pub async fn ended(&mut self) {
        // Nothing is ever sent.
        let _ = (&mut self.ended).await;
    }

    /// Ends it, and waits until nobody is answered there any more.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = self.ended.await;
    }
}

/// Answers at the gate's socket, on a thread of its own.
///
/// # Errors
/// There is no thread to be had.
pub fn serve_gate(socket: GateSocket, engine: Engine) -> io::Result<GateThread> {
    let (has_ended, ended) = oneshot::channel();
    let (stop, is_stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()?;
    std::thread::Builder::new()
        .name("gate".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let gate = GateInterface::new(engine, HostDirectory::default());
                tokio::select! {
                    _ = socket.answer(gate) => {}
                    _ = is_stopped => {}
                }
            });
            // With it go those who wait for an answer; a look-up may hang for longer.
            runtime.shutdown_background();
            drop::<oneshot::Sender<()>>(has_ended);
        })?;
    Ok(GateThread { ended, stop })
}

/// Owns a name that nobody can take from us; whoever had it, and can be made to, gives it up.
async fn own(connection: &Connection, name: &'static str) -> zbus::Result<()> {
    connection
        .request_name_with_flags(
            name,
            RequestNameFlags::DO_NOT_QUEUE | RequestNameFlags::REPLACE_EXISTING,
        )
        .await
        .map(drop)
        .map_err(|error| match error {
            zbus::Error::NameTaken => zbus::Error::Failure(format!(
                "{name} belongs to somebody else on the system bus; to see to whom: busctl status {name}"
            )),
            other => other,
        })
}

async fn tell_changes(
    mut changes: tokio::sync::broadcast::Receiver<crate::engine::StateChange>,
    emitter: SignalEmitter<'static>,
) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match changes.recv().await {
            Ok(change) => {
                let state = change.state.as_str();
                let sent = Elevations::state_changed(&emitter, change.id.0, state).await;
                if sent.is_err() {
                    // The connection has ended; another one has a listener of its own.
                    return;
                }
            }
            Err(RecvError::Lagged(missed)) => {
                note(
                    Priority::Warning,
                    &format!("{missed} signals were not sent: the bus is slow"),
                );
            }
            Err(RecvError::Closed) => return,
        }
    }
}
