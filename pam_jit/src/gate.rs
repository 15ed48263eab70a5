//! The one question to jitd, over the system bus.

use std::time::Duration;

use futures_util::StreamExt;
use jitd_api::{GATE_BUS_NAME, GATE_INTERFACE, GateAnswer, OBJECT_PATH, SYSTEM_BUS_ADDRESS};
use nix::errno::Errno;
use tokio::time::{Instant, timeout_at};
use zbus::message::{Flags, Message, Type};
use zbus::names::UniqueName;
use zbus::{Connection, MessageStream, connection};

const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";

/// The person that the question is about, by number and name: either could have another owner
/// than it had when jitd learnt of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) uid: u32,
    pub(crate) name: &'a str,
}

/// Who is asked whether a service is open to a person.
pub(crate) trait Gate {
    /// The answer, within `timeout`. Without one that is certainly jitd's: why not.
    fn check(
        &self,
        person: Asked<'_>,
        service: &str,
        timeout: Duration,
    ) -> Result<GateAnswer, Failure>;
}

/// Why there is no answer. All of these are refusals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the system bus is not reachable ({0})")]
    BusUnreachable(String),
    #[error("the system bus did not answer within {}", in_words(.0))]
    BusSilent(Duration),
    #[error("this program may not ask jitd: it does not run as root")]
    Forbidden,
    #[error("jitd is not running (org.jitd1.Gate is not on the system bus)")]
    NotRunning,
    #[error("jitd did not answer within {}", in_words(.0))]
    Silent(Duration),
    #[error("jitd went away before it answered")]
    Vanished,
    #[error("org.jitd1.Gate belongs to uid {0}, not to root")]
    Impostor(u32),
    #[error("jitd says: {0}")]
    Declined(String),
    #[error("jitd's answer is not understood ({0})")]
    Unintelligible(String),
}

fn in_words(time: &Duration) -> String {
    let milliseconds = time.as_millis();
    if milliseconds.is_multiple_of(1000) {
        format!("{} s", milliseconds / 1000)
    } else {
        format!("{milliseconds} ms")
    }
}

/// jitd on the system bus, at an address that nobody's environment can change.
pub(crate) struct SystemBus;

impl Gate for SystemBus {
    /// Runs a runtime of its own on this thread and takes it down again: no
    /// thread is started, no descriptor stays open. Everything has the one
    /// deadline, also what zbus sets no limit to (connecting, authenticating).
    fn check(
        &self,
        person: Asked<'_>,
        service: &str,
        timeout: Duration,
    ) -> Result<GateAnswer, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Failure::BusUnreachable(error.to_string()))?;
        let answer = runtime.block_on(async {
            let deadline = Instant::now() + timeout;
            let bus = timeout_at(deadline, connect())
                .await
                .map_err(|_| Failure::BusSilent(timeout))??;
            timeout_at(deadline, ask(&bus, person, service))
                .await
                .map_err(|_| Failure::Silent(timeout))?
        });
        runtime.shutdown_background();
        answer
    }
}

async fn connect() -> Result<Connection, Failure> {
    let connecting = connection::Builder::address(SYSTEM_BUS_ADDRESS).build();
    connecting.await.map_err(|error| unreachable(&error))
}

/// Asks, and then asks the bus who answered.
///
/// This order is sound and takes the fewest round trips. The bus writes the
/// sender into the reply, a unique name is one connection's and never given
/// again, and the bus has that connection's uid from the kernel; so the uid is
/// the answerer's, whatever became of the name in between. Asking
/// for the owner first would leave a moment in which it can change. That an
/// impostor learns who is at the gate is no loss.
async fn ask(bus: &Connection, person: Asked<'_>, service: &str) -> Result<GateAnswer, Failure> {
    let reply = reply_to(question(person, service)?, bus).await?;
    let header = reply.header();
    let sender = header
        .sender()
        .ok_or_else(|| Failure::Unintelligible("no sender".to_owned()))?;
    if sender.as_str() == BUS {
        return Err(from_the_bus(&reply));
    }
    match uid_of(sender, bus).await? {
        0 => understood(&reply),
        other => Err(Failure::Impostor(other)),
    }
}

/// Does not start jitd where it is stopped: systemd restarts it after a crash,
/// and an admin who stopped it meant it.
fn question(person: Asked<'_>, service: &str) -> Result<Message, Failure> {
    Message::method_call(OBJECT_PATH, "Check")
        .destination(GATE_BUS_NAME)
        .interface(GATE_INTERFACE)
        .with_flags(Flags::NO_AUTO_START)
        .build(&(person.uid, person.name, service))
        .map_err(|error| Failure::Unintelligible(error.to_string()))
}

/// Sends the call and waits for what answers it.
async fn reply_to(call: Message, bus: &Connection) -> Result<Message, Failure> {
    let mut messages = MessageStream::from(bus);
    let serial = call.primary_header().serial_num();
    bus.send(&call).await.map_err(|error| unreachable(&error))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| unreachable(&error))?;
        if message.header().reply_serial() == Some(serial) {
            return Ok(message);
        }
    }
    Err(Failure::BusUnreachable("it hung up".to_owned()))
}

