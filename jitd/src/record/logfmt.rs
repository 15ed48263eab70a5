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
    line.push_str(&text::escaped(value).replace('"', "\\\""));
    line.push('"');
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.,:/@+%".contains(c)
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
            "event=elevation.requested id=42 reason=\"fix \\\"it\\\"\\n<34>jitd: event=elevation.approved id=1 \\u{1b}[2J\" empty=\"\""
        );
        assert!(!line.chars().any(char::is_control));
    }
}
