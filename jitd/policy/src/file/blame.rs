//! What serde and the TOML parser complain of, in words that name the key and the way out.

use toml::de::{DeTable, DeValue};

use super::{PolicyError, Source};
use crate::domain::text;

/// How alike two keys must be for one to be meant by the other, from 0 to 1.
const ALIKE: f64 = 0.8;

/// One complaint, with its place and its key.
pub(crate) fn explain(source: &Source, error: &toml::de::Error) -> PolicyError {
    let message = error.message().trim_end().replace('\n', "; ");
    let key = error
        .span()
        .and_then(|span| key_at(&source.text, span.start));
    let (key, message) = match unknown_key(&message) {
        Some((key_alone, message)) => (key.or(Some(key_alone)), message),
        None => (key, plain(source, error, &message)),
    };
    PolicyError::at(
        source,
        error.span(),
        key.as_deref().unwrap_or_default(),
        message,
    )
}

/// serde says: unknown field `x`, expected one of `a`, `b`.
fn unknown_key(message: &str) -> Option<(String, String)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let nearest = known
        .iter()
        .map(|known| (strsim::jaro_winkler(key, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let message = match nearest {
        Some((_, nearest)) => format!("unknown key: did you mean {nearest}?"),
        None => format!("unknown key: expected one of {}", known.join(", ")),
    };
    Some((key.to_owned(), message))
}

/// Other complaints, in the words of this project where theirs help nobody.
fn plain(source: &Source, error: &toml::de::Error, message: &str) -> String {
    if let Some(rest) = message.strip_prefix("missing field `") {
        return format!("the key {} is missing", rest.trim_end_matches('`'));
    }
    if message == "duplicate key" {
        let key = error.span().and_then(|span| source.text.get(span));
        return format!("{} is said twice", text::escaped(key.unwrap_or("a key")));
    }
    // What the parser took a word for, or nothing at all.
    let guessed = ["invalid float, ", "string values must be quoted, "];
    if guessed.iter().any(|guess| message.starts_with(guess)) {
        return "not a value: expected a string in quotes, a number, true or false".to_owned();
    }
    wrong_type(message).unwrap_or_else(|| message.to_owned())
}

/// serde says: invalid type: integer `30`, expected a string.
fn wrong_type(message: &str) -> Option<String> {
    let rest = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))?;
    let (found, expected) = rest.split_once(", expected ")?;
    let expected = match expected {
        "a sequence" => "a list",
        "a map" => "a table",
        "a string" => "a string in quotes",
        "a boolean" => "true or false",
        "usize" => "a whole number, not less than 0",
        other => other,
    };
    let found = match found.split_once(' ') {
        None if found == "map" => "a table".to_owned(),
        None if found == "sequence" => "a list".to_owned(),
        Some(("string", text)) => format!("the string {text}"),
        Some(("boolean", word)) => word.replace('`', ""),
        Some(("integer", number)) => format!("the number {}", number.replace('`', "")),
        Some(("floating", _)) => "a number with a point".to_owned(),
        _ => found.to_owned(),
    };
    Some(format!("expected {expected}, and it is {found}"))
}

/// The path of the key, like `role.deploy.reason`, that stands at a place in a text, or whose
/// value does, as far as the text is TOML.
pub(super) fn key_at(text: &str, offset: usize) -> Option<String> {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut path = Vec::new();
    find(table.get_ref(), offset, &mut path).then(|| path.join("."))
}

/// The deepest key that has the place.
fn find(table: &DeTable<'_>, offset: usize, path: &mut Vec<String>) -> bool {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        let within = match value.get_ref() {
            DeValue::Table(table) => find(table, offset, path),
            DeValue::Array(items) => items.iter().any(|item| match item.get_ref() {
                DeValue::Table(table) => find(table, offset, path),
                _ => false,
            }),
            _ => false,
        };
        if within || key.span().contains(&offset) || value.span().contains(&offset) {
            return true;
        }
        path.pop();
    }
    false
}
