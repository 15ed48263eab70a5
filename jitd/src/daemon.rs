//! The daemon's life: start, serve until told to stop, keep time.
#![forbid(unsafe_code)]

mod enforce;
mod turns;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::clock::{Alarm, Clock, HostClock};
use crate::directory::HostDirectory;
use crate::domain::session::SessionId;
use crate::engine::{By, Engine, EngineError, Host, MayEnd, PolicyInForce, Whose};
use crate::policy_source::{self, Groups};
use crate::reconcile::{HostProcesses, Memberships, Places, Reconciler, Sudoers, Systemd, Witness};
use crate::record::{Priority, Teller, note};
use crate::store::{Outbox, Store};
use crate::terminals::HostTerminals;
use crate::watch::{watch_accounts, watch_memberships};
use crate::{bus, paths};

use turns::Turns;

pub use enforce::enforce;

/// How long to wait before trying again what the host did not allow, in milliseconds: at first,
/// and at most.
const RETRY: (i64, i64) = (1_000, 30_000);

/// How long the last sessions may take to go before the package is removed.
const SESSIONS_END_WITHIN: Duration = Duration::from_secs(15);
/// How long the daemon waits for the second enforcer to be done; systemd then starts it again.
const TURN: Duration = Duration::from_secs(1);
/// When what could not be put on record is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// How often it is looked whether holders are who they were: no directory tells of a change.
const LOOK_AT_ACCOUNTS: Duration = Duration::from_secs(5);
/// How long that may take at the start, when something else waits.
const ACCOUNTS_WITHIN: Duration = Duration::from_secs(2);
/// How often somebody looks whether there is something to archive.
const LOOK_FOR_OLD: Duration = Duration::from_secs(3_600);

/// How long the logs may take over the last events; what is left the next jitd tells them.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// The same, where there may be no next one.
const LAST_CHANCE: Duration = Duration::from_secs(10);

/// Why the daemon ended, or did not start.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs until SIGTERM or SIGINT. Active elevations stay: a restart ends nothing.
///
/// # Errors
/// The database, the bus or the kernel's clocks are not to be had.
pub async fn run() -> Result<(), Failure> {
    let told = Told {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        hangup: signal(SignalKind::hangup())?,
    };
    let _only = only_one(TURN).await?;
    // What is changed from now on is noticed, also while the host is first made to match.
    let touched = watch_memberships();
    let (engine, ends) = start(load_policy()).await?;
    let ended = serve(&engine, ends, &touched, told).await;
    // As long as the lock is held, nobody else tells the logs.
    engine.tell_the_rest(LAST_WORDS);
    ended
}

