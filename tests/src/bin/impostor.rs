//! Someone who poses as jitd and says yes to everything. Tests run it in a
//! throwaway machine, as a person without privilege.
//!
//! `impostor gate SOCKET` listens at SOCKET as jitd does at its gate.
//! `impostor name ADDRESS` takes the name `org.jitd1` on the bus at ADDRESS.
//! `impostor bus SOCKET` goes further: it is the bus too, listens at SOCKET,
//! and swears that whoever answers there is root.
//!
//! `impostor knock SOCKET [TIMES]` and `impostor ask` are the other side: the first asks
//! whoever listens, as the gate would if it did not look who that is, as often as is said; the
//! second asks the bus that its environment names, and says whose yes it got.
#![allow(
    clippy::print_stdout,
    reason = "tests wait for `ready` and read who came"
)]
#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::future::pending;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use futures_util::{FutureExt, StreamExt};
use jitd_api::{BUS_NAME, GATE_INTERFACE, GateAnswer, OBJECT_PATH};
use tokio::net::UnixListener;
use zbus::connection::Builder;
use zbus::connection::socket::ReadHalf;
use zbus::export::async_trait::async_trait;
use zbus::names::MemberName;
use zbus::{Connection, Guid, Message, MessageStream, interface};

const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";

struct Yes;

#[interface(name = "org.jitd1.Gate")]
impl Yes {
    #[expect(clippy::unused_self, reason = "the macro wants a method")]
    fn check(&self, uid: u32, user: &str, service: &str) -> GateAnswer {
        println!("asked about uid {uid} ({user}) and {service}");
        GateAnswer {
            allowed: true,
            elevation: Some(1),
            ends_at: Some(i64::MAX),
            ..GateAnswer::default()
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["gate", socket] => be_the_gate(socket),
        ["knock", socket] => knock(socket, 1),
        ["knock", socket, times] => knock(socket, times.parse()?),
        ["name", address] => runtime.block_on(take_the_name(address)),
        ["bus", socket] => runtime.block_on(be_the_bus(socket)),
        ["ask"] => runtime.block_on(ask()),
        _ => {
            Err("say: impostor gate SOCKET, knock SOCKET, name ADDRESS, bus SOCKET, or ask".into())
        }
    }
}

/// One at a time, each for one question.
fn be_the_gate(socket: &str) -> Result<(), Box<dyn Error>> {
    let listener = std::os::unix::net::UnixListener::bind(socket)?;
    println!("ready");
    loop {
        let mut visitor = Blocking(listener.accept()?.0);
        println!("somebody came");
        // The real gate hangs up on us without a question.
        let Ok(call) = visitor.message() else {
            continue;
        };
        let (uid, user, service, _, _): (u32, String, String, String, String) =
            call.body().deserialize()?;
        let answer = Yes.check(uid, &user, &service);
        let reply = Message::method_return(&call.header()).build(&answer)?;
        visitor.0.write_all(reply.data())?;
    }
}

/// Says what the last answer was, and how many there were before the other side hung up.
fn knock(socket: &str, times: usize) -> Result<(), Box<dyn Error>> {
    let mut gate = Blocking(UnixStream::connect(socket)?);
    let mut last = GateAnswer::default();
    let mut answered = 0;
    while answered < times {
        let question = Message::method_call(OBJECT_PATH, "Check")
            .interface(GATE_INTERFACE)
            .build(&(1000_u32, "carol", "sudo", "/dev/pts/7", "192.0.2.7"))?;
        if gate.0.write_all(question.data()).is_err() {
            break;
        }
        let Ok(answer) = gate.message() else { break };
        last = answer.body().deserialize()?;
        answered += 1;
    }
    println!("allowed={} answered={answered}", last.allowed);
    Ok(())
}

/// A socket from which zbus reads messages while we wait.
#[derive(Debug)]
struct Blocking(UnixStream);

impl Blocking {
    fn message(&mut self) -> Result<Message, Box<dyn Error>> {
        let (mut bytes, mut fds) = (Vec::new(), Vec::new());
        let message = self.receive_message(0, &mut bytes, &mut fds);
        Ok(message.now_or_never().ok_or("it did not wait")??)
    }
}

#[async_trait]
impl ReadHalf for Blocking {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        Ok((self.0.read(buffer)?, Vec::new()))
    }
}

async fn take_the_name(address: &str) -> Result<(), Box<dyn Error>> {
    let _connection = Builder::address(address)
        .serve_at(OBJECT_PATH, Yes)
        .name(BUS_NAME)
        .allow_name_replacements(false)
        .build()
        .await?;
    println!("ready");
    pending().await
}

async fn ask() -> Result<(), Box<dyn Error>> {
    let bus = Builder::system().build().await?;
    let question = (1000_u32, "carol", "sudo");
    let reply = bus
        .call_method(
            Some(BUS_NAME),
            OBJECT_PATH,
            Some(GATE_INTERFACE),
            "Check",
            &question,
        )
        .await?;
    let answer: GateAnswer = reply.body().deserialize()?;
    let header = reply.header();
    let sender = header.sender().ok_or("nobody answered")?.as_str();
    let reply = bus
        .call_method(
            Some(BUS),
            BUS_PATH,
            Some(BUS),
            "GetConnectionUnixUser",
            &sender,
        )
        .await?;
    let uid: u32 = reply.body().deserialize()?;
    println!("allowed={} by uid {uid}", answer.allowed);
    Ok(())
}

async fn be_the_bus(socket: &str) -> Result<(), Box<dyn Error>> {
    let listener = UnixListener::bind(socket)?;
    println!("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        println!("somebody came");
        let messages = Builder::unix_stream(stream.into_std()?)
            .server(Guid::generate())
            .p2p()
            .unique_name(":1.1")
            .build_message_stream()
            .await?;
        tokio::spawn(answer_all(messages));
    }
}

/// As the bus, and as the jitd that would be on it.
async fn answer_all(mut messages: MessageStream) -> zbus::Result<()> {
    let connection = Connection::from(&messages);
    while let Some(message) = messages.next().await {
        let message = message?;
        let header = message.header();
        match header.member().map(MemberName::as_str) {
            Some("Hello") => connection.reply(&header, &":1.2").await?,
            Some("GetConnectionUnixUser") => connection.reply(&header, &0_u32).await?,
            Some("Check") => {
                let (uid, user, service): (u32, String, String) = message.body().deserialize()?;
                connection
                    .reply(&header, &Yes.check(uid, &user, &service))
                    .await?;
            }
            _ => connection.reply(&header, &()).await?,
        }
    }
    Ok(())
}
