//! Text from people is data: bounded here, escaped where it is shown.

use jitd_api::{MAX_TEXT, MAX_TICKET};

/// Why a text was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Longer than is kept.
    #[error("the {what} is {length} bytes long; at most {most} are kept")]
    TooLong {
        /// What the text is: reason, comment.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
        /// Most bytes that are kept.
        most: usize,
    },
    /// Has a NUL in it.
    #[error("the {what} has a NUL character in it")]
    Nul {
        /// What the text is.
        what: &'static str,
    },
}

/// Takes a reason or comment as it is, without white space at its ends, or says why not.
///
/// Control characters are kept: they are what was said. Whoever shows the text escapes it.
///
/// # Errors
/// Text over [`MAX_TEXT`] bytes or with a NUL in it.
pub fn bounded(what: &'static str, text: &str) -> Result<String, InvalidText> {
    at_most(MAX_TEXT, what, text)
}

/// Takes a ticket, as [`bounded`] takes a reason.
///
/// # Errors
/// One over [`MAX_TICKET`] bytes or with a NUL in it.
pub fn ticket(text: &str) -> Result<String, InvalidText> {
    at_most(MAX_TICKET, "ticket", text)
}

fn at_most(most: usize, what: &'static str, text: &str) -> Result<String, InvalidText> {
    if text.len() > most {
        let length = text.len();
        return Err(InvalidText::TooLong { what, length, most });
    }
    if text.contains('\0') {
        return Err(InvalidText::Nul { what });
    }
    Ok(text.trim().to_owned())
}

/// Whether a character could move a cursor, hide text or turn its direction.
#[must_use]
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

/// Shows hostile characters as `\n`, `\t` or `\u{1b}`; all others stay.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            c if is_hostile(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_and_nul_are_refused() {
        assert!(bounded("reason", &"x".repeat(MAX_TEXT)).is_ok());
        assert_eq!(
            bounded("reason", &"x".repeat(MAX_TEXT + 1)),
            Err(InvalidText::TooLong {
                what: "reason",
                length: MAX_TEXT + 1,
                most: MAX_TEXT,
            })
        );
        assert_eq!(
            bounded("comment", "a\0b"),
            Err(InvalidText::Nul { what: "comment" })
        );
    }

    #[test]
    fn nothing_that_moves_a_cursor_survives() {
        let shown = escaped("a\n<34>fake\u{1b}[2J\u{202e}b\\");
        assert_eq!(shown, "a\\n<34>fake\\u{1b}[2J\\u{202e}b\\\\");
        assert!(!shown.chars().any(is_hostile));
    }
}
