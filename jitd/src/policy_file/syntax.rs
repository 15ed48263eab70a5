//! The keys of a policy file. Unknown ones are errors.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{PolicyError, Source};

/// One policy file, its values not checked yet.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileSyntax {
    pub(super) managed: PeopleSyntax,
    pub(super) defaults: DefaultsSyntax,
    pub(super) role: BTreeMap<Spanned<String>, RoleSyntax>,
    pub(super) audit: AuditSyntax,
}

/// What a file of `roles.d` may have in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RolesFileSyntax {
    #[serde(default)]
    role: BTreeMap<Spanned<String>, RoleSyntax>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PeopleSyntax {
    pub(super) groups: Vec<Spanned<String>>,
    pub(super) users: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DefaultsSyntax {
    pub(super) approvers: Option<PeopleSyntax>,
    pub(super) default_duration: Option<Spanned<String>>,
    pub(super) max_duration: Option<Spanned<String>>,
    pub(super) request_ttl: Option<Spanned<String>>,
    pub(super) reason: Option<ReasonSyntax>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RoleSyntax {
    pub(super) description: Option<Spanned<String>>,
    pub(super) groups: Vec<Spanned<String>>,
    pub(super) run_as: Option<Vec<Spanned<String>>>,
    pub(super) commands: Vec<Spanned<String>>,
    pub(super) services: Vec<Spanned<String>>,
    pub(super) eligible: PeopleSyntax,
    pub(super) approvers: Option<PeopleSyntax>,
    pub(super) default_duration: Option<Spanned<String>>,
    pub(super) max_duration: Option<Spanned<String>>,
    pub(super) request_ttl: Option<Spanned<String>>,
    pub(super) reason: Option<ReasonSyntax>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReasonSyntax {
    pub(super) required: bool,
    pub(super) min_length: u16,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuditSyntax {
    pub(super) readers: PeopleSyntax,
}

/// Parses one file; `main` is whether it is `jitd.toml` and not one of `roles.d`.
pub(super) fn parse(source: &Source, main: bool) -> Result<FileSyntax, PolicyError> {
    let parsed = if main {
        toml::from_str::<FileSyntax>(&source.text)
    } else {
        toml::from_str::<RolesFileSyntax>(&source.text).map(|file| FileSyntax {
            role: file.role,
            ..FileSyntax::default()
        })
    };
    parsed.map_err(|error| {
        PolicyError::at(
            source,
            error.span(),
            error.message().trim_end().replace('\n', "; "),
        )
    })
}
