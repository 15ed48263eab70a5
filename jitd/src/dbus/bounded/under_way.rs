//! Calls that are not answered yet.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zbus::message::{Message, Type};

use super::{Bounds, MOST_BYTES};

/// Who has which calls under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    bounds: Bounds,
    calls: Mutex<Calls>,
}

/// Serial numbers by sender, with whether an answer is wanted.
type Calls = HashMap<String, HashMap<NonZeroU32, bool>>;

/// Why a call is not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    TooLong,
    TooMany(usize),
    AllTooMany,
    Twice,
    Descriptors,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "a message to jitd has at most {MOST_BYTES} bytes"),
            Self::TooMany(most) => write!(
                f,
                "more than {most} calls of one connection are under way; wait for their answers"
            ),
            Self::AllTooMany => f.write_str("too many calls are under way; try again"),
            Self::Twice => f.write_str("a call of this number is under way"),
            Self::Descriptors => f.write_str("no call to jitd takes a file descriptor"),
        }
    }
}

impl UnderWay {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            calls: Mutex::default(),
        }
    }

    /// Takes note of a call; other messages are none of ours.
    pub(super) fn begin(
        &self,
        message: &Message,
        wants_reply: bool,
        has_fds: bool,
    ) -> Result<(), Refused> {
        if message.message_type() != Type::MethodCall {
            return Ok(());
        }
        if has_fds {
            return Err(Refused::Descriptors);
        }
        let header = message.header();
        let sender = header.sender().filter(|_| self.bounds.names_senders);
        let sender = sender.map(ToString::to_string).unwrap_or_default();
        let mut calls = self.locked();
        let all: usize = calls.values().map(HashMap::len).sum();
        let own = calls.get(&sender).map_or(0, HashMap::len);
        if own >= self.bounds.of_one {
            return Err(Refused::TooMany(self.bounds.of_one));
        }
        if all >= self.bounds.of_all {
            return Err(Refused::AllTooMany);
        }
        let own = calls.entry(sender).or_default();
        match own.insert(message.primary_header().serial_num(), wants_reply) {
            None => Ok(()),
            Some(before) => {
                own.insert(message.primary_header().serial_num(), before);
                Err(Refused::Twice)
            }
        }
    }

    /// Whether somebody waits for this message.
    pub(super) fn is_wanted(&self, message: &Message) -> bool {
        let Some((sender, serial)) = self.answered(message) else {
            return true;
        };
        let calls = self.locked();
        let call = calls.get(&sender).and_then(|own| own.get(&serial));
        call.copied().unwrap_or(true)
    }

    /// A call is over with its answer.
    pub(super) fn end(&self, message: &Message) {
        let Some((sender, serial)) = self.answered(message) else {
            return;
        };
        let mut calls = self.locked();
        if let Some(own) = calls.get_mut(&sender) {
            own.remove(&serial);
            if own.is_empty() {
                calls.remove(&sender);
            }
        }
    }

    /// Which call a message answers.
    fn answered(&self, message: &Message) -> Option<(String, NonZeroU32)> {
        let header = message.header();
        let serial = header.reply_serial()?;
        let to = header.destination().filter(|_| self.bounds.names_senders);
        Some((to.map(ToString::to_string).unwrap_or_default(), serial))
    }

    fn locked(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
