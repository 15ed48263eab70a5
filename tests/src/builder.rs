//! Setting the scene of a machine.

use crate::container::Container;
use crate::layer;
use crate::machine::Machine;
use crate::quote::quote;
use crate::release::Release;
use crate::wait::LIMIT;

const POLICY: &str = "/etc/jitd/jitd.toml";

/// What a machine shall be when it has booted. Made by [`Machine::builder`].
#[must_use = "a scene comes to life with .boot()"]
#[derive(Clone, Debug)]
pub struct MachineBuilder {
    release: Release,
    packages: Vec<&'static str>,
    software: Software,
    users: Vec<(String, Vec<String>)>,
    passwords: Vec<(String, String)>,
    files: Vec<File>,
    sudo: Sudo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Software {
    /// Debian as it comes.
    Plain,
    /// Our package installed, nothing else done.
    Installed,
    /// Installed, and `jitctl setup` run as an admin would.
    SetUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sudo {
    Classic,
    Rs,
}

#[derive(Clone, Debug)]
struct File {
    path: String,
    mode: u32,
    content: String,
}

impl MachineBuilder {
    pub(crate) fn new(release: Release) -> Self {
        Self {
            release,
            packages: Vec::new(),
            software: Software::SetUp,
            users: Vec::new(),
            passwords: Vec::new(),
            files: Vec::new(),
            sudo: Sudo::Classic,
        }
    }

    /// A Debian package beyond what every machine has. The first machine with
    /// it takes minutes: it gets a root of its own.
    pub fn package(mut self, name: &'static str) -> Self {
        self.packages.push(name);
        self
    }

    /// A user with a home, bash, no password, and a key for ssh.
    pub fn user(self, name: &str) -> Self {
        self.user_in(name, &[])
    }

    /// The same, in `groups`; missing ones are made.
    pub fn user_in(mut self, name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        self.users.push((name.to_owned(), groups));
        self
    }

    /// Gives `user` (or root) a password.
    pub fn password(mut self, user: &str, password: &str) -> Self {
        self.passwords.push((user.to_owned(), password.to_owned()));
        self
    }

    /// A file of root's, with its folders.
    pub fn file(mut self, path: &str, mode: u32, content: &str) -> Self {
        self.files.push(File {
            path: path.to_owned(),
            mode,
            content: content.to_owned(),
        });
        self
    }

    /// The policy that jitd starts with.
    pub fn policy(self, toml: &str) -> Self {
        self.file(POLICY, 0o644, toml)
    }

    /// Makes `sudo` mean sudo-rs, as an admin does on Debian 13: the packaged
    /// name is `sudo-rs`, and `/usr/local/bin` comes first in everyone's path.
    pub fn sudo_rs(mut self) -> Self {
        self.sudo = Sudo::Rs;
        self
    }

    /// A machine without our package: the control.
    pub fn plain(mut self) -> Self {
        self.software = Software::Plain;
        self
    }

    /// Leaves out `jitctl setup`: our package is installed, sudo and su do not
    /// know of it.
    pub fn no_setup(mut self) -> Self {
        self.software = Software::Installed;
        self
    }

    /// Boots it and sets the scene.
    #[track_caller]
    pub fn boot(self) -> Machine {
        let container = Container::boot(match self.software {
            Software::Plain => layer::plain(self.release, &self.packages),
            Software::Installed | Software::SetUp => {
                layer::with_package(self.release, &self.packages)
            }
        });
        self.put_files(&container);
        let script = self.script();
        let machine = Machine::new(self.release, container);
        if !script.is_empty() {
            machine.run(&format!("set -e\n{script}")).ok();
        }
        machine
    }

    #[track_caller]
    fn put_files(&self, container: &Container) {
        for file in &self.files {
            let script = format!(
                "install -D --mode={:o} /dev/stdin {}",
                file.mode,
                quote(&file.path)
            );
            container
                .try_run(&script, &file.content, LIMIT)
                .unwrap_or_else(|problem| panic!("{problem}"))
                .ok();
        }
    }

    /// All the commands of the scene, for one visit to the machine.
    fn script(&self) -> String {
        let mut lines = Vec::new();
        for (name, groups) in &self.users {
            for group in groups {
                lines.push(format!("groupadd --force {}", quote(group)));
            }
            lines.push(format!(
                "useradd --create-home --shell /bin/bash --groups {} {}",
                quote(&groups.join(",")),
                quote(name)
            ));
        }
        for (user, password) in &self.passwords {
            let entry = quote(&format!("{user}:{password}"));
            lines.push(format!("printf '%s\\n' {entry} | chpasswd"));
        }
        if self.sudo == Sudo::Rs {
            lines.push("ln -s /usr/bin/sudo-rs /usr/local/bin/sudo".to_owned());
        }
        if self.software != Software::Plain && self.files.iter().any(|file| file.path == POLICY) {
            lines.push("systemctl restart jitd.service".to_owned());
        }
        if self.software == Software::SetUp {
            lines.push("jitctl setup --yes".to_owned());
        }
        lines.join("\n")
    }
}
