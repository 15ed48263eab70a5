//! What a command line asks sudo for.
//!
//! A process shows its own words, and sudo and sudo-rs read them each in its way.

use super::getopt::{Options, Value, Words};

/// It is not clear what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its command line is not understood")]
pub struct Unclear;

/// What sudo was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Nothing that runs: a list, a password to be remembered or forgotten, help.
    Nothing,
    /// Something that runs.
    Run {
        /// What.
        what: What,
        /// As whom, where that was said.
        user: Option<Vec<u8>>,
        /// With which group, where that was said.
        group: Option<Vec<u8>>,
    },
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A program, by its name or path, with arguments.
    Program(Vec<u8>, Vec<Vec<u8>>),
    /// A shell, which runs these words.
    Shell {
        /// That of whom it runs as (`-i`); else that of whoever asks.
        login: bool,
        /// What it runs; nothing for a shell to type into.
        words: Vec<Vec<u8>>,
    },
    /// Files are edited.
    Edit(Vec<Vec<u8>>),
}

/// Who reads a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// sudo.
    Sudo,
    /// sudo-rs.
    SudoRs,
}

/// What a command line asks for, the program's name first.
///
/// # Errors
/// It is not clear.
pub fn asked(words: &[Vec<u8>], reader: Reader) -> Result<Asked, Unclear> {
    match reader {
        Reader::Sudo => by_sudo(words),
        Reader::SudoRs => by_sudo_rs(words),
    }
}

/// Of `parse_args.c`, 1.9.13 and 1.9.16.
const SUDO: Options = Options {
    short: &[
        ("AbBEeHiKklNnPSsVv", Value::None),
        ("aCcDgpRrTtUu", Value::Required),
        ("h", Value::Optional),
    ],
    long: &LONG,
};
const EDIT: Options = Options {
    short: &[
        ("ABKkNnSV", Value::None),
        ("aCcDgpRrTtu", Value::Required),
        ("h", Value::Optional),
    ],
    long: LONG.split_at(11).1,
};
const LONG: [(&str, Value, char); 32] = [
    ("background", Value::None, 'b'),
    ("preserve-env", Value::Optional, 'E'),
    ("edit", Value::None, 'e'),
    ("set-home", Value::None, 'H'),
    ("login", Value::None, 'i'),
    ("remove-timestamp", Value::None, 'K'),
    ("list", Value::None, 'l'),
    ("preserve-groups", Value::None, 'P'),
    ("shell", Value::None, 's'),
    ("other-user", Value::Required, 'U'),
    ("validate", Value::None, 'v'),
    ("askpass", Value::None, 'A'),
    ("auth-type", Value::Required, 'a'),
    ("bell", Value::None, 'B'),
    ("close-from", Value::Required, 'C'),
    ("login-class", Value::Required, 'c'),
    ("chdir", Value::Required, 'D'),
    ("group", Value::Required, 'g'),
    ("help", Value::None, 'h'),
    ("host", Value::Required, HOST),
    ("reset-timestamp", Value::None, 'k'),
    ("no-update", Value::None, 'N'),
    ("non-interactive", Value::None, 'n'),
    ("prompt", Value::Required, 'p'),
    ("chroot", Value::Required, 'R'),
    ("role", Value::Required, 'r'),
    ("stdin", Value::None, 'S'),
    ("command-timeout", Value::Required, 'T'),
    ("type", Value::Required, 't'),
    ("user", Value::Required, 'u'),
    ("version", Value::None, 'V'),
    // There is a last one without a name.
    ("", Value::None, '\0'),
];
/// No letter means it.
const HOST: char = '@';

/// What the options say.
#[derive(Debug, Default)]
struct Said {
    mode: Option<Mode>,
    login: bool,
    shell: bool,
    forgets: bool,
    user: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Edit,
    /// One of those that run nothing.
    Other(char),
}

