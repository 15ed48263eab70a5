//! One event, one line: `key=value` pairs, values quoted where they need it.

use std::borrow::Cow;

use crate::domain::text;

/// The line, without a newline in it, whatever people wrote.
pub(super) fn line(fields: &[(Cow<'_, str>, Cow<'_, str>)]) -> String {
    let mut line = String::new();
    for (key, value) in fields {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(key);
        line.push('=');
        push_value(&mut line, value);
    }
    line
}

fn push_value(line: &mut String, value: &str) {
    if !value.is_empty() && value.chars().all(is_plain) {
        line.push_str(value);
        return;
    }
    line.push('"');
    for c in value.chars() {
        push_safe(line, c);
    }
    line.push('"');
}

/// As it is, or its bytes as `%XX`. There is then no quote and no backslash between two quotes, so
/// that nobody's parser can take what is quoted for the end of it.
fn push_safe(line: &mut String, c: char) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if !matches!(c, '"' | '\\' | '%') && !text::is_hostile(c) {
        line.push(c);
        return;
    }
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        line.push('%');
        for digit in [byte >> 4, byte & 15] {
            line.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.,:/@+".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_need_it_are_quoted_and_a_line_cannot_be_forged() {
        let fields = [
            ("event".into(), "elevation.requested".into()),
            ("id".into(), "42".into()),
            (
                "reason".into(),
                "fix \"it\"\n<34>jitd: event=elevation.approved id=1 \u{1b}[2J".into(),
            ),
            ("empty".into(), "".into()),
        ];
        let line = line(&fields);
        assert_eq!(
            line,
            "event=elevation.requested id=42 reason=\"fix %22it%22%0A<34>jitd: event=elevation.approved id=1 %1B[2J\" empty=\"\""
        );
        assert!(!line.chars().any(char::is_control));
    }

    /// However a parser takes backslashes, and whatever it takes for the end of a quote.
    #[test]
    fn nothing_within_quotes_is_a_quote_or_a_backslash() {
        let every: String = (1..=0x10_ffff).filter_map(char::from_u32).collect();
        for value in [every.as_str(), "100%", r"CORP\alice", "\""] {
            let line = line(&[("reason".into(), value.into())]);
            let quoted = line
                .strip_prefix("reason=\"")
                .and_then(|rest| rest.strip_suffix('"'))
                .expect("it is quoted");
            assert!(!quoted.contains(['"', '\\']));
            assert!(!quoted.chars().any(text::is_hostile));
            assert_eq!(decoded(quoted), value);
        }
    }

    fn decoded(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, more @ ..] = rest {
            rest = more;
            if *first == b'%' {
                let (digits, more) = more.split_at(2);
                let digits = std::str::from_utf8(digits).expect("digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
                rest = more;
            } else {
                bytes.push(*first);
            }
        }
        String::from_utf8(bytes).expect("UTF-8")
    }
}
