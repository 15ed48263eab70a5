//! The Debian releases that scenes run on.

use std::fmt;

/// A Debian release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Release {
    /// Debian 12.
    Bookworm,
    /// Debian 13; it has sudo-rs beside sudo.
    Trixie,
}

impl Release {
    /// Both, for tests that run the same scene on each.
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];

    /// The code name, as debootstrap takes it.
    pub fn codename(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// The Debian packages of the root, beyond debootstrap's minimum. Machines
    /// have no mirror to reach: what our package depends on must be here.
    pub(crate) fn packages(self) -> Vec<&'static str> {
        let mut packages = vec![
            "systemd",
            "systemd-sysv",
            "dbus",
            "libpam-systemd",
            "sudo",
            "openssh-server",
            "openssh-client",
            "rsyslog",
            "procps",
            "psmisc",
            "iproute2",
            "passwd",
            "login",
            "strace",
            "man-db",
            "jq",
            "less",
        ];
        if self == Self::Trixie {
            packages.push("sudo-rs");
        }
        packages
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.codename())
    }
}
