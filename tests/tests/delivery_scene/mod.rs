//! Load, what the gate makes of it, and what the logs have of it.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jit_tests::{LIMIT, Machine};
use serde_json::Value;

/// How long everything may take to come to the logs.
const DELIVERY: Duration = Duration::from_secs(120);
/// How long the gate is watched in peace.
const QUIET: Duration = Duration::from_secs(5);
/// Where `heckler` is in a machine.
pub(crate) const HECKLER: &str = "/usr/local/bin/heckler";
/// What the gate's p95 may differ by, where it is not twice as long: restarting a log takes the
/// processor, and so does what else the machine does that tests. Waiting for a log takes longer.
const NOISE: Duration = Duration::from_millis(10);
/// Longer than this, somebody waited for a log.
const STUCK: Duration = Duration::from_secs(1);

/// Somebody who has policies loaded all the time, which is an event each time.
pub(crate) struct Load<'a> {
    machine: &'a Machine,
}

impl<'a> Load<'a> {
    pub(crate) fn start(machine: &'a Machine) -> Self {
        machine
            .run(
                "touch /run/load
                for worker in 1 2; do
                    (while [ -e /run/load ]; do
                        busctl --quiet call org.jitd1 /org/jitd1 org.jitd1.Policy Reload b false
                    done) </dev/null >/dev/null 2>&1 &
                done",
            )
            .ok();
        let load = Self { machine };
        load.goes_on(20);
        load
    }

    /// Waits for so many more events.
    #[track_caller]
    pub(crate) fn goes_on(&self, count: u64) {
        let logs = Logs::of(self.machine);
        let until = logs.newest() + count;
        self.machine
            .wait_until("there is more", LIMIT, || logs.newest() >= until);
    }

    /// Ends it, and waits until all of it is told.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.machine.run("rm /run/load").ok();
        let busy = || self.machine.run("pgrep -x busctl").status == 0;
        self.machine.wait_until("it is quiet", LIMIT, || !busy());
        let logs = Logs::of(self.machine);
        logs.wait_until_told(logs.newest());
    }
}

/// Somebody who asks at the gate all the time, and keeps how long the answers take.
pub(crate) struct Gate<'a> {
    machine: &'a Machine,
}

const IN_QUIET: &str = "quiet";

impl<'a> Gate<'a> {
    pub(crate) fn watch(machine: &'a Machine) -> Self {
        put_heckler(machine);
        let gate = Self { machine };
        gate.is_now(IN_QUIET);
        machine
            .run(&format!(
                "{HECKLER} gate $(id -u carol) carol /run/phase </dev/null >/run/answers 2>&1 &"
            ))
            .ok();
        gate
    }

    pub(crate) fn quiet(&self) {
        self.is_now(IN_QUIET);
        std::thread::park_timeout(QUIET);
    }

    pub(crate) fn while_(&self, what: &str, disturb: impl FnOnce()) {
        self.is_now(what);
        disturb();
    }

    fn is_now(&self, phase: &str) {
        let write = format!("echo {phase} >/run/phase.new && mv /run/phase.new /run/phase");
        self.machine.run(&write).ok();
    }

    #[track_caller]
    pub(crate) fn did_not_notice(self) {
        self.is_now("");
        let mut took: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        for line in self.machine.file("/run/answers").lines() {
            let fields: Vec<_> = line.split('\t').collect();
            let [phase, "true", micros] = fields[..] else {
                panic!("the gate did not say yes: {line}");
            };
            let micros = micros.parse().expect("microseconds");
            let phase = took.entry(phase.to_owned()).or_default();
            phase.push(Duration::from_micros(micros));
        }
        let phases: Vec<_> = took.keys().cloned().collect();
        let mut p95 = |phase: &str| {
            let took = took.get_mut(phase).expect("answers");
            took.sort_unstable();
            let count = took.len();
            let (p95, slowest) = (took[count * 95 / 100], took[count - 1]);
            println!(
                "{}: the gate, {phase}: p95 {p95:?}, slowest {slowest:?}, of {count}",
                self.machine.release()
            );
            assert!(slowest < STUCK, "{phase}: {slowest:?}");
            p95
        };
        let quiet = p95(IN_QUIET);
        for phase in phases.iter().filter(|phase| *phase != IN_QUIET) {
            let disturbed = p95(phase);
            assert!(
                disturbed < (quiet + NOISE).max(2 * quiet),
                "{phase}: {disturbed:?} instead of {quiet:?}"
            );
        }
    }
}

