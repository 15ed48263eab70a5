//! What `pam_jit` asks at the socket, and what of it goes on record.

use jitd_api::{Error, GateAnswer, MAX_ACCOUNT_NAME, MAX_NAME, MAX_TEXT};
use zbus::message::Message;

use crate::domain::session::SessionId;
use crate::engine::{Opening, Refusal};

/// What `pam_jit` asks.
pub(super) struct Question {
    /// Whether a session is to be opened, or may be.
    pub(super) opens: bool,
    pub(super) opening: Opening,
}

impl Question {
    /// `Check(uid, user, service, terminal, host)`.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn of_check(call: &Message) -> Result<Self, Error> {
        let body = call.body();
        let words: Result<(u32, String, String, String, String), _> = body.deserialize();
        // A module of before, in a program that runs since then, does not say where.
        let before = |_| {
            let (uid, name, service) = understood(
                body.deserialize(),
                "Check takes a uid, a user, a service, a terminal and a host",
            )?;
            Ok::<_, Error>((uid, name, service, String::new(), String::new()))
        };
        let (uid, name, service, terminal, remote) = words.or_else(before)?;
        let opening = Opening {
            uid,
            name,
            service,
            terminal,
            remote,
            within: None,
            leader: 0,
        };
        Ok(Self {
            opens: false,
            opening,
        })
    }

    /// `Open(uid, user, service, terminal, host, session)`, from this process.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn of_open(call: &Message, pid: Option<u32>) -> Result<Self, Error> {
        let body = call.body();
        let opened: (u32, String, String, String, String, u64) = understood(
            body.deserialize(),
            "Open takes a uid, a user, a service, a terminal, a host and a session",
        )?;
        let (uid, name, service, terminal, remote, within) = opened;
        let opening = Opening {
            uid,
            name,
            service,
            terminal,
            remote,
            within: (within != 0).then_some(SessionId(within)),
            leader: pid.unwrap_or(0),
        };
        Ok(Self {
            opens: true,
            opening,
        })
    }

    /// What is to be on record, where the answer lets nobody in.
    pub(super) fn refusal(self, answer: Result<&GateAnswer, &Error>) -> Option<Refusal> {
        let (because, pending) = match answer {
            Ok(answer) if answer.allowed => return None,
            Ok(answer) => (answer.because.clone(), answer.pending.clone()),
            Err(error) => (Some(error.message()), None),
        };
        let Opening {
            uid,
            name,
            service,
            terminal,
            remote,
            within,
            ..
        } = self.opening;
        Some(Refusal {
            uid,
            name: bounded(&name, MAX_ACCOUNT_NAME),
            service: bounded(&service, MAX_NAME),
            terminal: bounded(&terminal, MAX_NAME),
            remote: bounded(&remote, MAX_TEXT),
            within,
            because: because.map_or_else(
                || "no active elevation".to_owned(),
                |because| bounded(&because, MAX_TEXT),
            ),
            pending: pending.unwrap_or_default(),
        })
    }
}

/// The record has no room for more.
fn bounded(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn understood<T>(arguments: zbus::Result<T>, expected: &str) -> Result<T, Error> {
    arguments.map_err(|error| Error::InvalidArgument(format!("{expected}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arguments: &(impl serde::Serialize + zbus::wire::DynamicType)) -> Message {
        let call = Message::method_call("/org/jitd1", "Check");
        call.build(arguments).unwrap()
    }

    #[test]
    fn a_module_of_before_is_understood() {
        let old = Question::of_check(&call(&(1001_u32, "carol", "sudo"))).unwrap();
        assert_eq!(
            (old.opening.name.as_str(), old.opening.terminal.as_str()),
            ("carol", "")
        );
        let asked = call(&(1001_u32, "carol", "sudo", "/dev/pts/0", "192.0.2.1"));
        let asked = Question::of_check(&asked).unwrap();
        let Opening {
            terminal, remote, ..
        } = asked.opening;
        assert_eq!(
            (terminal.as_str(), remote.as_str()),
            ("/dev/pts/0", "192.0.2.1")
        );
        assert!(Question::of_check(&call(&(1001_u32, "carol"))).is_err());
    }

    #[test]
    fn who_is_let_in_is_not_refused_and_what_is_said_has_bounds() {
        let long = "x".repeat(5000);
        let asked = || {
            let words = (1001_u32, "carol", "sudo", long.as_str(), long.as_str());
            Question::of_check(&call(&words)).unwrap()
        };
        let allowed = GateAnswer {
            allowed: true,
            ..GateAnswer::default()
        };
        assert_eq!(asked().refusal(Ok(&allowed)), None);
        let closed = GateAnswer {
            pending: Some(vec![7]),
            ..GateAnswer::default()
        };
        let refusal = asked().refusal(Ok(&closed)).unwrap();
        assert_eq!(
            (refusal.because.as_str(), refusal.pending),
            ("no active elevation", vec![7])
        );
        assert_eq!(
            (refusal.terminal.len(), refusal.remote.len()),
            (MAX_NAME, MAX_TEXT)
        );
        // Whoever gets no answer is not let in either.
        let failed = Error::Failed("the disk is full".to_owned());
        let refusal = asked().refusal(Err(&failed)).unwrap();
        assert_eq!(refusal.because, "the disk is full");
    }
}
