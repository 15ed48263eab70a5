//! Someone who poses as jitd and says yes to everything. Tests run it in a
//! throwaway machine, as a person without privilege.
//!
//! `impostor name ADDRESS` takes the name `org.jitd1` on the bus at ADDRESS.
//! `impostor bus SOCKET` goes further: it is the bus too, listens at SOCKET,
//! and swears that whoever answers there is root.
#![allow(clippy::print_stdout, reason = "`ready` is what a test waits for")]
#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::future::pending;

use jitd_api::{BUS_NAME, GateAnswer, OBJECT_PATH};
use tokio::net::UnixListener;
use zbus::connection::Builder;
use zbus::{Guid, interface};

const BUS_PATH: &str = "/org/freedesktop/DBus";

struct Yes;

#[interface(name = "org.jitd1.Gate")]
impl Yes {
    #[expect(clippy::unused_self, reason = "the macro wants a method")]
    fn check(&self, _uid: u32, _service: &str) -> GateAnswer {
        GateAnswer {
            allowed: true,
            elevation: Some(1),
            ends_at: Some(i64::MAX),
            ..GateAnswer::default()
        }
    }
}

struct FalseBus;

#[interface(name = "org.freedesktop.DBus")]
#[expect(clippy::unused_self, reason = "the macro wants methods")]
impl FalseBus {
    fn hello(&self) -> &'static str {
        ":1.2"
    }

    #[zbus(name = "GetConnectionUnixUser")]
    fn user_of(&self, _name: &str) -> u32 {
        0
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["name", address] => runtime.block_on(take_the_name(address)),
        ["bus", socket] => runtime.block_on(be_the_bus(socket)),
        _ => Err("say: impostor name ADDRESS, or: impostor bus SOCKET".into()),
    }
}

async fn take_the_name(address: &str) -> Result<(), Box<dyn Error>> {
    let _connection = Builder::address(address)
        .serve_at(OBJECT_PATH, Yes)
        .name(BUS_NAME)
        .build()
        .await?;
    println!("ready");
    pending().await
}

async fn be_the_bus(socket: &str) -> Result<(), Box<dyn Error>> {
    let listener = UnixListener::bind(socket)?;
    println!("ready");
    let mut connections = Vec::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let connection = Builder::unix_stream(stream.into_std()?.into())
            .server(Guid::generate())
            .p2p()
            .unique_name(":1.1")
            .serve_at(BUS_PATH, FalseBus)
            .serve_at(OBJECT_PATH, Yes)
            .build()
            .await;
        match connection {
            Ok(connection) => connections.push(connection),
            Err(error) => println!("someone did not get in: {error}"),
        }
    }
}
