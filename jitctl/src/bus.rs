//! The way to jitd: its own socket, which nobody can fill for others, or the system bus.

mod socket;

use std::time::Duration;

use futures_util::StreamExt;
use jitd_api::{AuditProxy, BUS_NAME, CONTROL_SOCKET, ElevationsProxy, Error, PolicyProxy};
use zbus::connection::Builder;
use zbus::names::BusName;
use zbus::proxy::CacheProperties;
use zbus::{Connection, fdo};

use crate::error::{Failure, Kind};

/// How long to knock.
const CONNECT: Duration = Duration::from_secs(5);
/// How long jitd may take for an answer, its start by the bus included.
const ANSWER: Duration = Duration::from_secs(20);

/// `org.jitd1.Elevations`.
pub(crate) async fn elevations() -> Result<ElevationsProxy<'static>, Failure> {
    ElevationsProxy::builder(&connect().await?)
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .map_err(|cause| failure(cause.into()))
}

/// `org.jitd1.Audit`.
pub(crate) async fn audit() -> Result<AuditProxy<'static>, Failure> {
    AuditProxy::builder(&connect().await?)
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .map_err(|cause| failure(cause.into()))
}

/// Waits until jitd is there. Nobody starts it for that: somebody may have stopped it.
///
/// # Errors
/// Nobody would tell.
pub(crate) async fn until_it_is_there() -> Result<(), Failure> {
    if a_bus_is_named() {
        return until_it_is_on_the_bus().await;
    }
    let over_the_bus = async {
        if until_it_is_on_the_bus().await.is_err() {
            // Then it comes to its socket.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = socket::until_it_is_there() => {}
        () = over_the_bus => {}
    }
    Ok(())
}

async fn until_it_is_on_the_bus() -> Result<(), Failure> {
    let lost = |cause: zbus::Error| failure(cause.into());
    let connection = connect_to_bus().await?;
    let bus = fdo::DBusProxy::new(&connection).await.map_err(lost)?;
    let changes = bus.receive_name_owner_changed_with_args(&[(0, BUS_NAME)]);
    let mut changes = changes.await.map_err(lost)?;
    let name = BusName::try_from(BUS_NAME).map_err(lost)?;
    if bus
        .name_has_owner(name)
        .await
        .map_err(|cause| lost(cause.into()))?
    {
        return Ok(());
    }
    while let Some(change) = changes.next().await {
        if change.args().map_err(lost)?.new_owner().is_some() {
            return Ok(());
        }
    }
    Err(unreachable_bus("it went away"))
}

/// `org.jitd1.Policy`.
pub(crate) async fn policy() -> Result<PolicyProxy<'static>, Failure> {
    PolicyProxy::builder(&connect().await?)
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .map_err(|cause| failure(cause.into()))
}

/// To jitd's own socket, or over the system bus: jitd may not run, and the bus starts it.
async fn connect() -> Result<Connection, Failure> {
    if a_bus_is_named() {
        return connect_to_bus().await;
    }
    let why = match socket::connect(ANSWER).await {
        Ok(connection) => return Ok(connection),
        Err(why) => why,
    };
    let over_the_bus = connect_to_bus().await;
    over_the_bus.map_err(|failure| failure.hint(format!("{CONTROL_SOCKET}: {why}")))
}

/// Whoever names a bus means that one and nothing else.
fn a_bus_is_named() -> bool {
    std::env::var_os("DBUS_SYSTEM_BUS_ADDRESS").is_some()
}

async fn connect_to_bus() -> Result<Connection, Failure> {
    let building = Builder::system().method_timeout(ANSWER).build();
    match tokio::time::timeout(CONNECT, building).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(cause)) => Err(unreachable_bus(&cause.to_string())),
        Err(_) => Err(unreachable_bus("no answer within 5s")),
    }
}

fn unreachable_bus(why: &str) -> Failure {
    Failure::new(
        Kind::Unreachable,
        format!("cannot reach the system bus: {why}"),
    )
    .hint("systemctl status dbus")
}

/// What jitd, or the bus in its place, answered.
pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::NotAllowed(text) => Failure::new(Kind::NotAllowed, text),
        Error::ZBus(cause) => bus_failure(&cause),
        other => Failure::new(Kind::Failed, other.message()),
    }
}

fn bus_failure(cause: &zbus::Error) -> Failure {
    match cause {
        zbus::Error::FDO(error) => match error.as_ref() {
            fdo::Error::AccessDenied(text) => Failure::new(
                Kind::NotAllowed,
                format!("the bus does not let you talk to jitd: {text}"),
            ),
            fdo::Error::UnknownMethod(text)
            | fdo::Error::UnknownInterface(text)
            | fdo::Error::UnknownObject(text)
            | fdo::Error::InvalidArgs(text) => mismatch(text),
            // All others are the bus' own: no such name, no reply, activation failed.
            other => unreachable_jitd(&other.to_string()),
        },
        // systemd tells so of a unit that does not start.
        zbus::Error::MethodError(name, text, _) => unreachable_jitd(&match text {
            Some(text) => text.clone(),
            None => name.to_string(),
        }),
        zbus::Error::InputOutput(_) | zbus::Error::Connection(..) | zbus::Error::Handshake(_) => {
            unreachable_jitd(&cause.to_string())
        }
        other => mismatch(&other.to_string()),
    }
}

fn unreachable_jitd(why: &str) -> Failure {
    Failure::new(Kind::Unreachable, format!("jitd is not reachable: {why}"))
        .hint("systemctl status jitd")
}

fn mismatch(why: &str) -> Failure {
    Failure::new(
        Kind::Failed,
        format!("jitd and jitctl do not understand each other: {why}"),
    )
    .hint("are they of the same version? `jitctl --version` and `jitd --version` tell; after an update: systemctl restart jitd")
}
