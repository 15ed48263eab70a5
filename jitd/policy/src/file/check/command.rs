//! Commands in the syntax of sudoers(5), as far as sudo 1.9.13 and later read it alike. visudo has
//! the last word on the rendered file; here a mistake is told with its place.

use crate::command::{check_regular, parts};
use crate::domain::text;

/// What sudo takes for something else, in a path and in arguments, unless a backslash is before it.
const SPECIAL: &str = ",:=#";
/// What may stand after a backslash in arguments; in a path these are all that may.
const ESCAPED_IN_ARGUMENTS: &str = ",:=# \\!*?[]^";
const ESCAPED_IN_PATH: &str = ",:=# ";

/// A command, as it is written in a sudoers file.
pub(super) fn command(command: &str) -> Result<String, String> {
    if command.len() > jitd_api::MAX_TEXT || command.chars().any(text::is_hostile) {
        let start: String = command.chars().take(jitd_api::MAX_NAME).collect();
        return Err(format!(
            "\"{}\" is too long for a command, or has a control character in it",
            text::escaped(&start)
        ));
    }
    if command != "ALL" {
        checked(command).map_err(|wrong| format!("\"{}\"{wrong}", text::escaped(command)))?;
    }
    Ok(command.to_owned())
}

fn checked(command: &str) -> Result<(), String> {
    if command.ends_with(' ') {
        return Err(": it ends in a space".to_owned());
    }
    if command.starts_with('!') {
        let wrong = ": commands cannot be taken away with \"!\": whoever may run others can copy the program under another name (sudoers(5), SECURITY NOTES); list what is allowed";
        return Err(wrong.to_owned());
    }
    if let Some(files) = command.strip_prefix("sudoedit ") {
        if !files.starts_with('/') {
            return Err(": expected the absolute path of a file after sudoedit".to_owned());
        }
        return only(files, SPECIAL, ESCAPED_IN_ARGUMENTS);
    }
    let (path, arguments) = parts(command);
    if !path.starts_with('/') || path.len() == 1 {
        return Err(" is not a command: expected \"ALL\" or an absolute path".to_owned());
    }
    if path.ends_with("/sudoedit") {
        return Err(": sudoedit has no path: expected \"sudoedit /PATH/OF/FILE\"".to_owned());
    }
    if path.ends_with('/') && !arguments.is_empty() {
        return Err(
            ": a folder gives what is in it with any arguments: name the program".to_owned(),
        );
    }
    only(path, SPECIAL, ESCAPED_IN_PATH)?;
    match arguments {
        // Without arguments (sudoers(5)).
        "" | "\"\"" => Ok(()),
        pattern if pattern.starts_with('^') => regular_expression(pattern),
        others => only(others, SPECIAL, ESCAPED_IN_ARGUMENTS),
    }
}

/// Arguments as a regular expression: from `^` to `$`, with no other `$`.
fn regular_expression(pattern: &str) -> Result<(), String> {
    let Some(inner) = pattern.strip_suffix('$') else {
        return Err(
            ": arguments that begin with ^ are a regular expression, and end with $".to_owned(),
        );
    };
    only(inner, ",:=#$", "")?;
    check_regular(pattern).map_err(|why| format!(": {why}"))
}

/// Whether nothing special stands alone, and backslashes only before what may have one; where
/// that is nothing, before anything.
fn only(text: &str, special: &str, escaped: &str) -> Result<(), String> {
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                None => return Err(": it ends in a backslash".to_owned()),
                Some(next) if escaped.is_empty() || escaped.contains(next) => {}
                Some(next) => return Err(format!(": sudo knows no backslash before {next} there")),
            },
            '"' => {
                return Err(
                    ": sudo knows no quotes there, but \"\" alone after a path: without arguments"
                        .to_owned(),
                );
            }
            c if special.contains(c) => return Err(format!(": put a backslash before {c}")),
            _ => {}
        }
    }
    Ok(())
}

/// What is unsafe about a command that sudoers(5) allows.
pub(super) fn doubt(command: &str) -> Option<&'static str> {
    let bare = command.strip_prefix("sudoedit ").unwrap_or(command);
    let (path, arguments) = parts(bare);
    if unescaped(path, "*?[") || path.ends_with('/') {
        return Some(
            "a wildcard in a path, or a folder, gives everything that is or will be there: name each one",
        );
    }
    if arguments.starts_with('^') || !unescaped(arguments, "*") {
        return None;
    }
    Some(if arguments.trim() == "*" {
        "\"*\" allows any arguments, as the command alone would: leave it out, or say which"
    } else {
        "\"*\" in arguments matches spaces and slashes too, so it takes further arguments and \"../\": name each case, or give a script that checks them"
    })
}

/// Whether any of the characters stands in the text without a backslash before it.
fn unescaped(text: &str, special: &str) -> bool {
    let mut escaped = false;
    text.chars().any(|c| {
        let found = !escaped && special.contains(c);
        escaped = c == '\\' && !escaped;
        found
    })
}
