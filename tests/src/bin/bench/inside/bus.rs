//! Calls at the gate and on the system bus, as fast as they are answered, by a
//! client that costs next to nothing itself.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use jitd_api::{BUS_NAME, GATE_INTERFACE, GATE_SOCKET, OBJECT_PATH};
use zbus::Message;

use super::{daemon, must, records};

const BUS_SOCKET: &str = "/run/dbus/system_bus_socket";
const BUS: &str = "org.freedesktop.DBus";
/// Calls before the clock starts.
const WARM_UP: usize = 50;
/// Message types on the wire.
const ERROR: u8 = 3;
const SIGNAL: u8 = 4;

/// What is called.
#[derive(Clone, Copy)]
enum Call {
    /// The gate, about somebody with an active elevation.
    Check,
    /// jitd's name on the bus, answered by the bus library that jitd uses.
    Ping,
}

/// Calls each for `slice` on so many connections at the same time, and prints
/// answers per second of all together.
///
/// One connection keeps one process at work at a time: caller, jitd, bus.
/// They get one processor to share. On several, each has to be woken where it
/// slept, which can take longer than an answer, and what was measured would be
/// where the scheduler happened to put them.
pub(super) fn run(connections: u32, slice: Duration) {
    let together = ["dbus.service", daemon::UNIT].map(daemon::pid);
    let ourselves = std::process::id().to_string();
    let everyone = together.iter().map(String::as_str).chain([&*ourselves]);
    let processors = if connections == 1 { "0" } else { "0-4095" };
    for pid in everyone {
        must("taskset", &["-a", "-c", "-p", processors, pid]);
    }
    for (name, call) in [("check", Call::Check), ("ping", Call::Ping)] {
        let together = Barrier::new(connections as usize);
        let rate: f64 = thread::scope(|scope| {
            let threads: Vec<_> = (0..connections)
                .map(|number| {
                    let together = &together;
                    scope.spawn(move || rate(call, number, slice, together))
                })
                .collect();
            let rates = threads.into_iter().map(thread::ScopedJoinHandle::join);
            rates
                .map(|rate| rate.expect("its calls were answered"))
                .sum()
        });
        println!("{name} {rate}");
    }
}

fn rate(call: Call, number: u32, slice: Duration, together: &Barrier) -> f64 {
    let (mut client, mut message) = match call {
        Call::Check => {
            let (name, uid) = records::account(number);
            let question = (uid, name, "jit");
            let message = method(None, GATE_INTERFACE, "Check", &question);
            (Client::at_the_gate(), message)
        }
        Call::Ping => {
            let peer = "org.freedesktop.DBus.Peer";
            let message = method(Some(BUS_NAME), peer, "Ping", &());
            (Client::on_the_bus(), message)
        }
    };
    for _ in 0..WARM_UP {
        client.call(&mut message);
    }
    together.wait();
    let before = Instant::now();
    let mut answers = 0_u32;
    while before.elapsed() < slice {
        client.call(&mut message);
        answers += 1;
    }
    f64::from(answers) / before.elapsed().as_secs_f64()
}

fn method(
    destination: Option<&str>,
    interface: &str,
    member: &str,
    body: &(impl serde::Serialize + zbus::wire::DynamicType),
) -> Vec<u8> {
    let path = match destination {
        Some(BUS) => "/org/freedesktop/DBus",
        _ => OBJECT_PATH,
    };
    let mut builder = Message::method_call(path, member).interface(interface);
    if let Some(destination) = destination {
        builder = builder.destination(destination);
    }
    builder
        .build(body)
        .expect("it is a message")
        .data()
        .to_vec()
}

/// One connection, one call at a time.
struct Client {
    stream: UnixStream,
    serial: u32,
    received: Vec<u8>,
}

impl Client {
    fn at_the_gate() -> Self {
        Self::over(UnixStream::connect(GATE_SOCKET).expect("the gate is there"))
    }

    fn over(stream: UnixStream) -> Self {
        Self {
            stream,
            serial: 0,
            received: Vec::new(),
        }
    }

    fn on_the_bus() -> Self {
        let mut stream = UnixStream::connect(BUS_SOCKET).expect("the bus is there");
        // uid 0, in hexadecimal digits of its decimal digits.
        stream
            .write_all(b"\0AUTH EXTERNAL 30\r\n")
            .expect("the bus reads");
        let mut line = Vec::new();
        let mut byte = [0];
        while !line.ends_with(b"\r\n") {
            stream.read_exact(&mut byte).expect("the bus answers");
            line.push(byte[0]);
        }
        assert!(line.starts_with(b"OK "), "the bus does not let us in");
        stream.write_all(b"BEGIN\r\n").expect("the bus reads");
        let mut client = Self::over(stream);
        client.call(&mut method(Some(BUS), BUS, "Hello", &()));
        client
    }

    /// Sends a call and waits for its answer, which must not be an error.
    fn call(&mut self, message: &mut [u8]) {
        self.serial += 1;
        message[8..12].copy_from_slice(&self.serial.to_ne_bytes());
        self.stream.write_all(message).expect("the bus reads");
        loop {
            match self.receive() {
                SIGNAL => {}
                ERROR => panic!("{}", String::from_utf8_lossy(&self.received)),
                _ => return,
            }
        }
    }

    /// Takes one message in, and gives its type.
    fn receive(&mut self) -> u8 {
        let mut head = [0; 16];
        self.stream.read_exact(&mut head).expect("the bus answers");
        let number = |at: usize| {
            let bytes = [head[at], head[at + 1], head[at + 2], head[at + 3]];
            u32::from_ne_bytes(bytes) as usize
        };
        // The length of the body and of the header's fields, which are padded.
        let rest = number(4) + number(12).next_multiple_of(8);
        self.received.resize(rest, 0);
        self.stream
            .read_exact(&mut self.received)
            .expect("the bus answers");
        head[1]
    }
}