fn by_sudo(all: &[Vec<u8>]) -> Result<Asked, Unclear> {
    let mut said = Said::default();
    let name = all.first().ok_or(Unclear)?;
    let name = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    // Some builds take libtool's mark off.
    if name.starts_with(b"lt-") {
        return Err(Unclear);
    }
    let options = if name == b"sudoedit" {
        said.mode = Some(Mode::Edit);
        EDIT
    } else {
        SUDO
    };
    let mut words = Words::new(all);
    loop {
        match words.option(&options).map_err(|()| Unclear)? {
            Some(('h', None)) => said.help(&mut words)?,
            Some((letter, value)) => said.take(letter, value)?,
            None if words.last() != Some(b"--") && words.peek().is_some_and(is_variable) => {
                words.next();
            }
            None => break,
        }
    }
    said.asked(words.rest())
}

/// A variable of the environment may stand among the options.
fn is_variable(word: &[u8]) -> bool {
    !word.starts_with(b"/") && !word.starts_with(b"=") && word.contains(&b'=')
}

impl Said {
    /// `-h` is help, or a host that is said in the next word.
    fn help(&mut self, words: &mut Words<'_>) -> Result<(), Unclear> {
        let is_host = |word: &[u8]| !word.starts_with(b"-") && !is_variable(word);
        if words.last() == Some(b"-h") && words.peek().is_some_and(is_host) {
            words.next();
            return Ok(());
        }
        self.only(Mode::Other('h'))
    }

    fn take(&mut self, letter: char, value: Option<&[u8]>) -> Result<(), Unclear> {
        let value = value.map(<[u8]>::to_vec);
        match letter {
            'e' => return self.only(Mode::Edit),
            'K' | 'l' | 'V' | 'v' => return self.only(Mode::Other(letter)),
            'k' => self.forgets = true,
            'i' => self.login = true,
            's' => self.shell = true,
            'u' | 'g' => {
                let said = if letter == 'u' {
                    &mut self.user
                } else {
                    &mut self.group
                };
                if said.is_some() || value.as_ref().is_none_or(Vec::is_empty) {
                    return Err(Unclear);
                }
                *said = value;
            }
            // Another root has other files.
            'R' | '\0' => return Err(Unclear),
            _ => {}
        }
        Ok(())
    }

    fn only(&mut self, mode: Mode) -> Result<(), Unclear> {
        if self.mode.is_some_and(|other| other != mode) {
            return Err(Unclear);
        }
        self.mode = Some(mode);
        Ok(())
    }

    fn asked(self, rest: &[Vec<u8>]) -> Result<Asked, Unclear> {
        let what = match (self.mode, rest) {
            (Some(Mode::Other(_)), _) => return Ok(Asked::Nothing),
            (Some(Mode::Edit), []) => return Err(Unclear),
            (Some(Mode::Edit), files) => What::Edit(files.to_vec()),
            (None, _) if self.login && self.shell => return Err(Unclear),
            (None, []) if self.forgets && !self.login && !self.shell => return Ok(Asked::Nothing),
            (None, [name, arguments @ ..]) if !self.login && !self.shell => {
                // sudo takes that for sudoedit.
                if name.rsplit(|byte| *byte == b'/').next() == Some(b"sudoedit") {
                    What::Edit(arguments.to_vec())
                } else {
                    What::Program(name.clone(), arguments.to_vec())
                }
            }
            (None, words) => What::Shell {
                login: self.login,
                words: words.to_vec(),
            },
        };
        Ok(Asked::Run {
            what,
            user: self.user,
            group: self.group,
        })
    }
}

