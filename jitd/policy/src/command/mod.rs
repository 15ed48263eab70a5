//! Whether a role's commands give what sudo was asked for: a second judgement beside sudo's own.
//!
//! sudo looks at its rules when it is started; this is asked later, and of the roles that are held
//! then. It goes by the same words: what a command line asks for ([`invocation`]), and what the
//! commands of a role give ([`pattern`], [`target`]), as sudoers(5) has it. What can't be
//! understood is not given.
//!
//! Where sudo looks at the host, so must this: [`Files`] is the host as the asking process sees it.

pub mod invocation;

mod getopt;
mod glob;
mod pattern;
mod regular;
mod target;

#[cfg(test)]
mod tests;

use crate::domain::policy::Role;
use pattern::Pattern;

pub use invocation::{Asked, Reader, Unclear, What, asked};
pub(crate) use pattern::parts;
pub use regular::check as check_regular;
pub use target::Target;

/// A file by what it is, and not by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileId {
    /// The device.
    pub device: u64,
    /// The number on it.
    pub inode: u64,
}

/// The host, as whoever asks sees it.
pub trait Files {
    /// The file that an absolute path leads to; none where it leads to none.
    fn id(&self, path: &[u8]) -> Option<FileId>;
}

/// What is to be run, as sudo resolved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A program, by an absolute path. Where sudo could have found one or another, all of these.
    Program {
        /// The paths.
        paths: Vec<Vec<u8>>,
        /// The arguments, a blank between two of them; none without any.
        arguments: Option<Vec<u8>>,
    },
    /// Files are edited.
    Edit(Vec<u8>),
}

/// Whether a role gives a command.
#[must_use]
pub fn gives(role: &Role, command: &Command, target: &Target, files: &impl Files) -> bool {
    if !target.is_given(&role.run_as, &role.run_as_groups) {
        return false;
    }
    let patterns: Vec<_> = role
        .commands
        .iter()
        .map(|text| Pattern::new(text))
        .collect();
    match command {
        Command::Program { paths, arguments } => {
            let is_given = |path: &Vec<u8>| {
                let mut patterns = patterns.iter();
                patterns.any(|pattern| pattern.gives(path, arguments.as_deref(), files))
            };
            !paths.is_empty() && paths.iter().all(is_given)
        }
        Command::Edit(names) => patterns.iter().any(|pattern| pattern.gives_to_edit(names)),
    }
}

/// Arguments as sudo compares them: a blank between two of them; none without any.
#[must_use]
pub fn joined(arguments: &[Vec<u8>]) -> Option<Vec<u8>> {
    (!arguments.is_empty()).then(|| arguments.join(&b' '))
}

/// The arguments of a shell that runs these words (`-s`, `-i`): sudo escapes what could mean
/// something to the shell, and for the comparison takes that back but before white space.
#[must_use]
pub fn of_shell(words: &[Vec<u8>]) -> Option<Vec<u8>> {
    if words.is_empty() {
        return None;
    }
    let escape = |byte: &u8| match *byte {
        plain if plain.is_ascii_alphanumeric() || b"_-$".contains(&plain) => vec![plain],
        other => vec![b'\\', other],
    };
    let words: Vec<Vec<u8>> = words
        .iter()
        .map(|word| word.iter().flat_map(escape).collect())
        .collect();
    let line = words.join(&b' ');
    let mut compared = b"-c ".to_vec();
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let is_space = |next: &u8| next.is_ascii_whitespace() || *next == 0x0b;
        let bare = byte == b'\\' && bytes.peek().is_some_and(|next| !is_space(next));
        let taken = if bare { bytes.next() } else { None };
        compared.push(taken.unwrap_or(byte));
    }
    Some(compared)
}
