//! What the person sees while waiting.

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// A spinner on a terminal, lines elsewhere.
pub(super) struct Face {
    bar: Option<ProgressBar>,
    said: RefCell<String>,
}

impl Face {
    /// Begins to show.
    pub(super) fn new() -> Self {
        if !io::stderr().is_terminal() {
            return Self {
                bar: None,
                said: RefCell::default(),
            };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar: Some(bar),
            said: RefCell::default(),
        }
    }

    /// Shows a text; as a line only once, however often we wake.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None if *self.said.borrow() == text => {}
            None => output::tell(text),
        }
        text.clone_into(&mut self.said.borrow_mut());
    }
}

impl Drop for Face {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
