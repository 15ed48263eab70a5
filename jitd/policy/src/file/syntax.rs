//! The keys of a policy file, as serde reads them. What is not listed here is an error.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::table::Table;
use super::{PolicyError, Source, blame};

/// One policy file, its values not checked yet.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileSyntax {
    pub(super) membership: Option<Spanned<String>>,
    pub(super) managed: Table<PeopleSyntax>,
    pub(super) defaults: Table<DefaultsSyntax>,
    pub(super) role: BTreeMap<Spanned<String>, Table<RoleSyntax>>,
    pub(super) audit: Table<AuditSyntax>,
}

/// What a file of `roles.d` may have in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RolesFileSyntax {
    #[serde(default)]
    role: BTreeMap<Spanned<String>, Table<RoleSyntax>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PeopleSyntax {
    pub(super) groups: Vec<Spanned<String>>,
    pub(super) users: Vec<Spanned<String>>,
}

/// What holds for every role that does not say otherwise.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DefaultsSyntax {
    pub(super) approvers: Option<Spanned<Table<PeopleSyntax>>>,
    pub(super) approvals: Option<Spanned<ApprovalsSyntax>>,
    pub(super) default_duration: Option<Spanned<String>>,
    pub(super) max_duration: Option<Spanned<String>>,
    pub(super) request_ttl: Option<Spanned<String>>,
    pub(super) warn_before: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) reason: Option<Spanned<Table<ReasonSyntax>>>,
    pub(super) ticket: Option<Spanned<Table<TicketSyntax>>>,
    pub(super) budget: Option<Spanned<Table<BudgetSyntax>>>,
    pub(super) record: Option<Spanned<bool>>,
    pub(super) on_end: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RoleSyntax {
    pub(super) description: Option<Spanned<String>>,
    pub(super) groups: Vec<Spanned<String>>,
    pub(super) run_as: Option<Vec<Spanned<String>>>,
    pub(super) run_as_groups: Vec<Spanned<String>>,
    pub(super) commands: Vec<Spanned<String>>,
    pub(super) services: Vec<Spanned<String>>,
    pub(super) eligible: Option<Spanned<Table<PeopleSyntax>>>,
    pub(super) auto_approve: Option<Spanned<Vec<Spanned<Table<AutoApproveSyntax>>>>>,
    pub(super) break_glass: Option<Spanned<Table<BreakGlassSyntax>>>,
    pub(super) reaches_approvers: bool,
    // From here on as in the defaults.
    pub(super) approvers: Option<Spanned<Table<PeopleSyntax>>>,
    pub(super) approvals: Option<Spanned<ApprovalsSyntax>>,
    pub(super) default_duration: Option<Spanned<String>>,
    pub(super) max_duration: Option<Spanned<String>>,
    pub(super) request_ttl: Option<Spanned<String>>,
    pub(super) warn_before: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) reason: Option<Spanned<Table<ReasonSyntax>>>,
    pub(super) ticket: Option<Spanned<Table<TicketSyntax>>>,
    pub(super) budget: Option<Spanned<Table<BudgetSyntax>>>,
    pub(super) record: Option<Spanned<bool>>,
    pub(super) on_end: Option<Spanned<String>>,
}

/// A number of people, or several demands that must all be met.
#[derive(Debug, Clone)]
pub(super) enum ApprovalsSyntax {
    Number(usize),
    All(Vec<Table<RequirementSyntax>>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequirementSyntax {
    #[serde(default)]
    pub(super) groups: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) users: Vec<Spanned<String>>,
    pub(super) count: Spanned<usize>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReasonSyntax {
    pub(super) required: bool,
    pub(super) min_length: Option<Spanned<usize>>,
    pub(super) choices: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TicketSyntax {
    pub(super) required: bool,
    pub(super) pattern: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetSyntax {
    pub(super) time: Spanned<String>,
    pub(super) per: Spanned<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AutoApproveSyntax {
    pub(super) days: Option<Spanned<String>>,
    pub(super) hours: Option<Spanned<String>>,
    pub(super) timezone: Option<Spanned<String>>,
    pub(super) max_duration: Option<Spanned<String>>,
    pub(super) ticket: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BreakGlassSyntax {
    pub(super) groups: Vec<Spanned<String>>,
    pub(super) users: Vec<Spanned<String>>,
    pub(super) max_duration: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuditSyntax {
    pub(super) readers: Table<PeopleSyntax>,
    pub(super) keep: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for ApprovalsSyntax {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ApprovalsSyntax;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of people, or a list of { groups, users, count }")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
                usize::try_from(number)
                    .map(ApprovalsSyntax::Number)
                    .map_err(|_| E::custom(format!("{number} is not a number of people")))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
                usize::try_from(number)
                    .map(ApprovalsSyntax::Number)
                    .map_err(|_| E::custom(format!("{number} is not a number of people")))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(ApprovalsSyntax::All)
            }
        }

        deserializer.deserialize_any(Either)
    }
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
        let mut error = blame::explain(source, &error);
        let of_main = ["membership", "managed", "defaults", "audit"];
        if !main && of_main.contains(&error.key.as_str()) {
            "belongs in jitd.toml: a file of roles.d has [role.NAME] tables only"
                .clone_into(&mut error.message);
        }
        error
    })
}
