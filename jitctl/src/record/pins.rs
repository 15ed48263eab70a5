//! What logs say about the record: at this number it had this link.

use jitd_api::Link;

/// Contradictions that are kept; of all others only their number.
const KEPT: usize = 20;

/// That an event had a link when it was sent to a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pin {
    /// The number of the event.
    pub(crate) seq: u64,
    /// Its link.
    pub(crate) link: Link,
    /// In which log, by its place among those that were read.
    pub(crate) log: usize,
    /// In which line of it; from 1 on.
    pub(crate) line: u64,
}

/// What there is to compare with, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    /// By their numbers.
    sorted: Vec<Pin>,
    next: usize,
    /// The record has the same link there.
    pub(crate) same: u64,
    /// The record has another link there.
    pub(crate) different: Found,
    /// The record does not reach so far.
    pub(crate) beyond: Found,
    /// The record does not go back so far any more.
    pub(crate) older: u64,
}

/// Some of them, and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The first ones.
    pub(crate) first: Vec<Pin>,
    /// All.
    pub(crate) all: u64,
}

impl Found {
    fn add(&mut self, pin: Pin) {
        self.all += 1;
        if self.first.len() < KEPT {
            self.first.push(pin);
        }
    }
}

impl Pins {
    /// Takes them in any order.
    pub(crate) fn new(mut pins: Vec<Pin>) -> Self {
        pins.sort_by_key(|pin| pin.seq);
        Self {
            sorted: pins,
            ..Self::default()
        }
    }

    /// The record has this link at this number; the numbers come in their order.
    pub(crate) fn compare(&mut self, seq: u64, link: Link) {
        while let Some(pin) = self.sorted.get(self.next).filter(|pin| pin.seq <= seq) {
            if pin.seq < seq {
                self.older += 1;
            } else if pin.link == link {
                self.same += 1;
            } else {
                self.different.add(*pin);
            }
            self.next += 1;
        }
    }

    /// There is no more of the record.
    pub(crate) fn finish(&mut self) {
        for pin in self.sorted.drain(self.next..) {
            self.beyond.add(pin);
        }
    }

    /// Whether all that could be compared is the same.
    pub(crate) const fn hold(&self) -> bool {
        self.different.all == 0 && self.beyond.all == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(seq: u64, link: u8) -> Pin {
        Pin {
            seq,
            link: Link([link; 32]),
            log: 0,
            line: seq,
        }
    }

    #[test]
    fn every_line_is_the_same_different_beyond_or_older() {
        let pins = [9, 4, 5, 5, 1, 7, 6].map(|seq| pin(seq, 1));
        let mut pins = Pins::new(pins.into_iter().chain([pin(5, 2)]).collect());
        for seq in 4..=7 {
            pins.compare(seq, Link([if seq == 6 { 3 } else { 1 }; 32]));
        }
        assert!(!pins.hold());
        pins.finish();
        assert_eq!((pins.same, pins.older), (4, 1));
        assert_eq!(pins.different.first, [pin(5, 2), pin(6, 1)]);
        assert_eq!(pins.beyond.first, [pin(9, 1)]);
    }

    #[test]
    fn a_great_many_are_counted_and_few_kept() {
        let mut pins = Pins::new((1..=1000).map(|seq| pin(seq, 1)).collect());
        pins.compare(1, Link([1; 32]));
        assert!(pins.hold());
        pins.finish();
        assert!(!pins.hold());
        assert_eq!((pins.beyond.all, pins.beyond.first.len()), (999, KEPT));
    }
}
