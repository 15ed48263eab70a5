//! How far one log has been told.

use std::collections::VecDeque;

use crate::record::Recorded;

/// How far one log has been told.
pub(super) struct Cursor {
    pub(super) seq: u64,
    /// What comes after that, as far as it was read.
    pub(super) ahead: VecDeque<Recorded>,
}

impl Cursor {
    pub(super) fn at(seq: u64) -> Self {
        Self {
            seq,
            ahead: VecDeque::new(),
        }
    }

    /// All up to there has been told.
    pub(super) fn reach(&mut self, seq: u64) {
        self.seq = self.seq.max(seq);
        while self.ahead.front().is_some_and(|event| event.seq <= seq) {
            self.ahead.pop_front();
        }
    }
}
