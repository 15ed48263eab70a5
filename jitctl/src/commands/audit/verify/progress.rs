//! A bar for who waits: on a terminal, and nowhere else, and only where it takes its time.

use std::cell::Cell;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far it must have come for the bar to move: drawing must not cost more than verifying.
const STEPS: u64 = 500;

/// What is done by then needs no bar.
const PATIENCE: Duration = Duration::from_millis(700);

/// How much of something is done. Gone from the screen when dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    step: u64,
    next: Cell<u64>,
    is_shown: Cell<bool>,
}

impl Progress {
    /// Nothing of `all`, in this unit.
    pub(super) fn new(all: u64, unit: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::hidden());
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
            is_shown: Cell::new(false),
        }
    }

    /// So much of it is done.
    pub(super) fn at(&self, done: u64) {
        if done >= self.next.get() {
            self.next.set(done + self.step);
            if !self.is_shown.get() && self.bar.elapsed() >= PATIENCE {
                self.is_shown.set(true);
                // Hidden where stderr is no terminal.
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            self.bar.set_position(done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
