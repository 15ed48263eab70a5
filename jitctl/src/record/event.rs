//! One line of the record.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

/// What all events may have; the rest is their own.
const COMMON: [&str; 8] = ["seq", "at", "event", "id", "user", "uid", "role", "chain"];

/// An event: its members in their order, as they are in the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// A number or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Not negative.
    Number(u64),
    /// As people wrote it.
    Text(Cow<'a, str>),
}

/// What a line of jitd's stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// An event.
    Event(Event<'a>),
    /// All was said, and the record reaches up to this number.
    End(u64),
    /// Not all could be said; why.
    Error(String),
}

impl<'a> Line<'a> {
    /// Reads a line; the error says what is wrong with it.
    pub(crate) fn read(line: &'a [u8]) -> Result<Self, String> {
        let event: Event<'a> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if let [(key, value)] = event.members.as_slice() {
            match (key.as_ref(), value) {
                ("end", Value::Number(seq)) => return Ok(Self::End(*seq)),
                ("error", Value::Text(why)) => return Ok(Self::Error(why.to_string())),
                _ => {}
            }
        }
        Ok(Self::Event(event))
    }
}

impl Event<'_> {
    /// The members with their values as text, for the chain: numbers in decimal.
    pub(crate) fn texts(&self) -> Vec<(&str, Cow<'_, str>)> {
        let members = self.members.iter();
        members
            .map(|(key, value)| (key.as_ref(), value.text()))
            .collect()
    }

    /// The text of a member, or its number in decimal; nothing where there is none.
    pub(crate) fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        self.value(key).map(Value::text)
    }

    /// A member that is a number.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        match self.value(key)? {
            Value::Number(number) => Some(*number),
            Value::Text(_) => None,
        }
    }

    /// When it happened, in milliseconds since the Unix epoch.
    pub(crate) fn at(&self) -> Option<i64> {
        let at: jiff::Timestamp = self.text("at")?.parse().ok()?;
        Some(at.as_millisecond())
    }

    /// What is its own, in the order in which it was written.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let members = self.members.iter();
        members
            .map(|(key, value)| (key.as_ref(), value.text()))
            .filter(|(key, _)| !COMMON.contains(key))
    }

    fn value(&self, key: &str) -> Option<&Value<'_>> {
        let found = self.members.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }
}

impl Value<'_> {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

impl<'de> Deserialize<'de> for Event<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Event<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value()?));
                }
                Ok(Event { members })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A text that is taken from the line as it is where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Text(text) => Ok(Self(text)),
            Value::Number(_) => Err(D::Error::custom("a key is a text")),
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOf;
        impl<'de> Visitor<'de> for OneOf {
            type Value = Value<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Value::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Value::Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_any(OneOf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_read_with_everything_in_it() {
        let line = br#"{"seq":7,"at":"1970-01-01T00:00:05.000Z","event":"a.b","id":3,"user":"carol","by":"al\nice","chain":"00"}"#;
        let Ok(Line::Event(event)) = Line::read(line) else {
            panic!("no event");
        };
        assert_eq!(event.number("seq"), Some(7));
        assert_eq!(event.text("id").as_deref(), Some("3"));
        assert_eq!(event.number("user"), None);
        assert_eq!(event.at(), Some(5_000));
        let own: Vec<_> = event.own().collect();
        assert_eq!(own, [("by", Cow::from("al\nice"))]);
        assert_eq!(event.texts().len(), 7);
        assert_eq!(event.texts()[5].1, "al\nice");
    }

    #[test]
    fn the_last_line_is_none() {
        assert_eq!(Line::read(br#"{"end":5}"#), Ok(Line::End(5)));
        let error = Line::Error("x".to_owned());
        assert_eq!(Line::read(br#"{"error":"x"}"#), Ok(error));
        // Nothing that an event could be taken for.
        let event = Line::read(br#"{"end":"5"}"#);
        assert!(matches!(event, Ok(Line::Event(_))), "{event:?}");
    }

    #[test]
    fn what_no_event_can_be_is_refused() {
        for line in [
            &b""[..],
            b"[]",
            b"7",
            b"{\"seq\":1}{}",
            b"{\"seq\":-1}",
            b"{\"seq\":1.5}",
            b"{\"seq\":1e3}",
            b"{\"seq\":18446744073709551616}",
            b"{\"seq\":null}",
            b"{\"seq\":[1]}",
            b"{\"by\":\"\xff\"}",
            b"{\"by\":\"x",
        ] {
            assert!(Line::read(line).is_err(), "{line:?}");
        }
    }
}