/// Of its `cli/mod.rs`, 0.2.5.
fn by_sudo_rs(all: &[Vec<u8>]) -> Result<Asked, Unclear> {
    const WITH_VALUE: [(&[u8], u8); 7] = [
        (b"chdir", b'D'),
        (b"group", b'g'),
        (b"host", b'h'),
        (b"chroot", b'R'),
        (b"other-user", b'U'),
        (b"user", b'u'),
        (b"prompt", b'p'),
    ];
    const WITHOUT: [(&[u8], u8); 15] = [
        (b"bell", b'B'),
        (b"preserve-env", b'E'),
        (b"edit", b'e'),
        (b"set-home", b'H'),
        (b"help", b'?'),
        (b"login", b'i'),
        (b"remove-timestamp", b'K'),
        (b"reset-timestamp", b'k'),
        (b"list", b'l'),
        (b"non-interactive", b'n'),
        (b"stdin", b'S'),
        (b"shell", b's'),
        (b"version", b'V'),
        (b"validate", b'v'),
        (b"background", b'b'),
    ];
    let mut said = Said::default();
    let mut words = all.iter().skip(1);
    let mut rest = Vec::new();
    while let Some(word) = words.next() {
        if word == b"--" {
            rest = words.cloned().collect();
            break;
        }
        if let Some(long) = word.strip_prefix(b"--") {
            let equals = long.iter().position(|byte| *byte == b'=');
            let name = equals.and_then(|at| long.get(..at)).unwrap_or(long);
            if let Some((_, letter)) = WITH_VALUE.iter().find(|(known, _)| *known == name) {
                let joined = equals.and_then(|at| long.get(at + 1..)).map(<[u8]>::to_vec);
                let value = joined.or_else(|| words.next().cloned()).ok_or(Unclear)?;
                said.take_rs(*letter, Some(value))?;
            } else {
                let known = WITHOUT.iter().find(|(known, _)| *known == name);
                let (_, letter) = known.ok_or(Unclear)?;
                if equals.is_some() && *letter != b'E' {
                    return Err(Unclear);
                }
                said.take_rs(*letter, None)?;
            }
        } else if let Some(mut short) = word.strip_prefix(b"-") {
            while let Some((letter, more)) = short.split_first() {
                short = more;
                if WITH_VALUE.iter().any(|(_, known)| known == letter) {
                    let joined = (!more.is_empty()).then(|| more.to_vec());
                    let value = joined.or_else(|| words.next().cloned());
                    said.take_rs(*letter, value)?;
                    break;
                }
                said.take_rs(*letter, None)?;
            }
        } else if is_variable_to_rs(word) {
        } else {
            rest = std::iter::once(word).chain(words).cloned().collect();
            break;
        }
    }
    said.asked_rs(&rest)
}

fn is_variable_to_rs(word: &[u8]) -> bool {
    let mut parts = word.splitn(2, |byte| *byte == b'=');
    let name = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    parts.next().is_some() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

impl Said {
    fn take_rs(&mut self, letter: u8, value: Option<Vec<u8>>) -> Result<(), Unclear> {
        match (letter, value) {
            // Of several, the last one counts.
            (b'u', Some(user)) => self.user = Some(user),
            (b'g', Some(group)) => self.group = Some(group),
            (b'h', None) => self.first(Mode::Other('?')),
            (b'e', None) => self.first(Mode::Edit),
            (b'?' | b'K' | b'l' | b'V' | b'v', None) => {
                self.first(Mode::Other(char::from(letter)));
            }
            (b'k', None) => self.forgets = true,
            (b'i', None) => self.login = true,
            (b's', None) => self.shell = true,
            (b'D' | b'p' | b'U', Some(_)) | (b'B' | b'E' | b'H' | b'n' | b'S' | b'b', None) => {}
            _ => return Err(Unclear),
        }
        Ok(())
    }

    /// Together with others it refuses all of it.
    fn first(&mut self, mode: Mode) {
        self.mode = Some(self.mode.unwrap_or(mode));
    }

    fn asked_rs(self, rest: &[Vec<u8>]) -> Result<Asked, Unclear> {
        // It has no sudoedit of its own in 0.2.5, and takes no shell for nothing.
        if rest.is_empty() && !self.login && !self.shell && !self.forgets && self.mode.is_none() {
            return Err(Unclear);
        }
        self.asked(rest)
    }
}
