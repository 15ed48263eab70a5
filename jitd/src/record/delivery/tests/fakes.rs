//! A host with logs that do as they are told.

use std::ops::RangeInclusive;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use jitd_api::Link;
use tempfile::TempDir;

use super::super::*;
use crate::domain::time::{Boot, BootId, Wall};
use crate::record::{Event, EventName};

pub(super) const MINUTE: i64 = 60_000;

/// When the scene begins.
const START: i64 = 1_700_000_000_000;
/// Rounds after which nothing more is to be expected.
const ENOUGH: usize = 200;

pub(super) struct Host {
    folder: TempDir,
    clock: FakeClock,
    record: Arc<Mutex<Record>>,
    journal: Option<FakeLog>,
    syslog: Option<FakeLog>,
}

impl Host {
    /// journald hands on to a syslogd, as on Debian.
    pub(super) fn with_both() -> Self {
        let mut host = Self::with_journal_alone();
        host.add_syslogd();
        host
    }

    pub(super) fn with_journal_alone() -> Self {
        let mut host = Self::with_none();
        let hands_on = Some(host.path("journal/syslog"));
        host.journal = Some(FakeLog::start(&host.path("journal/socket"), hands_on));
        host
    }

    pub(super) fn with_syslog_alone() -> Self {
        let mut host = Self::with_none();
        host.syslog = Some(FakeLog::start(&host.path("log"), None));
        host
    }

    /// journald hands on to nobody, and a syslogd has /dev/log.
    pub(super) fn with_each_alone() -> Self {
        let mut host = Self::with_syslog_alone();
        host.journal = Some(FakeLog::start(&host.path("journal/socket"), None));
        host
    }

