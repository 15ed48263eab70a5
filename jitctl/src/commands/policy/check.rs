//! `policy check`: what is wrong with the files, without jitd.

use std::path::Path;

use jitd_policy::file::{self, Loaded, PolicyError, Trust};
use jitd_policy::sudoers::{self, Dialect};
use nix::unistd::Group;
use serde::Serialize;

use super::{POLICY, counted, mistakes};
use crate::cli::Check;
use crate::error::Failure;
use crate::output::escape::escape;
use crate::output::{self, json};

pub(super) fn run(options: &Check) -> Result<(), Failure> {
    let findings = match &options.path {
        Some(path) => look(path, Trust::Anyones, |_| true),
        None => look(Path::new(POLICY), Trust::Roots, is_on_this_host),
    };
    if findings.understood && sudoers::checkers().is_empty() {
        output::tell(
            "note: there is no visudo on this host, so that what sudo makes of the commands was not looked at",
        );
    }
    if options.json {
        output::print(&findings.json()?)?;
        return if findings.errors.is_empty() {
            Ok(())
        } else {
            Err(Failure::told())
        };
    }
    for warning in &findings.warnings {
        output::tell(&escape(&format!("warning: {warning}")));
    }
    if !findings.errors.is_empty() {
        return Err(mistakes(&findings.errors));
    }
    let path = options.path.as_deref().unwrap_or(Path::new(POLICY));
    output::print(&escape(&format!(
        "{}: {}, no mistakes.",
        path.display(),
        counted(findings.roles, "role")
    )))
}

/// What there is to say about a policy.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Whether the files could be read as a policy.
    understood: bool,
    roles: usize,
    pub(crate) errors: Vec<PolicyError>,
    pub(crate) warnings: Vec<PolicyError>,
}

/// `exists` knows the groups of the host.
pub(crate) fn look(path: &Path, trust: Trust, exists: impl Fn(&str) -> bool) -> Findings {
    let loaded = match file::load(path, trust) {
        Ok(loaded) => loaded,
        Err(errors) => {
            return Findings {
                errors,
                ..Findings::default()
            };
        }
    };
    let mut errors = file::unknown_groups(&loaded, exists);
    errors.extend(sudoers::refused(&loaded.policy));
    let Loaded {
        policy,
        mut warnings,
        ..
    } = loaded;
    warnings.extend(sudoers::unrecorded(&policy, Dialect::of_host()));
    Findings {
        understood: true,
        roles: policy.roles.len(),
        errors,
        warnings,
    }
}

/// A directory that does not answer says nothing against a name.
pub(crate) fn is_on_this_host(group: &str) -> bool {
    !matches!(Group::from_name(group), Ok(None))
}

#[derive(Serialize)]
struct FindingsOut<'a> {
    valid: bool,
    errors: Vec<ErrorOut<'a>>,
    warnings: Vec<ErrorOut<'a>>,
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    key: Option<&'a str>,
    message: &'a str,
}

impl Findings {
    fn json(&self) -> Result<String, Failure> {
        json::document(&FindingsOut {
            valid: self.errors.is_empty(),
            errors: self.errors.iter().map(ErrorOut::from).collect(),
            warnings: self.warnings.iter().map(ErrorOut::from).collect(),
        })
    }
}

impl<'a> From<&'a PolicyError> for ErrorOut<'a> {
    fn from(error: &'a PolicyError) -> Self {
        Self {
            file: &error.file,
            line: error.place.map(|(line, _)| line),
            column: error.place.map(|(_, column)| column),
            key: json::present(&error.key),
            message: &error.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    const POLICY: &str = r#"
        [role.shell]
        services = ["su"]
        eligible = { groups = ["contractors"] }
        approvers = { groups = ["jit-approvers"] }
    "#;

    fn folder(mode: u32) -> TempDir {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("jitd.toml");
        fs::write(&file, POLICY).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    #[test]
    fn the_hosts_policy_must_be_roots_and_its_groups_be_there() {
        let folder = folder(0o644);
        let found = look(folder.path(), Trust::Roots, |group| group == "contractors");
        assert_eq!(found.roles, 1);
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        assert!(
            errors[0].contains("there is no group jit-approvers on this host"),
            "{errors:#?}"
        );
        assert_eq!(look(folder.path(), Trust::Roots, |_| true).errors, []);
    }

    #[test]
    fn a_file_that_others_can_write_is_no_policy_of_the_host() {
        let folder = folder(0o666);
        let found = look(folder.path(), Trust::Roots, |_| true);
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        assert!(errors[0].contains("chmod go-w"), "{errors:#?}");
        assert_eq!(look(folder.path(), Trust::Anyones, |_| true).errors, []);
    }

    #[test]
    fn this_host_has_root() {
        assert!(is_on_this_host("root"));
        assert!(!is_on_this_host("no-such-group-here"));
    }
}
