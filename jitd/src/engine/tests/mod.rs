//! The engine on a host of files, with a clock and a directory that tests set.

mod accounts;
mod backlog;
mod clocks;
mod drift;
mod gate;
mod keeping;
mod life;
mod policy;
mod races;
mod recordings;
mod running;
mod sessions;
mod systemd;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use jitd_api::{RequestOptions, State};
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::clock::Clock;
use crate::directory::{Directory, DirectoryError, Lookup};
use crate::domain::account::{Found, Look};
use crate::domain::decide::Refusal;
use crate::domain::desired::{Holder, Membership};
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::names::{GroupName, RoleName, UserName};
use crate::domain::person::{Caller, Person};
use crate::domain::time::{Boot, BootId, Now, Wall};
use crate::policy_file::{self, Source};
use crate::reconcile::{Gone, Memberships, Places, Processes, Reconciler, Sudoers, Witness};
use crate::record::Teller;
use crate::store::{Query, Scope, Store};
use crate::terminals::Terminals;
use systemd::FakeHost;

const POLICY: &str = r#"
[defaults]
approvers = { groups = ["jit-approvers"] }

[role.deploy]
groups = ["jit-deploy"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
max_duration = "2h"
reason = { required = true, min_length = 5 }

[role.root]
groups = ["jit-root"]
services = ["su"]
eligible = { groups = ["contractors"] }
approvals = 2
budget = { time = "3h", per = "24h" }
break_glass = { groups = ["oncall"], max_duration = "30m" }

[role.quick]
groups = ["jit-quick"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
auto_approve = [{ max_duration = "10m" }]

[role.watched]
groups = ["jit-quick"]
services = ["sudo-i"]
eligible = { users = ["carol"] }

[role.dba]
groups = ["jit-deploy", "docker"]
services = ["su"]
eligible = { users = ["dave"] }
"#;

/// A clock that stands until it is moved.
#[derive(Clone)]
struct StandingClock(Arc<Mutex<Now>>);

impl Clock for StandingClock {
    fn now(&self) -> Now {
        self.0.lock().unwrap().clone()
    }
}

/// A host of files in a folder, with an engine on it.
struct Scene {
    folder: TempDir,
    clock: StandingClock,
    people: Known,
    ended: Ended,
    said: Said,
    host: FakeHost,
    engine: Engine,
}

/// Who was told what on their terminals.
#[derive(Debug, Clone, Default)]
struct Said(Arc<Mutex<Vec<(u32, String)>>>);

/// Where they were told.
type At = BTreeSet<std::path::PathBuf>;

impl Terminals for Said {
    fn tell(&self, uid: u32, at: &At, line: &str) {
        let at = at.iter().map(|at| format!(" ({})", at.display()));
        let line = format!("{line}{}", at.collect::<String>());
        self.0.lock().unwrap().push((uid, line));
    }
}

/// Whose processes were to be ended, and for which groups.
#[derive(Debug, Clone, Default)]
struct Ended(Arc<Mutex<Vec<String>>>);

impl Processes for Ended {
    fn end(&self, lost: Vec<Membership>, _: &BTreeSet<GroupName>, gone: Gone) {
        let names = lost.iter().map(|(group, user)| format!("{user}:{group}"));
        self.0.lock().unwrap().extend(names);
        gone(lost);
    }

    fn know(&self, _: &BTreeMap<RoleName, BTreeSet<Holder>>) {}

    fn spare(&self, _: &BTreeSet<Membership>) {}
}

/// A directory that knows some people, until they are changed.
#[derive(Clone)]
struct Known {
    people: Arc<Mutex<Vec<Person>>>,
    /// Who asks for this one waits.
    held: Arc<watch::Sender<Option<u32>>>,
}

/// The number of somebody who tells that nobody is in the host's own file.
const ELSEWHERE: u32 = u32::MAX - 1;

/// The number of somebody who makes the directory give up.
const AWAY: u32 = u32::MAX;

impl Known {
    fn new(people: Vec<Person>) -> Self {
        Self {
            people: Arc::new(Mutex::new(people)),
            held: Arc::new(watch::Sender::new(None)),
        }
    }

    /// It gives up whenever it is asked.
    fn go_away(&self) {
        self.become_of(AWAY, Some(person(AWAY, "away", &[])));
    }

    /// It keeps those waiting who ask for this account.
    fn hold(&self, uid: u32) {
        self.held.send_replace(Some(uid));
    }

    /// It answers them.
    fn go_on(&self) {
        self.held.send_replace(None);
    }

    /// An account has another owner, or none.
    fn become_of(&self, uid: u32, person: Option<Person>) {
        let mut people = self.people.lock().unwrap();
        people.retain(|person| person.uid != uid);
        people.extend(person);
    }

    fn find(&self, uid: u32) -> Result<Person, DirectoryError> {
        let people = self.people.lock().unwrap();
        if people.iter().any(|person| person.uid == AWAY) {
            return Err(DirectoryError::Slow);
        }
        let found = people.iter().find(|person| person.uid == uid);
        found.cloned().ok_or(DirectoryError::NoSuchAccount(uid))
    }

    fn look(&self, (name, uid): &Holder) -> Look {
        let people = self.people.lock().unwrap();
        let of = |found: Option<&Person>| found.map(|one| (one.name.to_string(), one.uid));
        let is_elsewhere = people.iter().any(|person| person.uid == ELSEWHERE);
        let by_number = of(people.iter().find(|person| person.uid == *uid));
        let by_name = of(people.iter().find(|person| person.name == *name));
        let is_local = by_number.is_some() && by_number == by_name && !is_elsewhere;
        Look {
            name: by_number.map_or(Found::Nothing, |(name, _)| Found::It(name)),
            number: by_name.map_or(Found::Nothing, |(_, uid)| Found::It(uid)),
            is_local,
        }
    }

    /// Everybody is in a directory, and nobody in the host's own file.
    fn move_elsewhere(&self) {
        self.become_of(ELSEWHERE, Some(person(ELSEWHERE, "elsewhere", &[])));
    }
}

impl Directory for Known {
    fn person(&self, uid: u32) -> Lookup<'_> {
        let mut held = self.held.subscribe();
        Box::pin(async move {
            held.wait_for(|held| *held != Some(uid)).await.unwrap();
            self.find(uid)
        })
    }

    fn looks(&self, holders: Vec<Holder>) -> Lookup<'_, Vec<Look>> {
        Box::pin(async move {
            if self.find(AWAY) == Err(DirectoryError::Slow) {
                return Err(DirectoryError::Slow);
            }
            Ok(holders.iter().map(|holder| self.look(holder)).collect())
        })
    }
}

