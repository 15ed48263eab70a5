//! What /proc says of a process (proc(5)).

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use jitd_policy::command::Reader;

use super::Root;

/// Longest command line and longest environment that are read, in bytes: what the kernel lets a
/// program be started with, where nobody has raised the limit of its stack.
const MOST: u64 = 2 * 1024 * 1024;

/// A process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process(pub(super) u32);

impl Process {
    /// Its command line.
    pub(super) fn words(self) -> io::Result<Vec<Vec<u8>>> {
        self.list("cmdline")
    }

    /// A variable of the environment that it was started with.
    pub(super) fn variable(self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let all = self.list("environ")?;
        let mut values = all.iter().filter_map(|entry| {
            let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(value.to_vec())
        });
        Ok(values.next())
    }

    /// The folder that it is in.
    pub(super) fn folder(self) -> io::Result<Vec<u8>> {
        let folder = fs::read_link(format!("/proc/{}/cwd", self.0))?;
        Ok(folder.as_os_str().as_bytes().to_vec())
    }

    /// Its root.
    pub(super) fn root(self) -> io::Result<Root> {
        Root::open(&format!("/proc/{}/root", self.0))
    }

    /// Whether it runs a program of that name.
    pub(super) fn runs_sudo(self) -> bool {
        let names = ["sudo", "sudo-rs", "sudoedit"];
        let program = self.program();
        program.is_ok_and(|path| names.iter().any(|name| path.ends_with(name)))
    }

    /// Which of the two it is, by where distributions put them: `sudo-rs`, or a folder of cargo's.
    pub(super) fn reader(self) -> Reader {
        let is_rs = |path: PathBuf| {
            let path = path.to_string_lossy().into_owned();
            path.ends_with("-rs") || path.contains("/cargo/")
        };
        if self.program().is_ok_and(is_rs) {
            Reader::SudoRs
        } else {
            Reader::Sudo
        }
    }

    fn program(self) -> io::Result<PathBuf> {
        fs::read_link(format!("/proc/{}/exe", self.0))
    }

    fn list(self, name: &str) -> io::Result<Vec<Vec<u8>>> {
        let mut bytes = Vec::new();
        let file = File::open(format!("/proc/{}/{name}", self.0))?;
        file.take(MOST).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length >= MOST) {
            return Err(io::Error::other(format!("its {name} is too long")));
        }
        // Each ends in a zero.
        bytes.pop();
        let words = bytes.split(|byte| *byte == 0);
        Ok(words.map(<[u8]>::to_vec).collect())
    }
}
