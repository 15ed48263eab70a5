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
    first: Option<First>,
    last: Option<(u64, Link)>,
    broken: Option<(Option<u64>, String)>,
    /// Number and link of the last event of each archive.
    archived: Vec<(u64, Link)>,
}

/// The first event that is there.
#[derive(Debug)]
struct First {
    seq: u64,
    link: Link,
    event: Map<String, Value>,
}

impl Following {
    /// The next event, as the record gives it. Only the first that does not fit is kept.
    pub(crate) fn event(&mut self, event: &Map<String, Value>) {
        if self.broken.is_some() {
            return;
        }
        let seq = event.get("seq").and_then(Value::as_u64);
        match self.judge(seq, event) {
            Ok((seq, link)) => {
                self.first.get_or_insert_with(|| First {
                    seq,
                    link,
                    event: event.clone(),
                });
                self.last = Some((seq, link));
                self.archived.extend(archived(event));
            }
            Err(why) => self.broken = Some((seq, why)),
        }
    }

    /// What was found, up to the number at which the record is said to end.
    pub(crate) fn end(self, end: u64) -> Chain {
        if let Some((seq, why)) = self.broken {
            return Chain::Broken { seq, why };
        }
        match (&self.first, self.last) {
            (Some(first), Some((last, head))) if last == end => match self.fits_archive(first) {
                Ok(()) => Chain::Whole {
                    first: first.seq,
                    last,
                    head,
                },
                Err(why) => Chain::Broken {
                    seq: Some(first.seq),
                    why,
                },
            },
            (None, None) if end == 0 => Chain::Empty,
            _ => Chain::Broken {
                seq: None,
                why: format!("the record is said to end with event {end}, which is not there"),
            },
        }
    }

    /// Where the record does not begin with its first event, it says that what came before is
    /// archived, and the chain goes on from there.
    fn fits_archive(&self, first: &First) -> Result<(), String> {
        if first.seq == 1 {
            return Ok(());
        }
        let covering = self
            .archived
            .iter()
            .filter(|(last, _)| last + 1 >= first.seq);
        match covering.min_by_key(|(last, _)| *last) {
            None => Err("what came before it is gone, and not archived".to_owned()),
            Some((last, head))
                if last + 1 == first.seq && next(*head, &first.event)? != first.link =>
            {
                Err("it does not fit the last event that was archived".to_owned())
            }
            // Where the archive reaches further, not all of it has been cut from the record yet.
            Some(_) => Ok(()),
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
            // The link before it is said later, by the event of the archive.
            None => return Ok((seq, link)),
        };
        if next(before, event)? == link {
            Ok((seq, link))
        } else {
            Err("its link does not fit what it says, or the event before it".to_owned())
        }
    }
}

/// Number and link of the last event of an archive, where this is the event of one.
fn archived(event: &Map<String, Value>) -> Option<(u64, Link)> {
    let text = |key| event.get(key).and_then(Value::as_str);
    let archived = text("event") == Some("record.archived");
    let last = text("last").filter(|_| archived)?;
    Some((last.parse().ok()?, text("head")?.parse().ok()?))
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
        let started = json!({ "event": "daemon.started", "by": "jitd" });
        chained(
            Link::START,
            1,
            &vec![started; usize::try_from(events).unwrap()],
        )
    }

    /// These events, from a number on.
    fn chained(mut before: Link, first: u64, events: &[Value]) -> Vec<Map<String, Value>> {
        (first..)
            .zip(events)
            .map(|(seq, event)| {
                let mut event = event.as_object().unwrap().clone();
                event.insert("seq".to_owned(), json!(seq));
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
        let whole = Chain::Whole {
            first: 1,
            last: 5,
            head,
        };
        assert_eq!(followed(&record, 5), whole);
        assert_eq!(followed(&[], 0), Chain::Empty);
    }

    /// A record whose event 6 says that this was archived, without its first events.
    fn after_archive(last: u64, head: &Value, first: usize) -> Chain {
        let mut all = record(5);
        let before = all[4]["chain"].as_str().unwrap().parse().unwrap();
        let archived = json!({
            "event": "record.archived", "first": "1", "last": last.to_string(), "head": head,
        });
        all.extend(chained(before, 6, &[archived]));
        followed(&all[first - 1..], 6)
    }

    #[test]
    fn what_is_not_there_is_archived_or_gone() {
        let heads: Vec<_> = record(5)
            .iter()
            .map(|event| event["chain"].clone())
            .collect();
        let first = |chain: &Chain| match chain {
            Chain::Whole { first, .. } => Ok(*first),
            Chain::Broken { seq, why } => Err((*seq, why.clone())),
            other => panic!("{other:?}"),
        };
        assert_eq!(first(&after_archive(2, &heads[1], 3)), Ok(3));
        assert_eq!(
            first(&after_archive(4, &heads[3], 3)),
            Ok(3),
            "not all is cut yet"
        );
        let broken = |why: &str| Err((Some(3), why.to_owned()));
        let gone = broken("what came before it is gone, and not archived");
        assert_eq!(first(&after_archive(1, &heads[0], 3)), gone);
        assert_eq!(first(&followed(&record(5)[2..], 5)), gone);
        let other = broken("it does not fit the last event that was archived");
        assert_eq!(first(&after_archive(2, &heads[0], 3)), other);
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
