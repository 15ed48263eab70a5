//! The keys of a table of expectations, as serde reads them.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::file::{PolicyError, Source, explain};

/// A whole table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableSyntax {
    /// Who is in which groups; nobody else exists.
    #[serde(default)]
    pub(super) people: BTreeMap<Spanned<String>, Vec<String>>,
    #[serde(default)]
    pub(super) expect: Vec<Spanned<ExpectSyntax>>,
}

/// One expectation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectSyntax {
    pub(super) user: Spanned<String>,
    pub(super) role: String,
    #[serde(rename = "for")]
    pub(super) length: Option<Spanned<String>>,
    pub(super) at: Option<Spanned<String>>,
    pub(super) start: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) ticket: String,
    pub(super) used: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) break_glass: bool,
    pub(super) outcome: Option<Spanned<String>>,
    pub(super) needs: Option<Vec<String>>,
    pub(super) refused: Option<String>,
}

pub(super) fn parse(table: &Source) -> Result<TableSyntax, PolicyError> {
    toml::from_str(&table.text).map_err(|error| explain(table, &error))
}
