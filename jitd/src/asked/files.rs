//! Files, as a process sees them: below its root, whatever links say.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use jitd_policy::command::{FileId, Files};
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

/// Most links on the way to a file (`path_resolution(7)`).
const MOST_LINKS: u32 = 40;

/// The root of a process.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    /// By a path that leads to it, such as `/proc/PID/root`.
    ///
    /// # Errors
    /// It does not.
    pub fn open(path: &str) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self(open(path, flags, Mode::empty())?))
    }

    /// Whether a path leads to something that can be run.
    pub(super) fn is_program(&self, path: &[u8]) -> bool {
        let can_be_run = |stat: FileStat| is(&stat, SFlag::S_IFREG) && stat.st_mode & 0o111 != 0;
        self.stat(path).is_some_and(can_be_run)
    }

    /// Goes the way itself: the kernel would take a link that begins with a slash to our own root,
    /// and openat2(2), which would not, is kept from whoever may make no set-uid files.
    fn stat(&self, path: &[u8]) -> Option<FileStat> {
        let mut left: VecDeque<Vec<u8>> = parts(path).collect();
        let mut way: Vec<OwnedFd> = Vec::new();
        let mut links = 0;
        while let Some(part) = left.pop_front() {
            if part == b".." {
                way.pop();
                continue;
            }
            let here = way.last().map_or(self.0.as_fd(), AsFd::as_fd);
            let name = OsStr::from_bytes(&part);
            let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let found = openat(here, name, flags, Mode::empty()).ok()?;
            if !is(&fstat(&found).ok()?, SFlag::S_IFLNK) {
                way.push(found);
                continue;
            }
            links += 1;
            let target = readlinkat(here, name).ok()?;
            if links > MOST_LINKS {
                return None;
            }
            if target.as_bytes().starts_with(b"/") {
                way.clear();
            }
            for part in parts(target.as_bytes())
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
            {
                left.push_front(part);
            }
        }
        let end = way.last().map_or(self.0.as_fd(), AsFd::as_fd);
        let stat = fstat(end).ok()?;
        (!path.ends_with(b"/") || is(&stat, SFlag::S_IFDIR)).then_some(stat)
    }
}

impl Files for Root {
    fn id(&self, path: &[u8]) -> Option<FileId> {
        let stat = self.stat(path)?;
        Some(FileId {
            device: stat.st_dev,
            inode: stat.st_ino,
        })
    }
}

fn is(stat: &FileStat, kind: SFlag) -> bool {
    stat.st_mode & SFlag::S_IFMT.bits() == kind.bits()
}

fn parts(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !matches!(*part, b"" | b"."))
        .map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_lead_nowhere_else_than_below_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("usr/bin")).unwrap();
        std::fs::write(at("usr/bin/it"), "").unwrap();
        std::fs::set_permissions(at("usr/bin/it"), std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("usr/bin", at("bin")).unwrap();
        symlink("/usr/bin/it", at("usr/bin/other")).unwrap();
        symlink("../../../../usr/bin/it", at("usr/bin/up")).unwrap();
        symlink("loop", at("loop")).unwrap();
        let root = Root::open(folder.path().to_str().unwrap()).unwrap();
        let inode = std::fs::metadata(at("usr/bin/it")).unwrap().ino();
        for same in [
            "/usr/bin/it",
            "/bin/it",
            "/bin/other",
            "//usr/./bin//up",
            "/bin/../bin/it",
            "/../usr/bin/it",
        ] {
            let id = root.id(same.as_bytes());
            assert_eq!(id.map(|id| id.inode), Some(inode), "{same}");
            assert!(root.is_program(same.as_bytes()), "{same}");
        }
        for none in ["/usr/bin/it/", "/loop", "/usr/bin/gone", "/etc/passwd"] {
            assert_eq!(root.id(none.as_bytes()), None, "{none}");
        }
        assert!(root.id(b"/").is_some() && !root.is_program(b"/usr/bin"));
    }
}