/// What others can tell the daemon.
struct Told {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

async fn serve(
    engine: &Engine,
    ends: Ends,
    touched: &Notify,
    mut told: Told,
) -> Result<(), Failure> {
    let alarm = Alarm::new()?;
    // What ended while jitd was away is taken back before anybody can ask.
    let stock = engine.take_stock().await;
    catch_up(engine).await;
    let caught_up = engine.caught_up(stock).await;
    let sessions = tokio::spawn(look_after(engine.clone(), ends.sessions));
    tokio::spawn(engine.clone().tell_of_floods());
    tokio::spawn(keep_to_accounts(engine.clone(), watch_accounts()));
    // Who comes to the gate from now on waits until it is answered: when systemd says that jitd
    // runs, sudo finds it.
    let socket = bus::GateSocket::bind(Path::new(jitd_api::GATE_SOCKET))
        .map_err(|error| format!("cannot listen at {}: {error}", jitd_api::GATE_SOCKET))?;
    let first_word = engine.first_word().await;
    let connection = bus::serve(engine.clone()).await?;
    let mut gate = bus::serve_gate(socket, engine.clone(), &connection).await?;
    // Not before: without a bus it is started again and again.
    put_on_record("runs", engine.begins(first_word, caught_up).await);
    #[cfg(feature = "failpoints")]
    crate::crash::arm("FAILPOINTS_SERVING");
    let ended: Result<&str, Failure> = tokio::select! {
        ended = keep_time(engine, &alarm, touched) => Err(match ended {
            Err(error) => error,
            Ok(never) => match never {},
        }),
        () = reload_when_told(engine, told.hangup) => Ok("SIGHUP is not heard any more"),
        () = keep_record(engine) => Ok("the record is not kept any more"),
        () = gate.ended() => Err("the gate's socket, or its connection to the system bus, ended".into()),
        _ = sessions => Err("nobody looks after sessions any more".into()),
        () = connection.closed() => Err("the system bus went away".into()),
        _ = told.terminate.recv() => Ok("SIGTERM"),
        _ = told.interrupt.recv() => Ok("SIGINT"),
    };
    // The name is given up before the engine goes, so that nobody waits for an answer.
    let closed = connection.close().await;
    // Nobody is refused after the last count.
    gate.stop().await;
    let because = match &ended {
        Ok(signal) => (*signal).to_owned(),
        Err(error) => error.to_string(),
    };
    put_on_record("stops", engine.stops(&because).await);
    ended?;
    closed?;
    Ok(engine.keep_time_now().await?)
}

/// Ends all elevations on record and takes back everything that they gave. For the removal of
/// the package, with the daemon stopped. Groups stay: the gate may still go by them.
///
/// # Errors
/// What stood in the way; running it again goes on from there.
pub async fn withdraw() -> Result<(), Failure> {
    if !Path::new(paths::DATABASE).exists() {
        return Ok(Sudoers::new(paths::SUDOERS.into()).remove()?);
    }
    let _only = only_one(Duration::ZERO).await?;
    // Without a policy nobody has a sudo scope, and managed people stay managed.
    let policy = PolicyInForce::Broken("jitd is being removed".to_owned());
    let (engine, ends) = start(policy).await?;
    engine.withdraw(bus::ourselves().await.as_ref()).await?;
    engine.resume_sessions().await?;
    engine.reconcile().await;
    let over = ends.wait(&engine).await;
    let counted = engine.tell_what_was_counted(true).await;
    // Nobody may be there to tell it later.
    engine.tell_the_rest(LAST_CHANCE);
    over?;
    counted?;
    match engine.trouble() {
        None => Ok(()),
        Some(trouble) => Err(trouble.into()),
    }
}

/// Removes the groups that jitd has created. For the removal of the package, after `withdraw`
/// and after the gate is out of PAM.
///
/// # Errors
/// What stood in the way; running it again goes on from there.
pub async fn remove_groups() -> Result<(), Failure> {
    if !Path::new(paths::DATABASE).exists() {
        return Ok(());
    }
    let _only = only_one(Duration::ZERO).await?;
    let store = Store::open(Path::new(paths::DATABASE))?;
    let removed = tokio::task::spawn_blocking(move || {
        let processes = Box::new(HostProcesses::default());
        let (witness, _) = Witness::new();
        let clock = Arc::new(HostClock::new()?);
        let memberships = Memberships::new(Places::of_host(), store, clock, processes, witness);
        Ok::<_, Failure>(memberships?.remove_owned_groups()?)
    });
    removed.await?
}

/// What goes on after the answer: processes and sessions that are being ended.
struct Ends {
    processes: HostProcesses,
    sessions: UnboundedReceiver<SessionId>,
}

impl Ends {
    /// Waits until it is all over, or will not be.
    async fn wait(mut self, engine: &Engine) -> Result<(), Failure> {
        let processes = self.processes;
        tokio::task::spawn_blocking(move || processes.wait()).await?;
        while engine.sessions_over().await > 0 {
            let gone = timeout(SESSIONS_END_WITHIN, self.sessions.recv()).await;
            let Ok(Some(id)) = gone else {
                let left = engine.sessions_over().await;
                return Err(
                    format!("{left} sessions do not end: systemctl status jit.slice").into(),
                );
            };
            engine.look_after(id).await?;
        }
        Ok(())
    }
}

async fn start(policy: PolicyInForce) -> Result<(Engine, Ends), Failure> {
    #[cfg(feature = "failpoints")]
    crate::crash::arm("FAILPOINTS");
    let clock: Arc<dyn Clock> = Arc::new(HostClock::new()?);
    let store = Store::open(Path::new(paths::DATABASE))?;
    say_what_was_cut(&store)?;
    let teller = Teller::start(Outbox::of(&store)?, store.news(), clock.clone())?;
    let processes = HostProcesses::default();
    let (blocking, ticking) = (store.clone(), clock.clone());
    let ending = Box::new(processes.clone());
    let (witness, sightings) = Witness::new();
    let memberships = tokio::task::spawn_blocking(move || {
        Memberships::new(Places::of_host(), blocking, ticking, ending, witness)
    });
    let memberships = memberships.await??;
    let reconciler = Reconciler::start(memberships, Sudoers::new(paths::SUDOERS.into()))?;
    let (systemd, sessions) = Systemd::new();
    let systemd = Arc::new(systemd);
    let host = Host {
        clock,
        store,
        directory: Arc::new(HostDirectory::default()),
        reconciler,
        teller,
        terminals: Box::new(HostTerminals),
        sessions: systemd.clone(),
        timers: systemd,
    };
    let ends = Ends {
        processes,
        sessions,
    };
    let engine = Engine::new(host, policy).await?;
    tokio::spawn(engine.clone().record_drift(sightings));
    Ok((engine, ends))
}

/// Before more is put on record in the place of what is not there any more.
fn say_what_was_cut(store: &Store) -> Result<(), Failure> {
    let reader = store.reader()?;
    let (newest, witnessed) = (reader.newest()?, reader.witnessed()?);
    if newest < witnessed {
        let what = format!(
            "the record has been cut: it ends with event {newest}, and the logs have been told of \
             events up to {witnessed}; to find out: jitctl audit verify --against LOGFILE"
        );
        note(Priority::Error, &what);
    }
    Ok(())
}

/// Where there is no room on the disk, jitd must run all the same.
fn put_on_record(what: &str, recorded: Result<(), EngineError>) {
    if let Err(error) = recorded {
        let text = format!("it could not be recorded that jitd {what}: {error}");
        note(Priority::Error, &text);
    }
}

/// Does what should have been done by now, and makes the host match.
async fn catch_up(engine: &Engine) {
    // Before memberships are put back: their names may be somebody else's by now. A directory that
    // is not up yet is asked again later.
    let looked = timeout(ACCOUNTS_WITHIN, engine.look_at_accounts(Whose::All)).await;
    if let Ok(Err(error)) = looked {
        let text = format!("whether holders are who they were is not known yet: {error}");
        note(Priority::Warning, &text);
    }
    for done in [
        engine.look_at_the_clock().await,
        engine.end_what_policy_ended().await,
        engine.do_what_is_due().await,
        engine.resume_sessions().await,
    ] {
        if let Err(error) = done {
            let text = format!("what is due could not be done yet: {error}");
            note(Priority::Error, &text);
        }
    }
    engine.reconcile().await;
}

/// Puts on record which sessions are over.
async fn look_after(engine: Engine, mut sessions: UnboundedReceiver<SessionId>) {
    // What could not be put on record yet, and is tried again.
    let mut later = BTreeSet::new();
    loop {
        let next = timeout(TRY_AGAIN, sessions.recv());
        match next.await {
            Ok(Some(id)) => later.extend([id]),
            Ok(None) => return,
            Err(_) => {}
        }
        for id in std::mem::take(&mut later) {
            if let Err(error) = engine.look_after(id).await {
                note(Priority::Warning, &format!("session {id}: {error}"));
                later.insert(id);
            }
        }
    }
}

/// Ends what is held by accounts that are not who they were.
async fn keep_to_accounts(engine: Engine, touched: Arc<Notify>) {
    let mut changes = engine.changes();
    let mut whose = Whose::All;
    let mut last: Option<String> = None;
    loop {
        let looked = engine.look_at_accounts(whose).await.err();
        let trouble = looked.map(|error| error.to_string());
        // Said once, however often it is tried.
        if let Some(text) = trouble.as_ref().filter(|text| last.as_ref() != Some(text)) {
            let text = format!("whether holders are who they were is not known: {text}");
            note(Priority::Warning, &text);
        }
        last = trouble;
        let next = async {
            tokio::select! {
                () = touched.notified() => Whose::All,
                () = engine.account_doubted() => Whose::All,
                // Whoever is new must have been seen before they are missed.
                _ = changes.recv() => Whose::New,
            }
        };
        whose = timeout(LOOK_AT_ACCOUNTS, next).await.unwrap_or(Whose::All);
    }
}

/// Archives what is older than the policy keeps.
async fn keep_record(engine: &Engine) {
    loop {
        if let Err(error) = engine.archive_what_is_old().await {
            note(Priority::Error, &format!("{error}; it is tried again"));
        }
        pause(LOOK_FOR_OLD).await;
    }
}

fn load_policy() -> PolicyInForce {
    match policy_source::load(Groups::Awaited) {
        Ok(policy) => PolicyInForce::Loaded(Arc::new(policy)),
        Err(errors) => {
            for error in &errors {
                note(Priority::Error, &error.to_string());
            }
            note(
                Priority::Error,
                "the policy is broken: managed people are refused until it is mended (jitctl policy reload)",
            );
            let first = errors.first().map(ToString::to_string);
            PolicyInForce::Broken(first.unwrap_or_default())
        }
    }
}

/// SIGHUP: reads the policy again, as `jitctl policy reload` does, and says what came of it.
async fn reload_when_told(engine: &Engine, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        let read = tokio::task::spawn_blocking(|| policy_source::load(Groups::Known)).await;
        let adopted = match read {
            Ok(read) => engine.adopt(read, By::Signal, MayEnd::Some).await,
            Err(_) => continue,
        };
        match adopted {
            Ok(_) => {}
            Err(error) => {
                for line in error.to_string().lines() {
                    note(Priority::Error, line);
                }
                note(Priority::Error, "the old policy stays in force");
            }
        }
    }
}

