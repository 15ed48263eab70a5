//! Somebody who calls jitd as no program of ours would. Tests run it in a
//! throwaway machine, as the person whom it shall be.
//!
//! `heckler abuse INTERFACE…` calls every method of these interfaces with every
//! body it knows, right or wrong, and prints what came back, one line a call:
//! interface, method, the body's signature, what it is, the answer (`ok` or the
//! error's name) and the milliseconds it took, between tabs.
//!
//! `heckler flood CONNECTIONS CALLS` makes so many calls on each of so many
//! connections at the same time. It prints `flooding` first and then, for each
//! kind of answer, how many came.
//!
//! `heckler listen` prints `listening` and then every message that reaches it.
//! `heckler monitor` asks the bus for everybody's messages.
//!
//! `heckler starve SOCKET CONNECTIONS` keeps so many connections to a socket on which it never says
//! a word, and prints `starving` once it has asked for all of them.
//! `heckler burden CONNECTIONS BYTES` asks for a role with a reason of so many bytes, on each of so
//! many connections, again and again. It prints `burdening` first.
//!
//! `heckler lock DATABASE` locks an SQLite database, prints `locked`, and keeps it so until it ends.
//! `heckler sql DATABASE STATEMENT` runs a statement in it and prints what it gives, a line a row,
//! tabs between the columns.
//!
//! `heckler gate UID USER PHASE` asks at the gate, as `pam_jit` does, whether somebody may use sudo,
//! again and again as long as there is something in the file PHASE. For each answer it prints that,
//! whether it was yes, and the microseconds it took.
//!
//! `heckler open UID USER SERVICE TERMINAL REMOTE` opens a session of its own, as `pam_jit` does, and
//! prints whether it may.
#![allow(clippy::print_stdout, reason = "tests read it")]
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use jitd_api::{
    BUS_NAME, ELEVATIONS_INTERFACE, GATE_INTERFACE, GATE_SOCKET, OBJECT_PATH, SYSTEM_BUS_ADDRESS,
};
use serde::Serialize;
use tokio::time::timeout;
use zbus::connection::Builder;
use zbus::message::Message;
use zbus::wire::Type;
use zbus::{Connection, DBusError, MessageStream, Variant};

const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";
const MONITORING: &str = "org.freedesktop.DBus.Monitoring";

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two questions at the gate.
const PACE: Duration = Duration::from_millis(5);

/// As much text as nobody has to say: a million bytes.
const HUGE: usize = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    match words[..] {
        ["abuse", ref interfaces @ ..] => runtime.block_on(abuse(interfaces)),
        ["flood", connections, calls] => {
            runtime.block_on(flood(connections.parse()?, calls.parse()?))
        }
        ["starve", socket, connections] => runtime.block_on(starve(socket, connections.parse()?)),
        ["burden", connections, bytes] => {
            runtime.block_on(burden(connections.parse()?, bytes.parse()?))
        }
        ["listen"] => runtime.block_on(listen()),
        ["monitor"] => runtime.block_on(monitor()),
        ["lock", database] => lock(database),
        ["sql", database, statement] => sql(database, statement),
        ["gate", uid, user, phase] => gate(uid.parse()?, user, phase),
        ["open", uid, user, service, terminal, remote] => {
            let uid: u32 = uid.parse()?;
            let words = (uid, user, service, terminal, remote, 0_u64);
            println!("{}", is_allowed(&question("Open", &words)?)?);
            Ok(())
        }
        _ => Err("see the head of heckler.rs for what it can do".into()),
    }
}

fn lock(database: &str) -> Result<(), Box<dyn Error>> {
    let db = rusqlite::Connection::open(database)?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    println!("locked");
    loop {
        std::thread::park();
    }
}

fn sql(database: &str, statement: &str) -> Result<(), Box<dyn Error>> {
    let db = rusqlite::Connection::open(database)?;
    db.busy_timeout(PATIENCE)?;
    let mut statement = db.prepare(statement)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|column| row.get(column).map(shown));
        let values: Vec<String> = values.collect::<Result<_, _>>()?;
        println!("{}", values.join("\t"));
    }
    Ok(())
}

