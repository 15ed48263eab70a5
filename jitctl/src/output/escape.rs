//! Text from people and from the bus is data: nothing in it may move a cursor,
//! colour a line, turn its direction or look like a line of ours.

use std::fmt::Write;

/// The text on one line, with everything that a terminal acts on made visible:
/// newline as `\n`, tab as `\t`, other control, direction and invisible format
/// characters as `\u{1b}`.
///
/// A backslash stays as it is (`CORP\alice` is a name): this is for eyes, and
/// `--json` is for programs.
pub(crate) fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if acts_on_a_terminal(c) => {
                // Writing to a String does not fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// JSON text with the same characters as `\uXXXX`, where `serde_json` leaves them
/// raw: the same document to every parser, and harmless on a terminal.
pub(crate) fn escape_json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for c in document.chars() {
        // A raw newline in JSON text is layout: those in strings are escaped already.
        if c != '\n' && acts_on_a_terminal(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// TOML text with the same characters as `\UXXXXXXXX`, which in a quoted string means the same.
/// Newlines stay: they are layout.
pub(crate) fn escape_toml(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for c in document.chars() {
        if c != '\n' && acts_on_a_terminal(c) {
            let _ = write!(shown, "\\U{:08x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

fn acts_on_a_terminal(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'                        // soft hyphen
            | '\u{61c}'                     // Arabic letter mark
            | '\u{180e}'                    // Mongolian vowel separator
            | '\u{200b}'                    // zero width space; joiners are left to the scripts that need them
            | '\u{200e}' | '\u{200f}'       // left-to-right, right-to-left mark
            | '\u{2028}' | '\u{2029}'       // line and paragraph separator
            | '\u{202a}'..='\u{202e}'       // embeddings and overrides
            | '\u{2060}'..='\u{206f}'       // invisible operators, isolates
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'       // interlinear annotation
            | '\u{e0000}'..='\u{e007f}'     // tags
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "",
            "restart web",
            "Größe 日本語 🙂",
            r"CORP\alice",
            "می\u{200c}خواهم",
        ] {
            assert_eq!(escape(text), text);
            assert_eq!(escape_json(text), text);
        }
    }

    #[test]
    fn what_a_terminal_acts_on_becomes_visible() {
        for (text, shown) in [
            ("a\nb", r"a\nb"),
            ("a\r\tb", r"a\r\tb"),
            ("\u{1b}[2J", r"\u{1b}[2J"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("\u{7f}\0\u{7}", r"\u{7f}\u{0}\u{7}"),
            ("\u{202e}evil", r"\u{202e}evil"),
            ("\u{2066}x\u{2069}", r"\u{2066}x\u{2069}"),
            ("a\u{2028}b", r"a\u{2028}b"),
            ("\u{e0041}", r"\u{e0041}"),
        ] {
            assert_eq!(escape(text), shown);
        }
    }

    #[test]
    fn nothing_that_is_escaped_needs_escaping_again() {
        let every: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let shown = escape(&every);
        assert!(!shown.chars().any(acts_on_a_terminal));
        assert_eq!(escape(&shown), shown);
    }

    #[test]
    fn json_means_the_same_after_escaping() {
        let every: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let raw = serde_json::to_string_pretty(&serde_json::json!({ "reason": every }))
            .expect("strings serialize");
        let shown = escape_json(&raw);
        assert!(!shown.chars().any(|c| c != '\n' && acts_on_a_terminal(c)));
        let back: serde_json::Value = serde_json::from_str(&shown).expect("still JSON");
        assert_eq!(back["reason"], every);
    }

    #[test]
    fn toml_means_the_same_after_escaping() {
        let every: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let mut table = toml::Table::new();
        table.insert("reason".to_owned(), toml::Value::String(every.clone()));
        let shown = escape_toml(&table.to_string());
        assert!(!shown.chars().any(|c| c != '\n' && acts_on_a_terminal(c)));
        let back: toml::Table = toml::from_str(&shown).expect("still TOML");
        assert_eq!(back["reason"].as_str(), Some(every.as_str()));
    }
}
