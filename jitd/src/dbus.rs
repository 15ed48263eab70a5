//! The ways over which D-Bus is spoken: the system bus, systemd's own socket, and what jitd
//! serves itself.
#![forbid(unsafe_code)]

mod bounded;
mod ping;

use std::io;
use std::path::Path;
use std::time::Duration;

use jitd_api::SYSTEM_BUS;
use tokio::net::UnixStream;
use tokio::time::timeout;
use zbus::connection::{Builder, Connection};

pub(crate) use bounded::{Bounds, halves};
pub(crate) use ping::ping;

/// systemd's own socket (`org.freedesktop.systemd1(5)` without a bus), which only root can reach.
const SYSTEMD: &str = "/run/systemd/private";
/// How long a way may take to open. Whoever fills the bus with connections that never say who they
/// are can keep others from it for as long as they like.
const PATIENCE: Duration = Duration::from_secs(5);
/// When a socket whose queue is full is tried again.
const AGAIN: Duration = Duration::from_millis(20);
/// On the bus: what is taken of one connection, and of all of them.
const ON_THE_BUS: Bounds = Bounds {
    of_one: 8,
    of_all: 512,
    names_senders: true,
    is_systemd: false,
};
/// The same of systemd.
const OF_SYSTEMD: Bounds = Bounds {
    of_one: 1,
    of_all: 1,
    names_senders: true,
    is_systemd: true,
};

/// A new connection to the system bus; `answer` is how long it may take to answer a call.
///
/// # Errors
/// It is not reachable, or not in time.
pub(crate) async fn system_bus(answer: Duration) -> zbus::Result<Connection> {
    in_time(async {
        let stream = connect(Path::new(SYSTEM_BUS)).await?;
        let socket = halves(stream, Vec::new(), ON_THE_BUS);
        let builder = Builder::socket(socket).method_timeout(answer);
        builder.build().await
    })
    .await
}

/// A new connection to systemd without the bus.
///
/// # Errors
/// It is not reachable, or not in time.
pub(crate) async fn systemd(answer: Duration) -> zbus::Result<Connection> {
    in_time(async {
        let stream = connect(Path::new(SYSTEMD)).await?;
        let socket = halves(stream, Vec::new(), OF_SYSTEMD);
        let builder = Builder::socket(socket).p2p().method_timeout(answer);
        builder.build().await
    })
    .await
}

/// Connects, and waits where others are before us.
///
/// # Errors
/// Nobody listens there.
pub(crate) async fn connect(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => pause().await,
            connected => return connected,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "no end depends on it")]
async fn pause() {
    tokio::time::sleep(AGAIN).await;
}

async fn in_time(
    connecting: impl Future<Output = zbus::Result<Connection>>,
) -> zbus::Result<Connection> {
    let connected = timeout(PATIENCE, connecting).await;
    connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}