fn put_heckler(machine: &Machine) {
    if machine.run(&format!("test -e {HECKLER}")).status != 0 {
        machine.put_program(Path::new(env!("CARGO_BIN_EXE_heckler")), HECKLER);
    }
}

/// What a machine has on record, and in its logs.
pub(crate) struct Logs<'a> {
    machine: &'a Machine,
    /// What came up to here was told before the scene began, where it may not be seen any more.
    after: u64,
    read: RefCell<BTreeMap<String, Vec<(u64, String)>>>,
}

impl<'a> Logs<'a> {
    pub(crate) fn of(machine: &'a Machine) -> Self {
        put_heckler(machine);
        let logs = Self {
            machine,
            after: 0,
            read: RefCell::default(),
        };
        // All that was before was told to the logs of the machine that this one is a copy of.
        let first = "SELECT coalesce(min(seq), 1) - 1 FROM event WHERE elevation = 1";
        let after = logs.number(first);
        logs.after(after)
    }

    /// The same, looking only at what came later.
    pub(crate) fn after(self, after: u64) -> Self {
        Self { after, ..self }
    }

    /// What a statement gives, a line a row.
    #[track_caller]
    fn sql(&self, statement: &str) -> String {
        let command = format!("{HECKLER} sql /var/lib/jitd/jitd.db \"$(cat)\"");
        let said = self.machine.run_with_input(&command, statement);
        said.ok().stdout.clone()
    }

    #[track_caller]
    fn number(&self, statement: &str) -> u64 {
        self.sql(statement).trim().parse().expect("a number")
    }

    pub(crate) fn newest(&self) -> u64 {
        self.number("SELECT coalesce(max(seq), 0) FROM event")
    }

    #[track_caller]
    pub(crate) fn wait_until_told(&self, newest: u64) {
        // Without a syslogd its cursor stays behind; without a journal that one goes along.
        let log = "SELECT seq FROM told WHERE log = ";
        let has_syslogd = self
            .machine
            .run("test -e /run/systemd/journal/syslog -o ! -e /run/systemd/journal/socket");
        let log = format!(
            "{log}'{}'",
            if has_syslogd.status == 0 {
                "syslog"
            } else {
                "journal"
            }
        );
        self.machine
            .wait_until("all is told", DELIVERY, || self.number(&log) >= newest);
        // rsyslog writes what it has read in a moment.
        let last = format!(" seq={newest} ");
        if has_syslogd.status == 0 {
            let has = format!("tail -n 50 /var/log/auth.log | grep -q '{last}'");
            self.machine
                .wait_until("rsyslog has written it", LIMIT, || {
                    self.machine.run(&has).status == 0
                });
        }
    }

    /// As jitd would put them on record, while it is stopped. Gives the number of the last.
    pub(crate) fn add_events(&self, count: u32) -> u64 {
        self.sql(&format!(
            "INSERT INTO event (seq, at, event, elevation, user, uid, role, fields, chain)
             WITH RECURSIVE more(seq) AS (
                SELECT max(seq) + 1 FROM event UNION ALL SELECT seq + 1 FROM more LIMIT {count})
             SELECT seq, unixepoch() * 1000, 'elevation.approved', seq, 'carol', 1001, 'deploy',
                '[[\"by\",\"alice\"],[\"duration\",\"600\"],[\"comment\",\"a comment of usual length\"]]',
                randomblob(32)
             FROM more"
        ));
        self.newest()
    }

