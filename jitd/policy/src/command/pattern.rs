//! One command of a role, as it is written in a sudoers file.

use super::glob::{Dots, matches, matches_path};
use super::{Files, regular};

/// What sudo takes for itself in a path, where a backslash is before it.
const SPECIAL_IN_PATH: &[u8] = b",:= \t#";
/// The same in arguments. A backslash before others stays, for the comparison.
const SPECIAL_IN_ARGUMENTS: &[u8] = b":\\,= \t#";

/// A command that is given.
#[derive(Debug)]
pub(super) enum Pattern {
    All,
    /// To edit files.
    Edit(Arguments),
    Program(Vec<u8>, Arguments),
}

#[derive(Debug)]
pub(super) enum Arguments {
    /// Any.
    Any,
    /// None at all.
    None,
    Glob(Vec<u8>),
    /// One that can't be judged by matches nothing.
    Regular(Option<regex::bytes::Regex>),
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        if text == "ALL" {
            return Self::All;
        }
        let (path, arguments) = parts(text);
        let arguments = Arguments::new(arguments);
        if path == "sudoedit" {
            return Self::Edit(arguments);
        }
        Self::Program(unescaped(path.as_bytes(), SPECIAL_IN_PATH), arguments)
    }

    /// Whether it gives a program by this path, with these arguments.
    pub(super) fn gives(&self, path: &[u8], arguments: Option<&[u8]>, files: &impl Files) -> bool {
        match self {
            Self::All => true,
            Self::Edit(_) => false,
            Self::Program(given, wanted) => wanted.take(arguments) && is_given(given, path, files),
        }
    }

    /// Whether it gives these files to be edited.
    pub(super) fn gives_to_edit(&self, names: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Edit(Arguments::Glob(given)) => matches_path(given, names, Dots::Any),
            Self::Edit(given) => given.take(Some(names)),
            Self::Program(..) => false,
        }
    }
}

impl Arguments {
    fn new(text: &str) -> Self {
        match text {
            "" => Self::Any,
            "\"\"" => Self::None,
            pattern if pattern.starts_with('^') => {
                Self::Regular(regular::compile(pattern.as_bytes()).ok())
            }
            pattern => Self::Glob(unescaped(&single_spaced(pattern), SPECIAL_IN_ARGUMENTS)),
        }
    }

    fn take(&self, arguments: Option<&[u8]>) -> bool {
        let text = arguments.unwrap_or_default();
        match self {
            Self::Any => true,
            Self::None => arguments.is_none(),
            Self::Glob(given) => matches(given, text),
            Self::Regular(given) => given.as_ref().is_some_and(|given| given.is_match(text)),
        }
    }
}

/// The path and the arguments of a command; these are empty where there are none.
pub(crate) fn parts(command: &str) -> (&str, &str) {
    let mut escaped = false;
    for (place, c) in command.char_indices() {
        if c == ' ' && !escaped {
            return (&command[..place], command[place..].trim_start_matches(' '));
        }
        escaped = c == '\\' && !escaped;
    }
    (command, "")
}

/// Without the backslashes before these.
fn unescaped(text: &[u8], special: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter().copied().peekable();
    let mut bare = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            bare.push(byte);
            continue;
        }
        match bytes.next() {
            Some(next) if special.contains(&next) => bare.push(next),
            next => {
                bare.push(byte);
                bare.extend(next);
            }
        }
    }
    bare
}

/// Several blanks are one, but for escaped ones.
fn single_spaced(text: &str) -> Vec<u8> {
    let mut spaced = Vec::new();
    let mut escaped = false;
    for byte in text.bytes() {
        let is_more = byte == b' ' && !escaped && spaced.last() == Some(&b' ');
        if !is_more {
            spaced.push(byte);
        }
        escaped = byte == b'\\' && !escaped;
    }
    spaced
}

/// Whether what sudoers has as a path means the program at this one. As sudo does: by the last part
/// of its name, and then by what it is, so that /bin/id is /usr/bin/id.
fn is_given(given: &[u8], path: &[u8], files: &impl Files) -> bool {
    let (given_folder, given_name) = split(given);
    let (_, name) = split(path);
    if name.is_empty() {
        return false;
    }
    let is_there = |folder: &[u8], name: &[u8]| {
        let other = files.id(&[folder, name].concat());
        other.is_some() && other == files.id(path)
    };
    match (has_wildcards(given_folder), has_wildcards(given_name)) {
        (false, _) if given_name.is_empty() => is_there(given_folder, name),
        (false, false) if given_name == name => match (files.id(given), files.id(path)) {
            (Some(one), Some(other)) => one == other,
            _ => given == path,
        },
        (false, false) => false,
        (false, true) => {
            matches_path(given_name, name, Dots::Alone) && is_there(given_folder, name)
        }
        (true, _) => spellings(path, files).iter().any(|spelling| {
            let (folder, name) = split(spelling);
            if given_name.is_empty() {
                matches_path(given_folder, folder, Dots::Alone)
            } else {
                let whole = [folder, name].concat();
                matches_path(given, &whole, Dots::Alone)
            }
        }),
    }
}

/// The folder, with its slash, and the name in it.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    path.split_at(slash.map_or(0, |at| at + 1))
}

fn has_wildcards(text: &[u8]) -> bool {
    text.iter().any(|byte| b"\\?*[]".contains(byte))
}

/// How a path is written that leads to the same file: with and without /usr, where it has one.
fn spellings(path: &[u8], files: &impl Files) -> Vec<Vec<u8>> {
    let Some(file) = files.id(path) else {
        return Vec::new();
    };
    // Nobody knows where it leads.
    if path.split(|byte| *byte == b'/').any(|part| part == b"..") {
        return Vec::new();
    }
    let short = path.strip_prefix(b"/usr").map(<[u8]>::to_vec);
    let long = [b"/usr".as_slice(), path].concat();
    let others = [short, Some(long)].into_iter().flatten();
    let same = others.filter(|other| files.id(other) == Some(file));
    std::iter::once(path.to_vec()).chain(same).collect()
}
