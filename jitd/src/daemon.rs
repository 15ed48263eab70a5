//! The daemon's life: start, serve until told to stop, keep time.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::clock::{Alarm, Clock, HostClock};
use crate::engine::{Engine, PolicyInForce};
use crate::reconcile::{Memberships, Reconciler, Sudoers};
use crate::record::{Priority, Teller, note};
use crate::store::Store;
use crate::{bus, paths, policy_file};

/// How long to wait before trying again what the host did not allow, in milliseconds.
const RETRY: i64 = 1_000;

/// Why the daemon ended, or did not start.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs until SIGTERM or SIGINT. Active elevations stay: a restart ends nothing.
///
/// # Errors
/// The database, the bus or the kernel's clocks are not to be had.
pub async fn run() -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let engine = start(load_policy()).await?;
    let alarm = Alarm::new()?;
    // What ended while jitd was away is taken back before anybody can ask.
    engine.end_what_policy_ended().await?;
    engine.end_what_is_due().await?;
    engine.reconcile().await;
    let connection = bus::serve(engine.clone()).await?;
    tokio::select! {
        ended = keep_time(&engine, &alarm) => ended?,
        () = connection.closed() => return Err("the system bus went away".into()),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // The name is given up before the engine goes, so that nobody waits for an answer.
    connection.close().await?;
    Ok(())
}

/// Ends all elevations on record, takes everything back that they gave, and removes what jitd
/// put on the host. For the removal of the package, with the daemon stopped.
///
/// # Errors
/// What stood in the way; running it again goes on from there.
pub async fn withdraw() -> Result<(), Failure> {
    if !Path::new(paths::DATABASE).exists() {
        return Ok(Sudoers::new(paths::SUDOERS.into()).remove()?);
    }
    let engine = start(PolicyInForce::Broken("jitd is being removed".to_owned())).await?;
    engine.end_everything().await?;
    if !engine.reconcile().await {
        return Err("memberships could not be taken back; see the message above".into());
    }
    drop(engine);
    let store = Store::open(Path::new(paths::DATABASE))?;
    Sudoers::new(paths::SUDOERS.into()).remove()?;
    Ok(tokio::task::spawn_blocking(move || {
        Memberships::new(paths::ETC.into(), store)?.remove_owned_groups()
    })
    .await??)
}

async fn start(policy: PolicyInForce) -> Result<Engine, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(HostClock::new()?);
    let store = Store::open(Path::new(paths::DATABASE))?;
    let blocking = store.clone();
    let memberships =
        tokio::task::spawn_blocking(move || Memberships::new(paths::ETC.into(), blocking))
            .await??;
    let reconciler = Reconciler::start(memberships, Sudoers::new(paths::SUDOERS.into()))?;
    Ok(Engine::new(clock, store, policy, reconciler, Teller::start()?).await?)
}

fn load_policy() -> PolicyInForce {
    match policy_file::load(Path::new(paths::POLICY)) {
        Ok(policy) => PolicyInForce::Loaded(Arc::new(policy)),
        Err(errors) => {
            for error in &errors {
                note(Priority::Error, &error.to_string());
            }
            note(
                Priority::Error,
                "the policy is broken: managed people are refused until it is mended and jitd is restarted (systemctl restart jitd)",
            );
            let first = errors.first().map(ToString::to_string);
            PolicyInForce::Broken(first.unwrap_or_default())
        }
    }
}

/// Ends elevations when their time is up, and retries what the host did not allow.
async fn keep_time(engine: &Engine, alarm: &Alarm) -> Result<(), Failure> {
    let mut changes = engine.changes();
    loop {
        let next = match engine.end_what_is_due().await {
            Ok(_) => engine.next_due().await,
            Err(error) => {
                note(
                    Priority::Error,
                    &format!("an end could not be recorded yet: {error}"),
                );
                // The host follows the clock all the same.
                engine.reconcile().await;
                Some(RETRY)
            }
        };
        let next = if engine.matches() {
            next
        } else {
            Some(next.unwrap_or(RETRY).min(RETRY))
        };
        tokio::select! {
            rang = alarm.after(next.unwrap_or(i64::MAX / 2)) => rang?,
            _ = changes.recv() => {}
        }
        if !engine.matches() {
            engine.reconcile().await;
        }
    }
}