    /// All events by number, as jitd gives them to root.
    pub(crate) fn events(&self) -> BTreeMap<u64, Value> {
        let rows = self.sql(
            "SELECT json_object('seq', seq, 'at', strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000.0, 'unixepoch'),
                'event', event, 'id', elevation, 'user', user, 'uid', uid, 'role', role,
                'fields', json(fields), 'chain', lower(hex(chain))) FROM event",
        );
        let mut events = BTreeMap::new();
        for row in rows.lines() {
            let mut event: Value = serde_json::from_str(row).expect("JSON");
            let event = event.as_object_mut().expect("an object");
            let own = event.remove("fields").expect("fields");
            for pair in own.as_array().expect("a list") {
                let key = pair[0].as_str().expect("a key").to_owned();
                assert!(event.insert(key, pair[1].clone()).is_none(), "{row}");
            }
            // What it does not have it has empty there.
            if event["user"] == "" {
                event.remove("uid");
            }
            event.retain(|key, value| *value != "" && !(key == "id" && *value == 0));
            let seq = event["seq"].as_u64().expect("a number");
            events.insert(seq, Value::Object(event.clone()));
        }
        events
    }

    /// Number and link of every event.
    fn on_record(&self) -> Vec<(u64, String)> {
        let after = self.after;
        let rows =
            format!("SELECT seq, lower(hex(chain)) FROM event WHERE seq > {after} ORDER BY seq");
        let rows = self.sql(&rows);
        let rows = rows.lines().map(|row| {
            let (seq, chain) = row.split_once('\t').expect("two columns");
            (seq.parse().expect("a number"), chain.to_owned())
        });
        rows.collect()
    }

    /// The same of every line of a log, as they stand there.
    fn in_log(&self, log: &str) -> Vec<(u64, String)> {
        let read = |log: &str| {
            let mut found = match log {
                "journal" => self.in_journal(),
                _ => self.in_auth_log(),
            };
            found.retain(|(seq, _)| *seq > self.after);
            found
        };
        let mut known = self.read.borrow_mut();
        known
            .entry(log.to_owned())
            .or_insert_with(|| read(log))
            .clone()
    }

    fn in_auth_log(&self) -> Vec<(u64, String)> {
        let log = self.machine.auth_log();
        let lines = log.lines().filter_map(|line| {
            let (_, line) = line.split_once(" jitd[")?;
            let (_, end) = line.split_once("]: event=")?.1.rsplit_once(" seq=")?;
            let (seq, chain) = end.split_once(" chain=")?;
            Some((seq.parse().ok()?, chain.to_owned()))
        });
        lines.collect()
    }

    fn in_journal(&self) -> Vec<(u64, String)> {
        let read = "journalctl --sync; journalctl --identifier=jitd --output=json --no-pager \
                    --output-fields=JITD_SEQ,JITD_CHAIN";
        let read = self.machine.run_within(LIMIT, read);
        let entries = read.ok().stdout.lines().filter_map(|line| {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            let seq = entry["JITD_SEQ"].as_str()?.parse().ok()?;
            Some((seq, entry["JITD_CHAIN"].as_str()?.to_owned()))
        });
        entries.collect()
    }

    /// Every event once, in order, and with its link.
    #[track_caller]
    pub(crate) fn have_all_in(&self, log: &str) -> &Self {
        let (record, found) = (self.on_record(), self.in_log(log));
        let [missing, again] = [self.missing_in(log), self.told_again_in(log)];
        println!(
            "{}: {log} has {} lines of {} events",
            self.machine.release(),
            found.len(),
            record.len()
        );
        assert!(
            missing.is_empty() && again.is_empty(),
            "{log}: missing {} {:?}…, twice {} {:?}…",
            missing.len(),
            &missing[..missing.len().min(9)],
            again.len(),
            &again[..again.len().min(9)]
        );
        assert!(
            found == record,
            "{log} is in another order, or has other links"
        );
        self
    }

    /// The numbers of the events that a log does not have.
    pub(crate) fn missing_in(&self, log: &str) -> Vec<u64> {
        let found = self.in_log(log);
        let record = self.on_record().into_iter();
        let missing = record.filter(|event| !found.contains(event));
        missing.map(|(seq, _)| seq).collect()
    }

    /// The numbers of the events that a log has more than once, always the same.
    #[track_caller]
    pub(crate) fn told_again_in(&self, log: &str) -> Vec<u64> {
        let mut seen = BTreeMap::new();
        let mut again = Vec::new();
        for (seq, chain) in self.in_log(log) {
            if let Some(before) = seen.insert(seq, chain.clone()) {
                assert_eq!(before, chain, "{log}: event {seq}");
                again.push(seq);
            }
        }
        again
    }
}