fn shown(value: rusqlite::types::Value) -> String {
    use rusqlite::types::Value;
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn gate(uid: u32, user: &str, phase: &str) -> Result<(), Box<dyn Error>> {
    let question = question("Check", &(uid, user, "sudo"))?;
    loop {
        let phase = std::fs::read_to_string(phase)?;
        let phase = phase.trim();
        if phase.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let is_allowed = is_allowed(&question)?;
        let took = started.elapsed().as_micros();
        println!("{phase}\t{is_allowed}\t{took}");
        std::thread::sleep(PACE);
    }
}

fn question(method: &str, words: &(impl Serialize + Type)) -> Result<Message, Box<dyn Error>> {
    let question = Message::method_call(OBJECT_PATH, method).interface(GATE_INTERFACE);
    Ok(question.build(words)?)
}

/// One question at the gate, on a connection of its own.
fn is_allowed(question: &Message) -> Result<bool, Box<dyn Error>> {
    let mut stream = UnixStream::connect(GATE_SOCKET)?;
    stream.write_all(question.data().bytes())?;
    let mut answer = [0; 4096];
    let length = stream.read(&mut answer)?;
    // The member's value: a boolean, in little endian.
    let answer = String::from_utf8_lossy(&answer[..length]);
    Ok(answer.contains("allowed\0\u{1}b\0\0\0\0\u{1}\0\0\0")
        || answer.contains("allowed\0\u{1}b\0\0\u{1}\0\0\0"))
}

async fn connect() -> zbus::Result<Connection> {
    Builder::address(SYSTEM_BUS_ADDRESS).build().await
}

/// The methods of an interface of ours, and one that it does not have.
fn methods(interface: &str) -> &'static [&'static str] {
    match interface {
        "org.jitd1.Elevations" => &[
            "Request",
            "Extend",
            "BreakGlass",
            "Acknowledge",
            "Unacknowledged",
            "Approve",
            "Deny",
            "Cancel",
            "End",
            "Revoke",
            "RevokeMatching",
            "Get",
            "List",
            "Pending",
            "Status",
            "Nonsense",
        ],
        "org.jitd1.Gate" => &["Check", "Nonsense"],
        "org.jitd1.Policy" => &["Managed", "Reload", "Show", "Explain", "Nonsense"],
        "org.jitd1.Audit" => &["GateInstalled", "Nonsense"],
        _ => &["Nonsense"],
    }
}

async fn abuse(interfaces: &[&str]) -> Result<(), Box<dyn Error>> {
    let bus = connect().await?;
    for interface in interfaces {
        for method in methods(interface) {
            Target {
                bus: &bus,
                interface,
                method,
            }
            .bodies()
            .await?;
        }
    }
    Ok(())
}

/// A method, well or badly called.
struct Target<'a> {
    bus: &'a Connection,
    interface: &'a str,
    method: &'a str,
}

type Options<'a> = HashMap<&'a str, Variant<'a>>;

fn options<'a>(key: &'a str, value: impl Into<Variant<'a>>) -> Options<'a> {
    HashMap::from([(key, value.into())])
}