/// Lets everybody else go as far as they can.
async fn others_go_on() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

impl Scene {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(
            folder.path().join("group"),
            "root:x:0:\njit-deploy:x:900:\ndocker:x:901:dave\njit-root:x:902:\njit-quick:x:903:\n",
        )
        .unwrap();
        std::fs::write(
            folder.path().join("gshadow"),
            "root:*::\njit-deploy:!::\ndocker:!::dave\njit-root:!::\njit-quick:!::\n",
        )
        .unwrap();
        let boot_id = BootId("first".to_owned());
        let now = Now {
            wall: Wall(1_000_000),
            boot: Boot(50_000),
            boot_id,
        };
        let clock = StandingClock(Arc::new(Mutex::new(now)));
        let callers = [carol(), alice(), bea()];
        let people = callers.map(|caller| caller.account).to_vec();
        let people = Known::new(people);
        let (ended, said) = (Ended::default(), Said::default());
        let host = FakeHost::default();
        let engine = Self::engine(&folder, &clock, &people, &ended, &said, &host).await;
        Self {
            folder,
            clock,
            people,
            ended,
            said,
            host,
            engine,
        }
    }

    async fn engine(
        folder: &TempDir,
        clock: &StandingClock,
        people: &Known,
        ended: &Ended,
        said: &Said,
        systemd: &FakeHost,
    ) -> Engine {
        let source = Source {
            path: "jitd.toml".to_owned(),
            text: POLICY.to_owned(),
        };
        let mut policy = policy_file::parse(&[source]).unwrap().policy;
        // With commands there would have to be a visudo here.
        policy.roles.get_mut("watched").unwrap().record = true;
        let policy = PolicyInForce::Loaded(Arc::new(policy));
        let store = Store::open(&folder.path().join("jitd.db")).unwrap();
        let places = Places {
            etc: folder.path().to_owned(),
            userdb: folder.path().join("userdb"),
        };
        let sudoers = Sudoers::new(folder.path().join("sudoers"));
        let (blocking, ticking) = (store.clone(), Arc::new(clock.clone()));
        let ended = Box::new(ended.clone());
        let (witness, sightings) = Witness::new();
        let memberships = tokio::task::spawn_blocking(move || {
            Memberships::new(places, blocking, ticking, ended, witness).unwrap()
        })
        .await
        .unwrap();
        let reconciler = Reconciler::start(memberships, sudoers).unwrap();
        let teller = Teller::silent();
        let host = Host {
            clock: Arc::new(clock.clone()),
            store,
            directory: Arc::new(people.clone()),
            reconciler,
            teller,
            terminals: Box::new(said.clone()),
            sessions: Arc::new(systemd.clone()),
            timers: Arc::new(systemd.clone()),
        };
        let engine = Engine::new(host, policy).await.unwrap();
        tokio::spawn(engine.clone().record_drift(sightings));
        // As the daemon does. It goes on where this cannot be made durable.
        drop(engine.look_at_the_clock().await);
        assert!(engine.reconcile().await);
        engine
    }

    /// The daemon dies and starts again, as far as its memory goes.
    async fn restart(&mut self) {
        self.engine = Self::engine(
            &self.folder,
            &self.clock,
            &self.people,
            &self.ended,
            &self.said,
            &self.host,
        )
        .await;
    }

    fn pass(&self, milliseconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        now.wall.0 += milliseconds;
        now.boot.0 += milliseconds;
    }

    fn set_wall_clock_back(&self, milliseconds: i64) {
        self.clock.0.lock().unwrap().wall.0 -= milliseconds;
    }

    fn groups(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("group")).unwrap()
    }

    fn in_group(&self, line: &str) -> bool {
        let shadow = std::fs::read_to_string(self.folder.path().join("gshadow")).unwrap();
        let fields: Vec<_> = line.split(':').collect();
        self.groups().lines().any(|l| l == line)
            && shadow.lines().any(|l| {
                l.starts_with(&format!("{}:", fields[0])) && l.ends_with(&format!(":{}", fields[3]))
            })
    }

    async fn requested(&self, caller: &Caller) -> ElevationId {
        let options = RequestOptions {
            duration: Some(600),
            reason: Some("fix the web".to_owned()),
            ..RequestOptions::default()
        };
        self.engine
            .request(caller, "deploy", &options)
            .await
            .unwrap()
    }

    async fn asked(
        &self,
        caller: &Caller,
        role: &str,
        options: RequestOptions,
    ) -> Result<ElevationId, EngineError> {
        self.engine.request(caller, role, &options).await
    }

    /// As the daemon does when its alarm rings.
    async fn tick(&self) {
        self.engine.do_what_is_due().await.unwrap();
        assert!(self.engine.reconcile().await);
    }

    async fn events(&self) -> Vec<String> {
        self.engine.shared.store.event_names().await.unwrap()
    }

    /// What is on record under names like this one.
    fn told(&self, name: &str) -> Vec<String> {
        let db = rusqlite::Connection::open(self.folder.path().join("jitd.db")).unwrap();
        let sql = "SELECT event, elevation, user, uid, role, fields FROM event
            WHERE event LIKE ? ORDER BY seq";
        let mut statement = db.prepare(sql).unwrap();
        let line = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
            let mut words: Vec<String> = vec![row.get(0)?];
            let id: i64 = row.get(1)?;
            words.extend((id != 0).then(|| format!("id={id}")));
            let (user, uid): (String, u32) = (row.get(2)?, row.get(3)?);
            words.extend((!user.is_empty()).then(|| format!("user={user} uid={uid}")));
            let role: String = row.get(4)?;
            words.extend((!role.is_empty()).then(|| format!("role={role}")));
            let fields: Vec<[String; 2]> = serde_json::from_str(&row.get::<_, String>(5)?).unwrap();
            words.extend(fields.iter().map(|pair| pair.join("=")));
            Ok(words.join(" "))
        };
        let lines = statement.query_map([name], line).unwrap();
        lines.collect::<Result<_, _>>().unwrap()
    }

    async fn active(&self) -> ElevationId {
        let id = self.requested(&carol()).await;
        self.engine.approve(&alice(), id, None, "").await.unwrap();
        id
    }

    async fn state(&self, id: ElevationId) -> State {
        self.engine.get(&root(), id).await.unwrap().state
    }

    fn opens_sudo_to_carol(&self) -> bool {
        matches!(
            self.engine.gate().check(1001, "carol", "sudo"),
            GateVerdict::Open { .. }
        )
    }
}

fn person(uid: u32, name: &str, groups: &[&str]) -> Person {
    Person {
        uid,
        name: UserName::new(name).unwrap(),
        groups: groups.iter().map(ToString::to_string).collect(),
    }
}

fn caller(uid: u32, name: &str, groups: &[&str]) -> Caller {
    Caller {
        account: person(uid, name, groups),
        login: None,
        logged_in: true,
    }
}

fn carol() -> Caller {
    caller(1001, "carol", &["contractors"])
}
fn alice() -> Caller {
    caller(1002, "alice", &["jit-approvers"])
}
fn bea() -> Caller {
    caller(1006, "bea", &["jit-approvers", "oncall"])
}
fn root() -> Caller {
    caller(0, "root", &["root"])
}

fn through(account: Caller, login: Caller) -> Caller {
    Caller {
        account: account.account,
        login: Some(login.account),
        logged_in: true,
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, EngineError>) -> Refusal {
    match result {
        Err(EngineError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn not_allowed<T: std::fmt::Debug>(result: Result<T, EngineError>) {
    let refusal = refusal(result);
    assert!(matches!(refusal, Refusal::NotAllowed(_)), "{refusal:?}");
}
