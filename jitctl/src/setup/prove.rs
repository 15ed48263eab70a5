//! Proof that sudo and su work: the module where libpam looks, and one run of each as root.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

const MODULE: &str = "pam_jit.so";
/// A module that every libpam brings: where it is, libpam looks.
const NEIGHBOUR: &str = "pam_permit.so";
/// The module's own deadline is 10 s; a busy host may take a few more.
const DEADLINE: Duration = Duration::from_secs(15);

/// A command that must succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// A check that failed, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{command}` {how}")]
pub struct Disproved {
    /// The command line.
    pub command: String,
    /// What it did instead of succeeding.
    pub how: String,
}

impl Check {
    /// The command line as one would type it.
    #[must_use]
    pub fn command(&self) -> String {
        format!("{} {}", self.program.display(), self.arguments.join(" "))
    }

    /// Runs it, without input and with an empty environment, for at most 15 s.
    ///
    /// # Errors
    /// [`Disproved`], with the last line it printed.
    pub async fn run(&self) -> Result<(), Disproved> {
        self.run_for(DEADLINE).await
    }

    /// As [`Check::run`], with another deadline.
    ///
    /// # Errors
    /// As [`Check::run`].
    pub async fn run_for(&self, deadline: Duration) -> Result<(), Disproved> {
        let running = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let how = match tokio::time::timeout(deadline, running).await {
            Ok(Ok(output)) if output.status.success() => return Ok(()),
            Ok(Ok(output)) => {
                let said = String::from_utf8_lossy(&output.stderr);
                match said.trim().lines().last() {
                    Some(line) => format!("ended with {}: {line}", output.status),
                    None => format!("ended with {}", output.status),
                }
            }
            Ok(Err(cause)) => format!("did not start: {cause}"),
            Err(_) => format!("did not end within {} s", deadline.as_secs()),
        };
        Err(Disproved {
            command: self.command(),
            how,
        })
    }
}

/// The checks for what this host has: classic sudo or sudo-rs, and su.
#[must_use]
pub fn checks() -> Vec<Check> {
    let first = |candidates: &[&str], arguments: &[&str]| {
        candidates
            .iter()
            .map(PathBuf::from)
            .find(|program| program.is_file())
            .map(|program| Check {
                program,
                arguments: arguments.iter().map(ToString::to_string).collect(),
            })
    };
    [
        first(&["/usr/bin/sudo", "/bin/sudo"], &["-n", "true"]),
        first(&["/usr/bin/sudo-rs"], &["-n", "true"]),
        first(&["/usr/bin/su", "/bin/su"], &["-c", "true", "root"]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether `pam_jit` is where libpam looks for modules.
///
/// # Errors
/// A sentence that names the folders where it was missed.
pub fn module_is_installed(root: &Path) -> Result<(), String> {
    let folders = module_folders(root);
    if folders.iter().any(|folder| folder.join(MODULE).is_file()) {
        return Ok(());
    }
    let names: Vec<_> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    Err(match names.as_slice() {
        [] => "libpam's modules are nowhere to be found on this host".to_owned(),
        names => format!(
            "{MODULE} is not in {}, where libpam looks",
            names.join(" or ")
        ),
    })
}

fn module_folders(root: &Path) -> Vec<PathBuf> {
    let mut candidates = Vec::new();
    for library in ["usr/lib64", "usr/lib", "lib64", "lib"] {
        let library = root.join(library);
        candidates.push(library.join("security"));
        // Debian's multiarch folders, one level deeper.
        let Ok(entries) = library.read_dir() else {
            continue;
        };
        candidates.extend(entries.flatten().map(|entry| entry.path().join("security")));
    }
    let mut folders: Vec<_> = candidates
        .into_iter()
        .filter(|folder| folder.join(NEIGHBOUR).is_file())
        .filter_map(|folder| folder.canonicalize().ok())
        .collect();
    folders.sort();
    folders.dedup();
    folders
}
