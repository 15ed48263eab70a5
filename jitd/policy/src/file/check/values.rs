//! Single values.

use jiff::tz::TimeZone;

use crate::domain::names::GroupName;
use crate::domain::rules::{Backend, OnEnd, Pattern};
use crate::domain::text;
use crate::domain::time::Seconds;

pub(crate) fn duration(text: &str) -> Result<Seconds, String> {
    let shown = text::escaped(text);
    let length = humantime::parse_duration(text).map_err(|_| {
        format!("\"{shown}\" is not a duration: expected one like \"90m\" or \"1h30m\"")
    })?;
    match Seconds(length.as_secs()) {
        Seconds(0) => Err(format!("\"{shown}\" is shorter than a second")),
        length if length > Seconds::LONGEST => Err(format!("\"{shown}\" is longer than a year")),
        _ if length.subsec_nanos() > 0 => Err(format!("\"{shown}\" is not in whole seconds")),
        length => Ok(length),
    }
}

/// How long the record is kept: at least a day, so that what has just happened can be read.
pub(super) fn keep(text: &str) -> Result<Seconds, String> {
    let shown = text::escaped(text);
    let length = humantime::parse_duration(text).map_err(|_| {
        format!("\"{shown}\" is not a duration: expected one like \"90days\" or \"2years\"")
    })?;
    match Seconds(length.as_secs()) {
        Seconds(short) if short < 24 * 3600 => Err(format!("\"{shown}\" is shorter than a day")),
        length if length.0 > 100 * Seconds::LONGEST.0 => {
            Err(format!("\"{shown}\" is longer than a hundred years"))
        }
        length => Ok(length),
    }
}

pub(super) fn pattern(text: &str) -> Result<Pattern, String> {
    if text.chars().any(text::is_hostile) {
        let shown = text::escaped(text);
        return Err(format!(
            "\"{shown}\" has a character in it that nobody sees"
        ));
    }
    Pattern::new(text).map_err(|error| {
        format!(
            "\"{}\" is not a regular expression: {error}",
            text::escaped(text)
        )
    })
}

pub(super) fn on_end(word: &str) -> Result<OnEnd, String> {
    [OnEnd::Terminate, OnEnd::Keep]
        .into_iter()
        .find(|on_end| on_end.as_str() == word)
        .ok_or_else(|| {
            format!(
                "\"{}\" is not known: expected \"terminate\" or \"keep\"",
                text::escaped(word)
            )
        })
}

pub(super) fn backend(word: &str) -> Result<Backend, String> {
    [Backend::Files, Backend::Userdb]
        .into_iter()
        .find(|backend| backend.as_str() == word)
        .ok_or_else(|| {
            format!(
                "\"{}\" is not known: expected \"files\" or \"userdb\"",
                text::escaped(word)
            )
        })
}

pub(super) fn timezone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        format!(
            "\"{}\" is not a time zone: expected one like \"Europe/Berlin\" or \"UTC\"",
            text::escaped(name)
        )
    })
}

/// A name, or a number after `#`. How sudo is told a name is the renderer's to know; what sudo
/// would take for more than one account by itself is no name here.
fn is_account(name: &str) -> bool {
    let special = name.starts_with(['%', '+', '!', '"']) || name == "ALL";
    let number = name.strip_prefix('#');
    let is_number = |number: &str| number.parse::<u32>().is_ok();
    !special && number.map_or_else(|| GroupName::new(name).is_ok(), is_number)
}

/// Whom sudo runs a command as: a user, the members of a group, or everybody.
pub(super) fn run_as_user(name: &str) -> Result<String, String> {
    let bare = name.strip_prefix('%').unwrap_or(name);
    if name == "ALL" || is_account(bare) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "\"{}\" is not a user that sudo can run commands as: expected a name, \"#UID\", \"%group\" or \"ALL\"",
        text::escaped(name)
    ))
}

/// With which group sudo runs a command.
pub(super) fn run_as_group(name: &str) -> Result<String, String> {
    if name == "ALL" || is_account(name) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "\"{}\" is not a group that sudo can run commands with: expected a name, \"#GID\" or \"ALL\"",
        text::escaped(name)
    ))
}
