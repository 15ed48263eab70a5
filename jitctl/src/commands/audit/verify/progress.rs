//! A bar for who looks: on a terminal, and nowhere else.

use std::cell::Cell;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far it must have come for the bar to move: drawing must not cost more than verifying.
const STEPS: u64 = 500;

/// How much of something is done. Gone from the screen when dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    step: u64,
    next: Cell<u64>,
}

impl Progress {
    /// Nothing of `all`, in this unit.
    pub(super) fn new(all: u64, unit: &str) -> Self {
        // Hidden where stderr is no terminal.
        let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
        let template = match unit {
            "bytes" => "{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            _ => "{bar:40} {human_pos} of {human_len} events, {per_sec}, {eta} left",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            step: (all / STEPS).max(1),
            next: Cell::new(0),
        }
    }

    /// So much of it is done.
    pub(super) fn at(&self, done: u64) {
        if done >= self.next.get() {
            self.next.set(done + self.step);
            self.bar.set_position(done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