/// Ends elevations when their time is up, undoes what others changed, and retries what the host
/// did not allow.
async fn keep_time(
    engine: &Engine,
    alarm: &Alarm,
    touched: &Notify,
) -> Result<Infallible, Failure> {
    let mut changes = engine.changes();
    let mut retry = RETRY.0;
    let mut as_left = true;
    let turns = Turns::of_host();
    loop {
        let round = engine.boot_time();
        let recorded = async {
            engine.do_what_is_due().await?;
            engine.keep_time().await
        };
        let recorded = recorded.await.inspect_err(|error| {
            note(
                Priority::Error,
                &format!("what is due could not be done yet: {error}"),
            );
        });
        // The host follows the clock, also when that cannot be recorded.
        let matches = as_left && recorded.is_ok() && engine.matches();
        let done = matches || engine.reconcile().await && recorded.is_ok();
        as_left = true;
        retry = if done {
            RETRY.0
        } else {
            (retry * 2).min(RETRY.1)
        };
        engine.begin_to_warn();
        turns.note(round);
        let soonest = [
            engine.next_due().await,
            engine.next_warning().await,
            engine.next_keeping().await,
        ];
        let next = soonest.into_iter().flatten().min().unwrap_or(i64::MAX / 2);
        let next = if done {
            next
        } else {
            next.clamp(RETRY.0, retry)
        };
        tokio::select! {
            rang = alarm.after(next) => rang?,
            _ = changes.recv() => {}
            () = touched.notified() => as_left = false,
            () = engine.clock_was_set() => {}
        }
    }
}

/// The one process that may change the record and the host: the daemon, `enforce` or `withdraw`.
///
/// # Errors
/// Another one runs, and goes on to for as long as this one waits.
async fn only_one(patience: Duration) -> Result<File, Failure> {
    let path = Path::new(paths::STATE).join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)?;
    let taken = async {
        while file.try_lock().is_err() {
            pause(Duration::from_millis(50)).await;
        }
    };
    let taken = timeout(patience, taken).await;
    taken.map_err(|_| "another jitd is running: systemctl stop jitd")?;
    Ok(file)
}

#[expect(clippy::disallowed_methods, reason = "no end depends on it")]
async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}
