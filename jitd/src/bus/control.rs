//! jitd's own socket, at which people ask, decide and look without a bus between.
//!
//! Whoever fills the system bus with connections keeps others from it for as long as they like; here
//! they only fill their own [places](super::places). The kernel says who connects.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jitd_api::OBJECT_PATH;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use zbus::connection::{Builder, Connection};
use zbus::object_server::SignalEmitter;

use super::caller::Callers;
use super::elevations::Elevations;
use super::greeting;
use super::peer::{Login, Process};
use super::places::{Full, Place, Places};
use super::{Served, listen};
use crate::dbus::{Bounds, halves};
use crate::directory::Directory;
use crate::engine::StateChange;
use crate::record::{Priority, note};

/// How long somebody may take to say who they are.
const GREETING: Duration = Duration::from_secs(5);
/// What is taken of one connection.
const BOUNDS: Bounds = Bounds {
    of_one: 8,
    of_all: 8,
    names_senders: false,
    is_systemd: false,
};
/// How many are looked up at a time, for whether they are approvers.
const MOST_LOOKED_UP: usize = 4;

/// The socket, before anybody is answered: who connects waits.
pub struct ControlSocket(std::os::unix::net::UnixListener);

impl ControlSocket {
    /// Listens at `path`, for everybody.
    ///
    /// # Errors
    /// The folder is missing, or something that is not a socket of ours is in the way.
    pub fn bind(path: &Path) -> io::Result<Self> {
        listen(path, 0o666).map(Self)
    }

    /// Answers whoever connects, for ever.
    ///
    /// # Errors
    /// The socket is of no use any more.
    pub(super) async fn answer(self, served: Served) -> io::Result<()> {
        let listener = UnixListener::from_std(self.0)?;
        let doorman = Arc::new(Doorman {
            served,
            places: Places::default(),
            look_ups: Semaphore::new(MOST_LOOKED_UP),
        });
        loop {
            match listener.accept().await {
                Ok((stream, _)) => doorman.clone().meet(stream),
                Err(error) => {
                    let text = format!("somebody could not be let in at the socket: {error}");
                    note(Priority::Error, &text);
                    super::breathe().await;
                }
            }
        }
    }
}

/// Lets in, as far as there is room.
struct Doorman {
    served: Served,
    places: Places,
    look_ups: Semaphore,
}

impl Doorman {
    fn meet(self: Arc<Self>, stream: UnixStream) {
        // Whose process has ended waits for no answer.
        let Ok((uid, process)) = Process::at_the_other_end(&stream) else {
            return;
        };
        let Ok(login) = process.login() else { return };
        match self.places.take(uid, login) {
            Ok(place) => {
                let callers = self.served.at_the_socket(uid, process);
                let served = self.served.clone();
                tokio::spawn(async move { attend(stream, uid, callers, served, place).await });
            }
            // Before anything else is done for them: there can be many.
            Err(Full::Own) => turn_away(stream, Full::Own),
            Err(Full::Common) => self.meet_approver(stream, uid, process, login),
        }
    }

    /// All common places are taken.
    fn meet_approver(
        self: Arc<Self>,
        stream: UnixStream,
        uid: u32,
        process: Process,
        login: Login,
    ) {
        tokio::spawn(async move {
            let Ok(turn) = self.look_ups.try_acquire() else {
                return turn_away(stream, Full::Common);
            };
            let is_one = self.is_approver(uid).await;
            drop(turn);
            match self.places.take_as_approver(uid, login) {
                Ok(place) if is_one => {
                    let callers = self.served.at_the_socket(uid, process);
                    attend(stream, uid, callers, self.served.clone(), place).await;
                }
                _ => turn_away(stream, Full::Common),
            }
        });
    }

    async fn is_approver(&self, uid: u32) -> bool {
        let Ok(person) = self.served.directory.person(uid).await else {
            return false;
        };
        let policy = self.served.engine.policy();
        policy.is_ok_and(|policy| policy.decidable(&person).next().is_some())
    }
}

/// Says so, if they listen at once.
fn turn_away(stream: UnixStream, why: Full) {
    // What was just connected takes a line without waiting.
    let line = greeting::turning_away(&why.to_string());
    let _ = stream.try_write(line.as_bytes());
    drop(stream);
}

/// Answers one connection until it ends.
async fn attend(mut stream: UnixStream, uid: u32, callers: Callers, served: Served, _place: Place) {
    let Ok(Ok(begun)) = timeout(GREETING, greeting::greet(&mut stream, uid)).await else {
        return;
    };
    let socket = halves(stream, begun, BOUNDS);
    // No change after the first call goes untold.
    let changes = served.engine.changes();
    let builder = Builder::authenticated_socket(socket, greeting::GUID).p2p();
    let built = served.at(builder, &callers).build().await;
    let Ok(connection) = built else { return };
    tokio::select! {
        () = connection.closed() => {}
        _ = tell(&connection, changes, &callers, &served) => {}
    }
    let _ = connection.close().await;
}

/// Tells of changes of what the one at the other end may see.
async fn tell(
    connection: &Connection,
    mut changes: tokio::sync::broadcast::Receiver<StateChange>,
    callers: &Callers,
    served: &Served,
) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, OBJECT_PATH)?;
    loop {
        let change = match changes.recv().await {
            Ok(change) => change,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return Ok(()),
        };
        let Some(caller) = callers.peer().await else {
            // They have ended.
            return Ok(());
        };
        if served.engine.get(&caller, change.id).await.is_ok() {
            Elevations::state_changed(&emitter, change.id.0, change.state.as_str()).await?;
        }
    }
}
