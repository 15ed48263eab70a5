//! `org.jitd1` on the system bus: who is calling, and what they may say.
#![forbid(unsafe_code)]

mod caller;
mod directory;
mod elevations;
mod gate;
mod policy;
mod wire;

pub use directory::Directory;

use jitd_api::{BUS_NAME, OBJECT_PATH, SYSTEM_BUS_ADDRESS};
use zbus::connection::{Builder, Connection};
use zbus::object_server::SignalEmitter;

use crate::engine::Engine;
use crate::record::{Priority, note};
use caller::Callers;
use elevations::Elevations;

/// Serves the engine on the bus and owns the name. Gives the connection; dropping it ends it.
///
/// # Errors
/// The bus is not reachable, or somebody else owns the name.
pub async fn serve(engine: Engine) -> zbus::Result<Connection> {
    let directory = Directory::new();
    let connection = Builder::address(SYSTEM_BUS_ADDRESS).build().await?;
    let callers = Callers::new(&connection, directory.clone()).await?;
    let server = connection.object_server();
    server
        .at(
            OBJECT_PATH,
            gate::GateInterface::new(engine.gate(), directory),
        )
        .await?;
    server
        .at(OBJECT_PATH, policy::PolicyInterface::new(engine.clone()))
        .await?;
    server
        .at(OBJECT_PATH, Elevations::new(engine.clone(), callers))
        .await?;
    // Listening before the name is owned: no change goes untold.
    tokio::spawn(tell_changes(
        engine.changes(),
        SignalEmitter::new(&connection, OBJECT_PATH)?.into_owned(),
    ));
    connection.request_name(BUS_NAME).await?;
    Ok(connection)
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
