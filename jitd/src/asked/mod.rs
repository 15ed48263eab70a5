//! What a process has asked sudo for, as far as the host can tell: its words, and what they mean
//! where it is.
//!
//! | room | |
//! |---|---|
//! | `process` | what /proc says of the process |
//! | `files` | files as it sees them |
//! | `search` | where sudo looks for a program |
//! | `settings` | what sudo's own files say of that |
//!
//! Everything here can wait, for the file systems of whoever asks and for the account directory:
//! not for the thread that answers others.
#![forbid(unsafe_code)]

mod files;
mod process;
mod search;
mod settings;

use std::io;

use jitd_policy::command::{self, Asked, Command, Target, What, gives, joined, of_shell};
use nix::unistd::{Group, Uid, User, getgrouplist};

use crate::domain::policy::Role;
pub use files::Root;
use process::Process;

/// Why nobody can say what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// The process does not show it.
    #[error("what it asks for can't be seen ({0})")]
    Unseen(#[from] io::Error),
    /// Its words mean nothing, or more than one thing.
    #[error("{0}: write the options before the command, each by its usual name")]
    Unclear(#[from] command::Unclear),
    /// No such account.
    #[error("there is no such user")]
    NoSuchUser,
    /// No such group.
    #[error("there is no such group")]
    NoSuchGroup,
}

/// What was asked for.
#[derive(Debug)]
pub struct Request {
    command: Command,
    /// As whom; all of these, where only sudo knows.
    targets: Vec<Target>,
    root: Root,
}

impl Request {
    /// Whether a role gives it.
    #[must_use]
    pub fn is_given_by(&self, role: &Role) -> bool {
        let mut targets = self.targets.iter();
        targets.all(|target| gives(role, &self.command, target, &self.root))
    }
}

/// Whether a process runs sudo, or is one by its name.
#[must_use]
pub fn is_sudo(pid: u32, service: &str) -> bool {
    matches!(service, "sudo" | "sudo-i") || Process(pid).runs_sudo()
}

/// What a process of this account asks sudo for; nothing where that runs nothing.
///
/// # Errors
/// Nobody can say.
pub fn look(pid: u32, uid: u32) -> Result<Option<Request>, Unknown> {
    let process = Process(pid);
    let (what, user, group) = match command::asked(&process.words()?, process.reader())? {
        Asked::Nothing => return Ok(None),
        Asked::Run { what, user, group } => (what, user, group),
    };
    let asker = Uid::from_raw(uid);
    let targets = match &user {
        Some(user) => vec![by_name(&text(user), true)?],
        None if group.is_some() => vec![by_uid(asker)?],
        None => {
            let names = settings::run_as_default();
            let accounts = names.iter().map(|name| by_name(name, false));
            accounts.collect::<Result<_, _>>()?
        }
    };
    let group = group.map(|group| group_named(&text(&group))).transpose()?;
    let root = process.root()?;
    let command = match what {
        What::Edit(names) => Command::Edit(joined(&names).unwrap_or_default()),
        What::Program(name, arguments) => Command::Program {
            paths: search::program(process, &root, &name)?,
            arguments: joined(&arguments),
        },
        What::Shell { login, words } => Command::Program {
            paths: shells(process, &root, login, asker, &targets)?,
            arguments: of_shell(&words),
        },
    };
    let targets = targets.into_iter().map(|account| Target {
        groups: groups_of(&account),
        uid: account.uid.as_raw(),
        user: account.name,
        user_said: user.is_some(),
        is_asker: account.uid == asker,
        group: group.clone(),
    });
    Ok(Some(Request {
        command,
        targets: targets.collect(),
        root,
    }))
}

/// The shell that `-i` or `-s` runs.
fn shells(
    process: Process,
    root: &Root,
    login: bool,
    asker: Uid,
    targets: &[User],
) -> Result<Vec<Vec<u8>>, Unknown> {
    let shell_of = |account: &User| account.shell.clone().into_os_string().into_encoded_bytes();
    let names = if login {
        targets.iter().map(shell_of).collect()
    } else {
        let own = process.variable("SHELL")?.filter(|shell| !shell.is_empty());
        match own {
            Some(shell) => vec![shell],
            None => vec![shell_of(&by_uid(asker)?)],
        }
    };
    let mut paths = Vec::new();
    for name in names {
        // As of an account that names none (passwd(5)).
        let name = if name.is_empty() {
            b"/bin/sh".to_vec()
        } else {
            name
        };
        paths.extend(search::program(process, root, &name)?);
    }
    Ok(paths)
}

/// By its name, or, as sudo lets people say it, by its number after a `#`.
fn by_name(name: &str, may_be_number: bool) -> Result<User, Unknown> {
    let number = name.strip_prefix('#').filter(|_| may_be_number);
    match number.map(str::parse) {
        Some(Ok(uid)) => by_uid(Uid::from_raw(uid)),
        Some(Err(_)) => Err(Unknown::NoSuchUser),
        None => found(User::from_name(name)),
    }
}

fn by_uid(uid: Uid) -> Result<User, Unknown> {
    found(User::from_uid(uid))
}

fn found(user: nix::Result<Option<User>>) -> Result<User, Unknown> {
    user.map_err(io::Error::from)?.ok_or(Unknown::NoSuchUser)
}

fn group_named(name: &str) -> Result<String, Unknown> {
    let group = match name.strip_prefix('#').map(str::parse) {
        Some(Ok(gid)) => Group::from_gid(nix::unistd::Gid::from_raw(gid)),
        Some(Err(_)) => return Err(Unknown::NoSuchGroup),
        None => Group::from_name(name),
    };
    let group = group.map_err(io::Error::from)?;
    group.map(|group| group.name).ok_or(Unknown::NoSuchGroup)
}

/// What can't be looked up gives nothing.
fn groups_of(account: &User) -> Vec<String> {
    let Ok(name) = std::ffi::CString::new(account.name.as_str()) else {
        return Vec::new();
    };
    let gids = getgrouplist(&name, account.gid).unwrap_or_default();
    let groups = gids.into_iter().map(Group::from_gid);
    let known = groups.filter_map(|group| group.ok().flatten());
    known.map(|group| group.name).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
