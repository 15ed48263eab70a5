//! Whether the chain of the record is whole, as jitd-events(7) describes it.

use jitd_api::Link;
use serde_json::{Map, Value};

/// What was found of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chain {
    /// Every event fits the one before it.
    Whole {
        /// The number of the first event; what came before it is archived.
        first: u64,
        /// The number of the last one.
        last: u64,
        /// Its link, to be compared with what was logged elsewhere.
        head: Link,
    },
    /// There is no event.
    Empty,
    /// An event is not as it was written, or not where it was.
    Broken {
        /// Its number, as far as it has one.
        seq: Option<u64>,
        /// What is wrong, in words.
        why: String,
    },
    /// Not all of the record can be read by whoever asked.
    NotChecked,
}

/// Follows the chain through the whole record.
#[derive(Debug, Default)]
pub(crate) struct Following {
    first: Option<u64>,
    last: Option<(u64, Link)>,
    broken: Option<(Option<u64>, String)>,
}

impl Following {
    /// The next event, as the record gives it. Only the first that does not fit is kept.
    pub(crate) fn event(&mut self, event: &Map<String, Value>) {
        if self.broken.is_some() {
            return;
        }
        let seq = event.get("seq").and_then(Value::as_u64);
        match self.judge(seq, event) {
            Ok(reached) => {
                self.first.get_or_insert(reached.0);
                self.last = Some(reached);
            }
            Err(why) => self.broken = Some((seq, why)),
        }
    }

    /// What was found, up to the number at which the record is said to end.
    pub(crate) fn end(self, end: u64) -> Chain {
        if let Some((seq, why)) = self.broken {
            return Chain::Broken { seq, why };
        }
        match (self.first, self.last) {
            (Some(first), Some((last, head))) if last == end => Chain::Whole { first, last, head },
            (None, None) if end == 0 => Chain::Empty,
            _ => Chain::Broken {
                seq: None,
                why: format!("the record is said to end with event {end}, which is not there"),
            },
        }
    }

    fn judge(&self, seq: Option<u64>, event: &Map<String, Value>) -> Result<(u64, Link), String> {
        let seq = seq.ok_or("it has no number")?;
        let link = event.get("chain").and_then(Value::as_str);
        let link: Link = link
            .and_then(|link| link.parse().ok())
            .ok_or("it has no link")?;
        let before = match self.last {
            Some((last, _)) if seq != last + 1 => {
                return Err(format!("it comes after event {last}"));
            }
            Some((_, before)) => before,
            None if seq == 1 => Link::START,
            // The link before it is in the archive, or nowhere.
            None => return Ok((seq, link)),
        };
        if next(before, event)? == link {
            Ok((seq, link))
        } else {
            Err("its link does not fit what it says, or the event before it".to_owned())
        }
    }
}

/// The link that an event has to have.
fn next(before: Link, event: &Map<String, Value>) -> Result<Link, String> {
    let members = event.iter().filter(|(key, _)| *key != "chain");
    let texts: Vec<_> = members
        .map(|(key, value)| match value {
            Value::String(text) => Ok((key.as_str(), text.clone())),
            Value::Number(number) => Ok((key.as_str(), number.to_string())),
            _ => Err(format!("{key:?} is neither a text nor a number")),
        })
        .collect::<Result<_, _>>()?;
    let texts = texts.iter().map(|(key, text)| (*key, text.as_str()));
    Ok(before.next(&mut texts.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A record of so many events.
    fn record(events: u64) -> Vec<Map<String, Value>> {
        let mut before = Link::START;
        (1..=events)
            .map(|seq| {
                let event = json!({ "seq": seq, "event": "daemon.started", "by": "jitd" });
                let mut event = event.as_object().unwrap().clone();
                before = next(before, &event).unwrap();
                event.insert("chain".to_owned(), json!(before.to_string()));
                event
            })
            .collect()
    }

    fn followed(record: &[Map<String, Value>], end: u64) -> Chain {
        let mut following = Following::default();
        for event in record {
            following.event(event);
        }
        following.end(end)
    }

    #[track_caller]
    fn broken_at(record: &[Map<String, Value>], end: u64) -> Option<u64> {
        match followed(record, end) {
            Chain::Broken { seq, .. } => seq,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_as_it_was_written_is_whole() {
        let record = record(5);
        let head = record[4]["chain"].as_str().unwrap().parse().unwrap();
        let whole = |first| Chain::Whole {
            first,
            last: 5,
            head,
        };
        assert_eq!(followed(&record, 5), whole(1));
        assert_eq!(followed(&record[2..], 5), whole(3), "the rest is archived");
        assert_eq!(followed(&[], 0), Chain::Empty);
    }

    #[test]
    fn whatever_was_changed_is_found() {
        let record = record(5);
        let changed = |change: fn(&mut Vec<Map<String, Value>>)| {
            let mut record = record.clone();
            change(&mut record);
            record
        };
        let edited = changed(|record| drop(record[1].insert("by".into(), json!("eve"))));
        assert_eq!(broken_at(&edited, 5), Some(2));
        let added = changed(|record| drop(record[1].insert("x".into(), json!("1"))));
        assert_eq!(broken_at(&added, 5), Some(2));
        let odd = changed(|record| drop(record[1].insert("x".into(), json!(null))));
        assert_eq!(broken_at(&odd, 5), Some(2));
        let unlinked = changed(|record| drop(record[1].remove("chain")));
        assert_eq!(broken_at(&unlinked, 5), Some(2));
        let gap = changed(|record| drop(record.remove(2)));
        assert_eq!(broken_at(&gap, 5), Some(4));
        let swapped = changed(|record| record.swap(2, 3));
        assert_eq!(broken_at(&swapped, 5), Some(4));
        let first = changed(|record| drop(record[0].insert("by".into(), json!("eve"))));
        assert_eq!(broken_at(&first, 5), Some(1));
        let cut = changed(|record| record.truncate(3));
        assert_eq!(broken_at(&cut, 5), None);
        assert_eq!(broken_at(&[], 5), None);
    }
}
