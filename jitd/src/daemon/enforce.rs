//! The second enforcer: `jitd enforce`, which systemd starts shortly after something should have
//! ended.

use std::path::Path;
use std::time::Duration;

use jitd_api::{BUS_NAME, OBJECT_PATH, SYSTEM_BUS_ADDRESS};
use tokio::time::timeout;
use zbus::connection::Builder;

use super::{Failure, LAST_WORDS, catch_up, load_policy, only_one, put_on_record, start};
use crate::clock::{Clock, HostClock};
use crate::paths;
use crate::reconcile::Systemd;
use crate::record::{Priority, note};
use crate::store::Store;

/// How long jitd has to show that it lives, by doing what is due.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// How long it may take until a jitd that did not is gone.
const FUNERAL: Duration = Duration::from_secs(5);

/// Ends what is due, from the database alone, unless jitd does. A jitd that hangs is killed: it
/// would hold up everything.
///
/// # Errors
/// What stood in the way; running it again goes on from there.
pub async fn enforce() -> Result<(), Failure> {
    if !Path::new(paths::DATABASE).exists() {
        return Ok(());
    }
    let (turn, killed) = match only_one(SIGN_OF_LIFE).await {
        Ok(turn) => (turn, ""),
        Err(_) if !is_anything_due().await? || answers().await => return Ok(()),
        Err(_) => {
            let text = "jitd neither ends what is due nor answers: it is killed";
            note(Priority::Error, text);
            Systemd::new().0.kill("jitd.service").await?;
            (only_one(FUNERAL).await?, "jitd")
        }
    };
    let (engine, ends) = start(load_policy()).await?;
    let stock = engine.take_stock().await;
    catch_up(&engine).await;
    let over = ends.wait(&engine).await;
    let caught_up = engine.caught_up(stock).await;
    put_on_record("enforced", engine.has_enforced(caught_up, killed).await);
    engine.tell_the_rest(LAST_WORDS);
    drop(turn);
    over?;
    match engine.trouble() {
        None => Ok(()),
        Some(trouble) => Err(trouble.into()),
    }
}

/// Whether something should have ended and has not. Reads only.
async fn is_anything_due() -> Result<bool, Failure> {
    let now = HostClock::new()?.now();
    let (open, _) = Store::open(Path::new(paths::DATABASE))?
        .open_elevations()
        .await?;
    let over = |left: i64| left <= 0;
    Ok(open
        .iter()
        .any(|elevation| elevation.time_left(&now).is_some_and(over)))
}

/// Whether a jitd that runs says that it lives: then something stands in its way, and it tries
/// again by itself.
async fn answers() -> bool {
    let pong = async {
        let bus = Builder::address(SYSTEM_BUS_ADDRESS).build().await?;
        let peer = Some("org.freedesktop.DBus.Peer");
        bus.call_method(Some(BUS_NAME), OBJECT_PATH, peer, "Ping", &())
            .await
    };
    matches!(timeout(SIGN_OF_LIFE, pong).await, Ok(Ok(_)))
}