impl Target<'_> {
    async fn bodies(&self) -> Result<(), Box<dyn Error>> {
        let huge = "x".repeat(HUGE);
        let huge = huge.as_str();
        self.texts(huge).await?;
        self.numbers(huge).await?;
        self.requests(huge).await?;
        self.filters(huge).await
    }

    async fn texts(&self, huge: &str) -> Result<(), Box<dyn Error>> {
        self.call("nothing", &()).await?;
        self.call("a text", &("deploy",)).await?;
        self.call("an empty text", &("",)).await?;
        self.call("a huge text", &(huge,)).await?;
        self.call("three empty texts", &("", "", "")).await?;
        self.call("three huge texts", &(huge, huge, huge)).await?;
        self.call("a comment of spaces", &("", "", " \t\n")).await?;
        self.call(
            "control characters",
            &("\u{1b}[2J\n", "\u{202e}", "\u{0007}"),
        )
        .await?;
        self.call("a long list", &(vec!["x"; 100_000],)).await
    }

    async fn numbers(&self, huge: &str) -> Result<(), Box<dyn Error>> {
        self.call("0", &(0_u64,)).await?;
        self.call("the greatest number", &(u64::MAX,)).await?;
        self.call("a negative number", &(-1_i64,)).await?;
        self.call("a small number", &(7_u32,)).await?;
        self.call("a fraction", &(0.5_f64,)).await?;
        self.call("an unknown number, no comment", &(4_000_000_000_u64, ""))
            .await?;
        self.call("an unknown number, a comment", &(4_000_000_000_u64, "why"))
            .await?;
        self.call("the greatest number, a huge comment", &(u64::MAX, huge))
            .await?;
        self.call("0, 0, no comment", &(0_u64, 0_u64, "")).await?;
        self.call(
            "greatest numbers, a huge comment",
            &(u64::MAX, u64::MAX, huge),
        )
        .await?;
        self.call("an unknown number, a negative length", &(9_u64, -1_i64, ""))
            .await?;
        self.call("an account, a service", &(1_000_000_u32, "sudo"))
            .await?;
        self.call("no account, a service", &(u32::MAX, "sudo"))
            .await?;
        self.call("root, no service", &(0_u32, "")).await?;
        self.call("an account, a huge service", &(1000_u32, huge))
            .await
    }

    async fn requests(&self, huge: &str) -> Result<(), Box<dyn Error>> {
        self.call("no role", &("", Options::new())).await?;
        self.call("an unknown role", &("no-such-role", Options::new()))
            .await?;
        self.call("a huge role", &(huge, Options::new())).await?;
        self.call("no reason", &("deploy", Options::new())).await?;
        self.call("a huge reason", &("deploy", options("reason", huge)))
            .await?;
        self.call(
            "a reason that is a number",
            &("deploy", options("reason", 5_u32)),
        )
        .await?;
        self.call("no time", &("deploy", options("duration", 0_u64)))
            .await?;
        self.call("all time", &("deploy", options("duration", u64::MAX)))
            .await?;
        self.call(
            "less than no time",
            &("deploy", options("duration", -1_i64)),
        )
        .await?;
        self.call("time in words", &("deploy", options("duration", "10m")))
            .await?;
        self.call("an unknown option", &("deploy", options("colour", "green")))
            .await?;
        self.call("a huge ticket", &("deploy", options("ticket", huge)))
            .await?;
        self.call(
            "a start before all time",
            &("deploy", options("start", i64::MIN)),
        )
        .await?;
        self.call(
            "a start after all time",
            &("deploy", options("start", i64::MAX)),
        )
        .await?;
        self.call(
            "more of an unknown one",
            &(4_000_000_000_u64, Options::new()),
        )
        .await?;
        self.call(
            "more of 0, for ever",
            &(0_u64, options("duration", u64::MAX)),
        )
        .await?;
        self.call("root's chances", &("root", "deploy", Options::new()))
            .await?;
        self.call(
            "a huge person's chances",
            &(huge, huge, options("reason", huge)),
        )
        .await
    }

    async fn filters(&self, huge: &str) -> Result<(), Box<dyn Error>> {
        self.call("no filter", &(Options::new(),)).await?;
        self.call("no limit", &(options("limit", u32::MAX),))
            .await?;
        self.call("a negative limit", &(options("limit", -1_i32),))
            .await?;
        self.call("since for ever", &(options("since", i64::MIN),))
            .await?;
        self.call("since never", &(options("since", i64::MAX),))
            .await?;
        self.call("an unknown state", &(options("state", "asleep"),))
            .await?;
        self.call("a huge state", &(options("state", huge),))
            .await?;
        self.call("a huge user", &(options("user", huge),)).await?;
        self.call("a role that is a number", &(options("role", 5_u64),))
            .await
    }

    async fn call(&self, what: &str, body: &(impl Serialize + Type)) -> Result<(), Box<dyn Error>> {
        let Self {
            bus,
            interface,
            method,
        } = self;
        let started = Instant::now();
        let answer = timeout(
            PATIENCE,
            bus.call_method(Some(BUS_NAME), OBJECT_PATH, Some(*interface), *method, body),
        )
        .await;
        let took = started.elapsed().as_millis();
        let answer = match answer {
            Err(_) => "no answer".to_owned(),
            Ok(answer) => name_of(answer),
        };
        let sent = Message::method_call(OBJECT_PATH, *method).build(body)?;
        let signature = sent.body().signature().to_string();
        println!("{interface}\t{method}\t{signature}\t{what}\t{answer}\t{took}");
        Ok(())
    }
}

