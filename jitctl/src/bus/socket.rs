//! jitd's own socket.

use std::io;
use std::time::Duration;

use jitd_api::CONTROL_SOCKET;
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};
use zbus::Connection;
use zbus::connection::Builder;

use super::CONNECT;

/// How long to wait before knocking again.
const AGAIN: Duration = Duration::from_millis(100);

/// Connects; `answer` is how long jitd may take for each answer.
///
/// # Errors
/// Nobody listens there, or somebody who is not root, or jitd lets nobody in.
pub(super) async fn connect(answer: Duration) -> Result<Connection, String> {
    let connecting = async {
        let stream = knock().await.map_err(|error| error.to_string())?;
        let building = Builder::unix_stream(stream).p2p().method_timeout(answer);
        building.build().await.map_err(|error| error.to_string())
    };
    let connected = timeout(CONNECT, connecting).await;
    connected.unwrap_or_else(|_| Err(format!("no answer within {}s", CONNECT.as_secs())))
}

/// Waits until somebody listens there.
pub(super) async fn until_it_is_there() {
    while knock().await.is_err() {
        sleep(AGAIN).await;
    }
}

async fn knock() -> io::Result<std::os::unix::net::UnixStream> {
    let stream = loop {
        match UnixStream::connect(CONTROL_SOCKET).await {
            // There are others before us.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(AGAIN).await,
            connected => break connected?,
        }
    };
    let served_by = stream.peer_cred()?.uid();
    if served_by != 0 {
        let why = format!("it is served by uid {served_by}, not by root");
        return Err(io::Error::other(why));
    }
    stream.into_std()
}
