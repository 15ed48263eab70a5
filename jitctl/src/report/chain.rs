//! What a report says of the chain of the record.

use jitd_api::Link;

use crate::record::chain::{self, Flaw};
use crate::record::event::Event;

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
    chain: chain::Chain,
    flaw: Option<Flaw>,
}

impl Following {
    /// The next event. Only the first that does not fit is kept.
    pub(crate) fn event(&mut self, event: &Event<'_>) {
        if self.flaw.is_none() {
            self.flaw = self.chain.next(event).err();
        }
    }

    /// What was found, up to the number at which the record is said to end.
    pub(crate) fn end(self, end: u64) -> Chain {
        if let Some(flaw) = self.flaw.or_else(|| self.chain.whole(end).err()) {
            return Chain::Broken {
                seq: Some(flaw.seq()),
                why: flaw.what(),
            };
        }
        match (self.chain.first(), self.chain.last()) {
            (Some(first), Some(last)) => Chain::Whole {
                first: first.seq,
                last: last.seq,
                head: last.link,
            },
            _ => Chain::Empty,
        }
    }
}
