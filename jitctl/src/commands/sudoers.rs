//! What sudoers says, by the word of sudo's own parser where there is one.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::doctor::sudo;

const PARSER: &str = "/usr/bin/cvtsudoers";
/// A directory that sudoers asks for names may take its time.
const DEADLINE: Duration = Duration::from_secs(20);

/// What `cvtsudoers -f json` says.
pub(crate) enum Sudoers {
    /// A document.
    Parsed(String),
    /// There is no such program: sudo-rs alone, or no sudo.
    NoParser,
    /// It says what is wrong, in a line.
    Wrong(String),
}

/// Asks sudo's parser.
pub(crate) async fn read() -> Sudoers {
    let path = format!("/{}", sudo::SUDOERS);
    let running = Command::new(PARSER)
        .args(["-f", "json", &path])
        .env_clear()
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(DEADLINE, running).await {
        Ok(Ok(output)) if output.status.success() => {
            Sudoers::Parsed(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Sudoers::Wrong(
                said.lines()
                    .next()
                    .unwrap_or("cvtsudoers failed")
                    .to_owned(),
            )
        }
        Ok(Err(_)) => Sudoers::NoParser,
        Err(_) => Sudoers::Wrong(format!("no answer within {} s", DEADLINE.as_secs())),
    }
}

impl Sudoers {
    /// The PAM services that it makes sudo use, and what there is to say about how they were
    /// found.
    pub(crate) fn services(&self, root: &Path) -> (Vec<String>, Option<String>) {
        let why = match self {
            Self::Parsed(document) => match sudo::services(document) {
                Some(services) => return (services, None),
                None => "what cvtsudoers says is no JSON".to_owned(),
            },
            Self::NoParser if !root.join(sudo::SUDOERS).exists() => return (Vec::new(), None),
            Self::NoParser => "there is no cvtsudoers".to_owned(),
            Self::Wrong(why) => why.clone(),
        };
        let found = sudo::services_by_text(root);
        let text = format!("the PAM services in sudoers were looked for in its text alone: {why}");
        // Without sudo's parser there is sudo-rs, which knows no such setting.
        let warning = (!matches!(self, Self::NoParser)).then_some(text);
        (found, warning)
    }
}
