//! `org.jitd1` on the system bus: who is calling, and what they may say.
//!
//! The gate has a socket and a thread of its own: however much people have to say, sudo does not
//! wait for them.
#![forbid(unsafe_code)]

mod audit;
mod caller;
mod elevations;
mod gate;
mod gate_socket;
mod policy;
mod question;
mod slots;
mod stream;
mod wire;

use jitd_api::{BUS_NAME, OBJECT_PATH, SYSTEM_BUS_ADDRESS};
use tokio::sync::oneshot;
use zbus::connection::{Builder, Connection};
use zbus::fdo::RequestNameFlags;
use zbus::object_server::SignalEmitter;

use crate::directory::HostDirectory;
use crate::engine::Engine;
use crate::record::{Priority, note};
use audit::Audit;
use caller::Callers;
use elevations::Elevations;
use gate::GateInterface;
use gate_socket::Reach;

pub use caller::ourselves;
pub use gate_socket::GateSocket;

/// Serves the engine on the bus and owns the name. Gives the connection; dropping it ends it.
///
/// # Errors
/// The bus is not reachable, or somebody else owns the name.
pub async fn serve(engine: Engine) -> zbus::Result<Connection> {
    let directory = HostDirectory::default();
    let connection = connect().await?;
    let callers = Callers::new(&connection, directory.clone()).await?;
    let server = connection.object_server();
    let gate = GateInterface::new(engine.clone(), directory);
    server.at(OBJECT_PATH, gate).await?;
    let policy = policy::PolicyInterface::new(engine.clone(), callers.clone());
    server.at(OBJECT_PATH, policy).await?;
    let audit = Audit::new(engine.clone(), callers.clone());
    server.at(OBJECT_PATH, audit).await?;
    let elevations = Elevations::new(engine.clone(), callers);
    server.at(OBJECT_PATH, elevations).await?;
    // Listening before the name is owned: no change goes untold.
    let emitter = SignalEmitter::new(&connection, OBJECT_PATH)?.into_owned();
    tokio::spawn(tell_changes(engine.changes(), emitter));
    own(&connection, BUS_NAME).await?;
    Ok(connection)
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

/// Answers at the gate's socket, on a thread of its own, while `people` has the name.
///
/// # Errors
/// The bus is not reachable, or there is no thread to be had.
pub async fn serve_gate(
    socket: GateSocket,
    engine: Engine,
    people: &Connection,
) -> zbus::Result<GateThread> {
    let ours = people
        .unique_name()
        .ok_or_else(|| zbus::Error::Failure("the bus gave us no name".to_owned()))?
        .clone();
    let (ready, is_ready) = oneshot::channel();
    let (has_ended, ended) = oneshot::channel();
    let (stop, is_stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build()?;
    std::thread::Builder::new()
        .name("gate".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let own = async {
                    let own = connect().await?;
                    let reach = Reach::new(&own, ours).await?;
                    Ok((own, reach))
                };
                // Whoever started us may be gone; then so is the process.
                match own.await {
                    Ok((own, reach)) => {
                        let _ = ready.send(Ok(()));
                        let gate = GateInterface::new(engine, HostDirectory::default());
                        tokio::select! {
                            _ = socket.answer(gate, reach) => {}
                            () = own.closed() => {}
                            _ = is_stopped => {}
                        }
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
            });
            // With it go those who wait for an answer; a look-up may hang for longer.
            runtime.shutdown_background();
            drop::<oneshot::Sender<()>>(has_ended);
        })?;
    is_ready
        .await
        .unwrap_or_else(|_| Err(zbus::Error::Failure("the gate's thread ended".to_owned())))?;
    Ok(GateThread { ended, stop })
}

async fn connect() -> zbus::Result<Connection> {
    Builder::address(SYSTEM_BUS_ADDRESS).build().await
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
                let (id, role) = (change.id.0, change.role.as_str());
                let sent = Elevations::state_changed(&emitter, id, change.uid, role, state).await;
                if let Err(error) = sent {
                    note(
                        Priority::Warning,
                        &format!("a signal was not sent: {error}"),
                    );
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
