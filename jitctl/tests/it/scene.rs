//! What the tests start from, and how they run the program.

use std::process::Stdio;
use std::time::Duration;

use jitd_api::{Decision, Elevation, Role, State};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use crate::bus::Bus;
use crate::fake::{Service, Shared};

/// Where no bus is.
pub const NOWHERE: &str = "unix:path=/nonexistent/bus";
/// Longer than anything takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// 2026-01-02T03:04:05Z.
pub const LONG_AGO: i64 = 1_767_323_045_000;

pub fn in_seconds(seconds: i64) -> i64 {
    jiff::Timestamp::now().as_millisecond() + seconds * 1000
}

/// carol's elevation to deploy, as it looks in a state.
pub fn elevation(id: u64, state: State) -> Elevation {
    let mut elevation = Elevation {
        id,
        state: state.to_string(),
        user: "carol".into(),
        uid: 1001,
        role: "deploy".into(),
        groups: vec!["jit-deploy".into()],
        services: vec!["sudo".into(), "sudo-i".into()],
        reason: "restart web".into(),
        ticket: String::new(),
        duration: 5400,
        requested_at: LONG_AGO,
        lapses_at: Some(LONG_AGO + 7_200_000),
        starts_at: None,
        ends_at: None,
        ended_at: None,
        ended_by: None,
        extends: None,
        break_glass: false,
        acknowledged_at: None,
        acknowledged_by: None,
        approvers: vec!["group:jit-approvers".into()],
        needs: Vec::new(),
        decisions: Vec::new(),
        sessions: Vec::new(),
    };
    let decision = |verdict: &str, comment: &str| Decision {
        by: "alice".into(),
        verdict: verdict.into(),
        comment: comment.into(),
        at: LONG_AGO + 60_000,
    };
    match state {
        State::Pending => {
            elevation.lapses_at = Some(in_seconds(7_200));
            elevation.needs = vec!["1 of group:jit-approvers".into()];
        }
        State::Scheduled => {
            elevation.decisions.push(decision("approved", ""));
            elevation.starts_at = Some(in_seconds(3_600));
            elevation.ends_at = Some(in_seconds(9_000));
        }
        State::Active => {
            elevation.decisions.push(decision("approved", ""));
            elevation.starts_at = Some(in_seconds(0));
            elevation.ends_at = Some(in_seconds(5_400));
        }
        State::Denied => {
            elevation.decisions.push(decision("denied", "not today"));
            elevation.ended_at = Some(LONG_AGO + 60_000);
            elevation.ended_by = Some("alice".into());
        }
        State::Lapsed => {
            elevation.ended_at = elevation.lapses_at;
            elevation.ended_by = Some("jitd".into());
        }
        _ => {
            elevation.ended_at = Some(LONG_AGO + 60_000);
            elevation.ended_by = Some("carol".into());
        }
    }
    elevation
}

/// carol's, taken without anybody's yes and not acknowledged.
pub fn broken_glass(id: u64) -> Elevation {
    let mut elevation = elevation(id, State::Active);
    elevation.decisions.clear();
    elevation.break_glass = true;
    elevation
}

/// The same after alice took note of it.
pub fn acknowledged(id: u64) -> Elevation {
    Elevation {
        acknowledged_at: Some(LONG_AGO + 120_000),
        acknowledged_by: Some("alice".into()),
        ..broken_glass(id)
    }
}

pub fn role() -> Role {
    Role {
        name: "deploy".into(),
        description: "Restart the web tier".into(),
        default_duration: 1800,
        max_duration: 7200,
        reason_required: true,
        reason_choices: vec!["disk full".into()],
        ticket_required: false,
        ticket_pattern: String::new(),
        needs: vec!["2 of group:jit-approvers".into()],
        eligible: true,
        break_glass: false,
        services: vec!["sudo".into(), "sudo-i".into()],
    }
}

/// A bus with the service on it.
pub struct World {
    pub bus: Bus,
    pub shared: Shared,
    pub service: Service,
}

/// What a run left.
#[derive(Debug)]
#[must_use]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    /// With these elevations.
    pub async fn with(elevations: Vec<Elevation>) -> Self {
        let bus = Bus::start();
        let shared = Shared::default();
        shared.scene().elevations = elevations;
        let service = Service::start(bus.address(), shared.clone()).await;
        Self {
            bus,
            shared,
            service,
        }
    }

    pub async fn run(&self, arguments: &[&str]) -> Ran {
        run_at(self.bus.address(), arguments).await
    }

    /// What the service was asked last.
    #[track_caller]
    pub fn last_call(&self) -> String {
        self.shared.scene().calls.last().expect("a call").clone()
    }
}

impl Ran {
    #[track_caller]
    pub fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).expect(&self.stdout)
    }
}

/// The program with nothing in its environment but the bus and UTC.
pub fn jitctl(address: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jitctl"));
    command
        .args(arguments)
        .env_clear()
        .env("DBUS_SYSTEM_BUS_ADDRESS", address)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub async fn run_at(address: &str, arguments: &[&str]) -> Ran {
    let output = timeout(DEADLINE, jitctl(address, arguments).output())
        .await
        .expect("jitctl ends")
        .unwrap();
    Ran {
        status: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The program while it runs.
pub struct Running {
    pub child: Child,
    stderr: Lines<BufReader<ChildStderr>>,
    seen: String,
}

impl Running {
    pub fn start(address: &str, arguments: &[&str]) -> Self {
        Self::of(jitctl(address, arguments))
    }

    pub fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Self {
            child,
            stderr,
            seen: String::new(),
        }
    }

    /// Reads stderr up to a line with this text.
    pub async fn says(&mut self, text: &str) {
        let reading = async {
            while let Some(line) = self.stderr.next_line().await.unwrap() {
                self.seen.push_str(&line);
                self.seen.push('\n');
                if line.contains(text) {
                    return true;
                }
            }
            false
        };
        let found = timeout(DEADLINE, reading)
            .await
            .expect("it says so in time");
        assert!(found, "{text:?} is not in {:?}", self.seen);
    }

    pub async fn ended(mut self, status: i32) -> Ran {
        let rest = async {
            while let Some(line) = self.stderr.next_line().await.unwrap() {
                self.seen.push_str(&line);
                self.seen.push('\n');
            }
            self.child.wait_with_output().await.unwrap()
        };
        let output = timeout(DEADLINE, rest).await.expect("jitctl ends");
        Ran {
            status: output.status.code().expect("no signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: self.seen,
        }
        .ended(status)
    }
}