/// The uid of a connection, as the bus has it from the kernel.
async fn uid_of(name: &UniqueName<'_>, bus: &Connection) -> Result<u32, Failure> {
    let reply = bus
        .call_method(
            Some(BUS),
            BUS_PATH,
            Some(BUS),
            "GetConnectionUnixUser",
            &name.as_str(),
        )
        .await
        .map_err(|error| match error {
            zbus::Error::FDO(_) | zbus::Error::MethodError(..) => Failure::Vanished,
            other => unreachable(&other),
        })?;
    reply
        .body()
        .deserialize()
        .map_err(|error| Failure::Unintelligible(error.to_string()))
}

/// What the bus itself says to a call that it did not deliver.
fn from_the_bus(reply: &Message) -> Failure {
    let header = reply.header();
    match header.error_name().map(zbus::names::ErrorName::as_str) {
        Some(
            "org.freedesktop.DBus.Error.ServiceUnknown"
            | "org.freedesktop.DBus.Error.NameHasNoOwner",
        ) => Failure::NotRunning,
        Some("org.freedesktop.DBus.Error.NoReply") => Failure::Vanished,
        Some("org.freedesktop.DBus.Error.AccessDenied") => Failure::Forbidden,
        _ => Failure::BusUnreachable(error_text(reply)),
    }
}

/// What jitd says.
fn understood(reply: &Message) -> Result<GateAnswer, Failure> {
    if reply.message_type() != Type::MethodReturn {
        return Err(Failure::Declined(error_text(reply)));
    }
    reply
        .body()
        .deserialize()
        .map_err(|error| Failure::Unintelligible(error.to_string()))
}

fn error_text(reply: &Message) -> String {
    let text = reply.body().deserialize::<String>();
    text.unwrap_or_else(|_| match reply.header().error_name() {
        Some(name) => name.to_string(),
        None => "an error without a name".to_owned(),
    })
}

fn unreachable(error: &zbus::Error) -> Failure {
    let cause = match error {
        zbus::Error::Connection(cause, _) | zbus::Error::InputOutput(cause) => {
            match cause.raw_os_error() {
                Some(number) => Errno::from_raw(number).desc().to_owned(),
                None => cause.to_string(),
            }
        }
        other => other.to_string(),
    };
    Failure::BusUnreachable(cause)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use zbus::Variant;

    use super::*;

    fn call() -> Message {
        question(
            Asked {
                uid: 1001,
                name: "carol",
            },
            "sudo",
        )
        .unwrap()
    }

    fn answer(entries: &[(&str, Variant<'_>)]) -> Message {
        let body: HashMap<&str, &Variant<'_>> =
            entries.iter().map(|(key, value)| (*key, value)).collect();
        let builder = Message::method_return(&call().header());
        builder.build(&body).unwrap()
    }

    fn error(name: &str, text: &str) -> Message {
        let builder = Message::error(&call().header(), name);
        builder.build(&text).unwrap()
    }

    #[test]
    fn asks_what_the_contract_says() {
        let call = call();
        let header = call.header();
        assert_eq!(header.destination().unwrap().as_str(), "org.jitd1.Gate");
        assert_eq!(header.path().unwrap().as_str(), "/org/jitd1");
        assert_eq!(header.interface().unwrap().as_str(), "org.jitd1.Gate");
        assert_eq!(header.member().unwrap().as_str(), "Check");
        assert_eq!(
            call.body().deserialize::<(u32, String, String)>().unwrap(),
            (1001, "carol".to_owned(), "sudo".to_owned())
        );
        let flags = header.primary().flags();
        assert!(flags.contains(Flags::NO_AUTO_START));
        assert!(!flags.contains(Flags::NO_REPLY_EXPECTED));
    }

    #[test]
    fn understands_an_answer_of_a_newer_jitd() {
        let reply = answer(&[
            ("allowed", true.into()),
            ("elevation", 42_u64.into()),
            ("colour", "green".into()),
        ]);
        let answer = understood(&reply).unwrap();
        assert!(answer.allowed);
        assert_eq!(answer.elevation, Some(42));
    }

    #[test]
    fn an_answer_that_does_not_say_allowed_does_not_allow() {
        for reply in [
            answer(&[]),
            answer(&[("elevation", 42_u64.into())]),
            answer(&[("allowed", "true".into())]),
            answer(&[("allowed", 1_u32.into())]),
            Message::method_return(&call().header())
                .build(&true)
                .unwrap(),
            Message::method_return(&call().header()).build(&()).unwrap(),
        ] {
            assert!(
                !understood(&reply).is_ok_and(|answer| answer.allowed),
                "{reply:?}"
            );
        }
    }

    #[test]
    fn errors_of_jitd_keep_their_text() {
        assert_eq!(
            understood(&error("org.jitd1.Error.Failed", "the disk is full")),
            Err(Failure::Declined("the disk is full".to_owned()))
        );
    }

    #[test]
    fn errors_of_the_bus() {
        let of = |name: &str| from_the_bus(&error(&format!("{BUS}.Error.{name}"), "text"));
        assert_eq!(of("ServiceUnknown"), Failure::NotRunning);
        assert_eq!(of("NameHasNoOwner"), Failure::NotRunning);
        assert_eq!(of("NoReply"), Failure::Vanished);
        assert_eq!(of("AccessDenied"), Failure::Forbidden);
        assert_eq!(
            of("LimitsExceeded"),
            Failure::BusUnreachable("text".to_owned())
        );
    }

    #[test]
    fn times_in_words() {
        assert_eq!(in_words(&Duration::from_secs(2)), "2 s");
        assert_eq!(in_words(&Duration::from_millis(1500)), "1500 ms");
    }
}
