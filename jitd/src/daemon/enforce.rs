//! The second enforcer: `jitd enforce`, which systemd starts shortly after something should have
//! ended.

use std::path::Path;
use std::time::Duration;

use jitd_api::CONTROL_SOCKET;
use tokio::time::timeout;

use super::turns::Turns;
use super::{Failure, LAST_WORDS, catch_up, load_policy, only_one, pause, put_on_record, start};
use crate::clock::{Clock, HostClock};
use crate::domain::time::Boot;
use crate::paths;
use crate::reconcile::Systemd;
use crate::record::{Priority, note};
use crate::store::Store;
use crate::dbus;

/// How long jitd has to show that it lives, by doing what is due.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// How long one that lives has to do what is due, and how often that is looked at.
const LOOKS: u32 = 15;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
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
        Err(_) if due_since().await?.is_none() || answers().await && ends_it().await? => {
            return Ok(());
        }
        Err(_) => {
            let text = "jitd does not end what is due: it is killed";
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

/// Since when something should have ended that has not; none where there is nothing. Reads only.
async fn due_since() -> Result<Option<Boot>, Failure> {
    let now = HostClock::new()?.now();
    let (open, _) = Store::open(Path::new(paths::DATABASE))?
        .open_elevations()
        .await?;
    let left = open
        .iter()
        .filter_map(|elevation| elevation.time_left(&now));
    let over = left.filter(|left| *left <= 0).max();
    Ok(over.map(|left| Boot(now.boot.0.saturating_add(left))))
}

/// Whether a jitd that answers also does what is due, or has tried to: then something stands in its
/// way, and it tries again by itself.
async fn ends_it() -> Result<bool, Failure> {
    let Some(due) = due_since().await? else {
        return Ok(true);
    };
    for _ in 0..LOOKS {
        if Turns::of_host().have_passed(due) || due_since().await?.is_none() {
            return Ok(true);
        }
        pause(BETWEEN_LOOKS).await;
    }
    Ok(false)
}

/// Whether a jitd that runs says that it lives.
async fn answers() -> bool {
    let pong = dbus::ping(Path::new(CONTROL_SOCKET));
    matches!(timeout(SIGN_OF_LIFE, pong).await, Ok(Ok(())))
}
