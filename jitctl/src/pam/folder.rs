//! Where libpam looks for a service's file.

use std::collections::{BTreeMap, BTreeSet};

/// Where services are configured, below the root.
pub const PAM_DIR: &str = "etc/pam.d";
/// Where a distribution keeps those that nobody has changed.
pub const VENDOR_DIR: &str = "usr/lib/pam.d";
/// The service that stands in for what others do not say.
pub const OTHER: &str = "other";

/// Whose libpam it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavour {
    /// Debian's knows `@include`, and looks for what is included in /etc/pam.d alone.
    #[default]
    Debian,
    /// Everybody else's looks for it in the vendor's folder too.
    Upstream,
}

/// What is on a host, as far as PAM and sudo's front end go. Paths are below the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// Path → content, that of a symbolic link being what it leads to.
    pub contents: BTreeMap<String, Vec<u8>>,
    /// Symbolic links → what they lead to in the end.
    pub links: BTreeMap<String, String>,
    /// Those that whoever asks may not read.
    pub closed: BTreeSet<String>,
    /// Whose libpam reads them.
    pub flavour: Flavour,
}

impl Files {
    /// The content of a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.contents.get(path).map(Vec::as_slice)
    }

    /// Another content for a file, and for all links to it; none: the file goes.
    pub fn set(&mut self, path: &str, content: Option<&[u8]>) {
        let same = |(link, target): (&String, &String)| (target == path).then(|| link.clone());
        let mut paths: Vec<_> = self.links.iter().filter_map(same).collect();
        paths.push(path.to_owned());
        for path in paths {
            match content {
                Some(content) => self.contents.insert(path, content.to_vec()),
                None => self.contents.remove(&path),
            };
        }
    }

    /// The file of a service: /etc before the vendor's.
    #[must_use]
    pub fn of_service(&self, service: &str) -> Option<String> {
        let candidates = [PAM_DIR, VENDOR_DIR].map(|folder| format!("{folder}/{service}"));
        candidates.into_iter().find(|path| self.is_there(path))
    }

    /// The file that an including line means.
    #[must_use]
    pub fn included(&self, target: &str) -> Option<String> {
        if let Some(absolute) = target.strip_prefix('/') {
            return self.is_there(absolute).then(|| absolute.to_owned());
        }
        match self.flavour {
            Flavour::Upstream => self.of_service(target),
            Flavour::Debian => {
                Some(format!("{PAM_DIR}/{target}")).filter(|path| self.is_there(path))
            }
        }
    }

    fn is_there(&self, path: &str) -> bool {
        self.contents.contains_key(path) || self.closed.contains(path)
    }
}

/// The path of a service that an administrator has configured.
#[must_use]
pub fn pam_path(service: &str) -> String {
    format!("{PAM_DIR}/{service}")
}

/// libpam takes what comes after the last slash of a service's name, in small letters.
#[must_use]
pub fn service_name(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase()
}