/// `ok`, or the error's name.
fn name_of(answer: zbus::Result<Message>) -> String {
    match answer {
        Ok(_) => "ok".to_owned(),
        Err(zbus::Error::MethodError(name, ..)) => name.to_string(),
        Err(zbus::Error::FDO(error)) => error.name().to_string(),
        Err(other) => format!("broken: {other}"),
    }
}

/// How many answers there were of each kind.
type Answers = BTreeMap<String, usize>;

async fn flood(connections: usize, calls: usize) -> Result<(), Box<dyn Error>> {
    println!("flooding");
    let callers: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(ask_often(calls)))
        .collect();
    let mut all = Answers::new();
    for caller in callers {
        for (answer, count) in caller.await? {
            *all.entry(answer).or_default() += count;
        }
    }
    for (answer, count) in all {
        println!("{count} {answer}");
    }
    Ok(())
}

async fn ask_often(calls: usize) -> Answers {
    let mut answers = Answers::new();
    let Ok(bus) = connect().await else {
        return Answers::from([("not connected".to_owned(), calls)]);
    };
    for _ in 0..calls {
        let interface = Some(ELEVATIONS_INTERFACE);
        let call = bus.call_method(Some(BUS_NAME), OBJECT_PATH, interface, "Status", &());
        let answer = timeout(6 * PATIENCE, call).await;
        let answer = answer.map_or_else(|_| "no answer".to_owned(), name_of);
        *answers.entry(answer).or_default() += 1;
    }
    answers
}

async fn starve(socket: &str, connections: usize) -> Result<(), Box<dyn Error>> {
    let socket = socket.to_owned();
    for _ in 0..connections {
        let socket = socket.clone();
        tokio::spawn(async move {
            loop {
                // Until the other end loses its patience; then anew.
                if let Ok(mut silent) = tokio::net::UnixStream::connect(&socket).await {
                    let mut byte = [0];
                    let _ = tokio::io::AsyncReadExt::read(&mut silent, &mut byte).await;
                }
                tokio::time::sleep(PACE).await;
            }
        });
    }
    tokio::task::yield_now().await;
    println!("starving");
    std::future::pending().await
}

async fn burden(connections: usize, bytes: usize) -> Result<(), Box<dyn Error>> {
    let reason = std::sync::Arc::new("x".repeat(bytes));
    println!("burdening");
    for _ in 0..connections {
        let reason = reason.clone();
        tokio::spawn(async move {
            loop {
                // The bus hangs up on whoever asks too much of it.
                let Ok(bus) = connect().await else { continue };
                let body = ("deploy", options("reason", reason.as_str()));
                let call = bus.call_method(
                    Some(BUS_NAME),
                    OBJECT_PATH,
                    Some(ELEVATIONS_INTERFACE),
                    "Request",
                    &body,
                );
                if let Ok(answer) = timeout(6 * PATIENCE, call).await {
                    println!("{}", name_of(answer));
                }
            }
        });
    }
    std::future::pending().await
}

/// Hears what everyone can hear, and tries to overhear more.
async fn listen() -> Result<(), Box<dyn Error>> {
    let bus = connect().await?;
    let mut messages = MessageStream::from(&bus);
    for rule in [
        "eavesdrop='true'",
        "sender='org.jitd1'",
        "interface='org.jitd1.Elevations'",
        "destination='org.jitd1'",
    ] {
        let asked = bus
            .call_method(Some(BUS), BUS_PATH, Some(BUS), "AddMatch", &(rule,))
            .await;
        println!("rule {rule}: {}", name_of(asked));
    }
    println!("listening");
    while let Some(message) = messages.next().await {
        let message = message?;
        let content = String::from_utf8_lossy(message.data().bytes()).into_owned();
        println!("{message} {content:?}");
    }
    Ok(())
}

async fn monitor() -> Result<(), Box<dyn Error>> {
    let bus = connect().await?;
    let rules: Vec<&str> = Vec::new();
    let body = (rules, 0_u32);
    let interface = Some(MONITORING);
    let asked = bus.call_method(Some(BUS), BUS_PATH, interface, "BecomeMonitor", &body);
    println!("{}", name_of(asked.await));
    Ok(())
}