    fn with_none() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("journal")).unwrap();
        Self {
            folder,
            clock: FakeClock::default(),
            record: Arc::default(),
            journal: None,
            syslog: None,
        }
    }

    pub(super) fn add_syslogd(&mut self) {
        self.syslog = Some(FakeLog::start(&self.path("journal/syslog"), None));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn start(&self) -> Delivery<FakeOutbox> {
        let places = Places {
            journal: self.path("journal/socket"),
            handed_on: self.path("journal/syslog"),
            dev_log: self.path("log"),
        };
        let outbox = FakeOutbox(self.record.clone());
        let clock = Arc::new(self.clock.clone());
        let delivery = Delivery::new(outbox, clock, places).unwrap();
        // A journal that was never there is none.
        self.pass(BLINK);
        delivery
    }

    /// So many more events, now.
    pub(super) fn happen(&self, count: u64) {
        let now = self.clock.now().wall;
        let mut record = self.record.lock().unwrap();
        for _ in 0..count {
            let seq = record.events.len() as u64 + 1;
            let last = record.events.last();
            let before = last.map_or(Link::START, |event| event.chain);
            let event = Event::of_none(EventName::PolicyLoaded, now).with("roles", "1");
            record.events.push(Recorded::next(seq, &before, &event));
        }
    }

    pub(super) fn pass(&self, milliseconds: i64) {
        self.clock.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    pub(super) fn cannot_note(&self, cannot: bool) {
        self.record.lock().unwrap().is_full = cannot;
    }

    /// Nobody can read this event any more.
    pub(super) fn spoil(&self, seq: u64) {
        self.record.lock().unwrap().spoilt = Some(seq);
    }

    pub(super) fn noted(&self) -> Told {
        self.record.lock().unwrap().told
    }

    /// Until both logs have everything that happened.
    #[track_caller]
    pub(super) fn all_told(&self, delivery: &mut Delivery<FakeOutbox>) -> Next {
        for _ in 0..ENOUGH {
            match delivery.round() {
                Next::Nothing => return Next::Nothing,
                Next::More => {}
                Next::Later => std::thread::park_timeout(Duration::from_millis(1)),
            }
        }
        panic!("not all is told: {:?}", self.noted());
    }

    /// Until that much is noted as told.
    #[track_caller]
    pub(super) fn told_until(
        &self,
        delivery: &mut Delivery<FakeOutbox>,
        enough: impl Fn(Told) -> bool,
    ) {
        for _ in 0..ENOUGH {
            if enough(self.noted()) {
                return;
            }
            delivery.round();
        }
        panic!("not that much is told: {:?}", self.noted());
    }

    /// Until the teller has tried for a while.
    pub(super) fn wait_for_a_stall(&self) {
        let asked = || self.clock.1.load(Ordering::SeqCst);
        let before = asked();
        self.wait(|_| asked() > before + 3);
    }

    #[track_caller]
    pub(super) fn wait_until_noted(&self, seq: u64) {
        self.wait(|record| record.told.syslog == seq);
    }

    #[track_caller]
    fn wait(&self, until: impl Fn(&Record) -> bool) {
        for _ in 0..30_000 {
            if until(&self.record.lock().unwrap()) {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        panic!("waited in vain: {:?}", self.noted());
    }

    pub(super) fn journal(&self) -> &FakeLog {
        self.journal.as_ref().unwrap()
    }

    pub(super) fn syslog(&self) -> &FakeLog {
        self.syslog.as_ref().unwrap()
    }

    /// Somebody else listens in the syslogd's place, which it does not notice.
    pub(super) fn replace_the_socket(&mut self) -> FakeLog {
        let old = self.syslog.take().unwrap();
        std::fs::remove_file(&old.path).unwrap();
        self.syslog = Some(FakeLog::start(&old.path, None));
        old
    }

    pub(super) fn lose_the_journal(&mut self) {
        let journal = self.journal.take().unwrap();
        std::fs::remove_file(&journal.path).unwrap();
    }

    pub(super) fn syslog_mut(&mut self) -> &mut FakeLog {
        self.syslog.as_mut().unwrap()
    }
}

/// Milliseconds since the scene began, and how often it was looked at.
#[derive(Clone, Default)]
struct FakeClock(Arc<AtomicI64>, Arc<AtomicU64>);

impl Clock for FakeClock {
    fn now(&self) -> Now {
        let passed = self.0.load(Ordering::SeqCst);
        self.1.fetch_add(1, Ordering::SeqCst);
        Now {
            wall: Wall(START + passed),
            boot: Boot(passed),
            boot_id: BootId("boot".to_owned()),
        }
    }
}

#[derive(Default)]
struct Record {
    events: Vec<Recorded>,
    told: Told,
    is_full: bool,
    spoilt: Option<u64>,
}

pub(super) struct FakeOutbox(Arc<Mutex<Record>>);

impl Outbox for FakeOutbox {
    fn told(&mut self) -> Result<Told, Unreadable> {
        Ok(self.0.lock().unwrap().told)
    }

    fn after(&mut self, seq: u64, most: usize) -> Result<Vec<Recorded>, Unreadable> {
        let record = self.0.lock().unwrap();
        let events = record.events.iter().filter(|event| event.seq > seq);
        let page: Vec<_> = events.take(most).cloned().collect();
        if page.iter().any(|event| Some(event.seq) == record.spoilt) {
            return Err(Unreadable::Event("nonsense".to_owned()));
        }
        Ok(page)
    }

    fn note(&mut self, told: Told) -> Result<(), String> {
        let mut record = self.0.lock().unwrap();
        if record.is_full {
            return Err("the disk is full".to_owned());
        }
        record.told = told;
        Ok(())
    }
}

/// A log that reads datagrams on a thread of its own, and hands on what they say.
pub(super) struct FakeLog {
    path: PathBuf,
    hands_on: Option<PathBuf>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    lines: Mutex<Vec<String>>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Goes,
    Stopped,
    Ended,
}

impl FakeLog {
    fn start(path: &Path, hands_on: Option<PathBuf>) -> Self {
        let mut log = Self {
            path: path.to_owned(),
            hands_on,
            shared: Arc::default(),
            thread: None,
        };
        log.run();
        log
    }

    fn run(&mut self) {
        let socket = UnixDatagram::bind(&self.path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        let (shared, hands_on) = (self.shared.clone(), self.hands_on.clone());
        let read = move || shared.read_all(&socket, hands_on.as_deref());
        self.thread = Some(std::thread::spawn(read));
    }

    /// From now on it reads nothing.
    pub(super) fn stop(&self) {
        self.become_(State::Stopped);
    }

    pub(super) fn go(&self) {
        self.become_(State::Goes);
    }

    fn become_(&self, state: State) {
        *self.shared.state.lock().unwrap() = state;
        self.shared.changed.notify_all();
    }

    /// Ends, with whatever it has not read, and another one takes its place.
    pub(super) fn replace(&mut self) {
        self.end();
        std::fs::remove_file(&self.path).unwrap();
        self.become_(State::Goes);
        self.run();
    }

    fn end(&mut self) {
        self.become_(State::Ended);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Others send it as much as it holds.
    pub(super) fn fill(&self) {
        let other = UnixDatagram::unbound().unwrap();
        other.set_nonblocking(true).unwrap();
        while other.send_to(b"<13>somebody else", &self.path).is_ok() {}
    }

    /// The numbers of the events that it has, as they came.
    pub(super) fn seqs(&self) -> Vec<u64> {
        let lines = self.shared.lines.lock().unwrap();
        let lines = lines.iter().filter_map(|line| line.split_once(" seq="));
        lines
            .map(|(_, rest)| rest.split(' ').next().unwrap().parse().unwrap())
            .collect()
    }

    #[track_caller]
    pub(super) fn has(&self, seqs: RangeInclusive<u64>) {
        for _ in 0..30_000 {
            // It was read, and may not be written yet.
            if self.seqs().len() as u64 > seqs.end() - seqs.start() {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        assert_eq!(self.seqs(), seqs.collect::<Vec<_>>());
    }

    #[track_caller]
    pub(super) fn has_nothing(&self) {
        assert!(self.seqs().is_empty(), "{:?}", self.seqs());
    }

    /// The one that took the last room may have been dropped as well: it is told again.
    #[track_caller]
    pub(super) fn has_at_most_one_twice(&self, seqs: RangeInclusive<u64>) {
        let mut found = self.seqs_when_read();
        assert!(
            found.len() as u64 <= seqs.end() - seqs.start() + 2,
            "{found:?}"
        );
        found.dedup();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, seqs.collect::<Vec<_>>());
    }

    /// The same, when what was read is written.
    pub(super) fn seqs_when_read(&self) -> Vec<u64> {
        self.stop();
        self.go();
        self.seqs()
    }

    /// Whether they, and they alone, are marked late.
    #[track_caller]
    pub(super) fn are_late(&self, seqs: RangeInclusive<u64>) {
        let lines = self.shared.lines.lock().unwrap();
        for (line, seq) in lines.iter().filter(|line| line.contains("seq=")).zip(1..) {
            let is_late = line.contains(" at=") && line.contains(" late=");
            assert_eq!(is_late, seqs.contains(&seq), "{line}");
        }
    }
}

impl Drop for FakeLog {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn read_all(&self, socket: &UnixDatagram, hands_on: Option<&Path>) {
        let mut datagram = vec![0; 65_536];
        loop {
            let mut state = self.state.lock().unwrap();
            while *state == State::Stopped {
                state = self.changed.wait(state).unwrap();
            }
            if *state == State::Ended {
                return;
            }
            if let Ok(length @ 1..) = socket.recv(&mut datagram) {
                self.take(&datagram[..length], hands_on);
            }
            drop(state);
            // Whoever wants to stop it gets there.
            std::thread::yield_now();
        }
    }

    fn take(&self, datagram: &[u8], hands_on: Option<&Path>) {
        let line = match datagram.strip_prefix(b"MESSAGE\n") {
            Some(entry) => {
                let (length, rest) = entry.split_first_chunk().unwrap();
                let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
                &rest[..length]
            }
            None => datagram,
        };
        let line = String::from_utf8(line.to_owned()).unwrap();
        if let Some(path) = hands_on {
            // As journald does: what is not taken at once is dropped.
            let socket = UnixDatagram::unbound().unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.send_to(line.as_bytes(), path);
        }
        self.lines.lock().unwrap().push(line);
    }
}
