//! What a role says about asking and deciding, or the defaults say for it.

use std::collections::BTreeMap;

use toml::Spanned;

use super::super::error::line_and_column;
use super::super::syntax::{
    ApprovalsSyntax, BudgetSyntax, DefaultsSyntax, PeopleSyntax, ReasonSyntax, RoleSyntax,
    TicketSyntax,
};
use super::super::table::Table;
use super::demands::{approvals_of, budget_of, reason_rule, ticket_rule};
use super::{At, values};
use crate::domain::policy::{People, Place, Places, Requirement};
use crate::domain::rules::{Budget, OnEnd, ReasonRule, TicketRule};
use crate::domain::time::Seconds;

const DEFAULT_DURATION: Seconds = Seconds(30 * 60);
const DEFAULT_MAX_DURATION: Seconds = Seconds(4 * 3600);
const DEFAULT_REQUEST_TTL: Seconds = Seconds(2 * 3600);
const DEFAULT_WARNINGS: [Seconds; 2] = [Seconds(5 * 60), Seconds(60)];

/// How approvals are counted.
#[derive(Debug, Clone)]
pub(super) enum Approvals {
    /// So many of the approvers.
    Number(usize),
    /// These, each of its own people.
    All(Vec<Requirement>),
}

/// Rules that a role may leave to the defaults; `None` is not said.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) approvers: Option<People>,
    pub(super) approvals: Option<Approvals>,
    pub(super) default_duration: Option<Seconds>,
    pub(super) max_duration: Option<Seconds>,
    pub(super) request_ttl: Option<Seconds>,
    pub(super) warn_before: Option<Vec<Seconds>>,
    pub(super) reason: Option<ReasonRule>,
    pub(super) ticket: Option<TicketRule>,
    pub(super) budget: Option<Budget>,
    pub(super) record: Option<bool>,
    pub(super) on_end: Option<OnEnd>,
    pub(super) places: Places,
}

/// The keys that a role and the defaults have in common, borrowed from either.
struct Said<'s> {
    approvers: Option<&'s Spanned<Table<PeopleSyntax>>>,
    approvals: Option<&'s Spanned<ApprovalsSyntax>>,
    default_duration: Option<&'s Spanned<String>>,
    max_duration: Option<&'s Spanned<String>>,
    request_ttl: Option<&'s Spanned<String>>,
    warn_before: Option<&'s Spanned<Vec<Spanned<String>>>>,
    reason: Option<&'s Spanned<Table<ReasonSyntax>>>,
    ticket: Option<&'s Spanned<Table<TicketSyntax>>>,
    budget: Option<&'s Spanned<Table<BudgetSyntax>>>,
    record: Option<&'s Spanned<bool>>,
    on_end: Option<&'s Spanned<String>>,
}

macro_rules! said {
    ($syntax:expr) => {
        Said {
            approvers: $syntax.approvers.as_ref(),
            approvals: $syntax.approvals.as_ref(),
            default_duration: $syntax.default_duration.as_ref(),
            max_duration: $syntax.max_duration.as_ref(),
            request_ttl: $syntax.request_ttl.as_ref(),
            warn_before: $syntax.warn_before.as_ref(),
            reason: $syntax.reason.as_ref(),
            ticket: $syntax.ticket.as_ref(),
            budget: $syntax.budget.as_ref(),
            record: $syntax.record.as_ref(),
            on_end: $syntax.on_end.as_ref(),
        }
    };
}

impl Rules {
    pub(super) fn of_defaults(at: &mut At<'_>, syntax: &DefaultsSyntax) -> Self {
        let rules = Self::read(at, "defaults", &said!(syntax));
        rules.fit(at, "defaults", syntax.default_duration.as_ref());
        rules
    }

    pub(super) fn of_role(at: &mut At<'_>, path: &str, syntax: &RoleSyntax) -> Self {
        Self::read(at, path, &said!(syntax))
    }

    fn read(at: &mut At<'_>, path: &str, said: &Said<'_>) -> Self {
        let key = |name: &str| format!("{path}.{name}");
        let mut rules = Self {
            approvers: said
                .approvers
                .map(|people| at.people(&key("approvers"), people.get_ref())),
            approvals: said
                .approvals
                .and_then(|approvals| approvals_of(at, &key("approvals"), approvals)),
            default_duration: at.duration(&key("default_duration"), said.default_duration),
            max_duration: at.duration(&key("max_duration"), said.max_duration),
            request_ttl: at.duration(&key("request_ttl"), said.request_ttl),
            warn_before: said.warn_before.map(|list| {
                let mut before = at.all(&key("warn_before"), list.get_ref(), values::duration);
                before.sort_unstable_by(|one, other| other.cmp(one));
                before
            }),
            reason: said
                .reason
                .map(|reason| reason_rule(at, &key("reason"), reason.get_ref())),
            ticket: said
                .ticket
                .map(|ticket| ticket_rule(at, &key("ticket"), ticket.get_ref())),
            budget: said
                .budget
                .and_then(|budget| budget_of(at, &key("budget"), budget)),
            record: said.record.map(|record| *record.get_ref()),
            on_end: said
                .on_end
                .and_then(|word| at.keep(&key("on_end"), word, values::on_end)),
            places: Places::default(),
        };
        rules.places.note(at, "approvers", said.approvers);
        rules.places.note(at, "approvals", said.approvals);
        rules
            .places
            .note(at, "default_duration", said.default_duration);
        rules.places.note(at, "max_duration", said.max_duration);
        rules.places.note(at, "request_ttl", said.request_ttl);
        rules.places.note(at, "warn_before", said.warn_before);
        rules.places.note(at, "reason", said.reason);
        rules.places.note(at, "ticket", said.ticket);
        rules.places.note(at, "budget", said.budget);
        rules.places.note(at, "record", said.record);
        rules.places.note(at, "on_end", said.on_end);
        rules
    }

    /// With what is not said taken from others.
    pub(super) fn or(self, others: &Self) -> Self {
        let mut places: BTreeMap<_, _> = others.places.0.clone();
        places.extend(self.places.0);
        Self {
            approvers: self.approvers.or_else(|| others.approvers.clone()),
            approvals: self.approvals.or_else(|| others.approvals.clone()),
            default_duration: self.default_duration.or(others.default_duration),
            max_duration: self.max_duration.or(others.max_duration),
            request_ttl: self.request_ttl.or(others.request_ttl),
            warn_before: self.warn_before.or_else(|| others.warn_before.clone()),
            reason: self.reason.or_else(|| others.reason.clone()),
            ticket: self.ticket.or_else(|| others.ticket.clone()),
            budget: self.budget.or(others.budget),
            record: self.record.or(others.record),
            on_end: self.on_end.or(others.on_end),
            places: Places(places),
        }
    }

    /// Whether the length that is said is within the longest.
    pub(super) fn fit(&self, at: &mut At<'_>, path: &str, said: Option<&Spanned<String>>) {
        let longest = self.max_duration();
        if let (Some(said), Some(length)) = (said, self.default_duration)
            && length > longest
        {
            let message = format!("{length} is longer than max_duration, {longest}");
            at.error(&format!("{path}.default_duration"), said, message);
        }
    }

    pub(super) fn max_duration(&self) -> Seconds {
        self.max_duration.unwrap_or(DEFAULT_MAX_DURATION)
    }

    /// Never longer than the longest; what a role itself says is checked against that.
    pub(super) fn default_duration(&self) -> Seconds {
        let default = self.default_duration.unwrap_or(DEFAULT_DURATION);
        default.min(self.max_duration())
    }

    pub(super) fn request_ttl(&self) -> Seconds {
        self.request_ttl.unwrap_or(DEFAULT_REQUEST_TTL)
    }

    pub(super) fn warn_before(&self) -> Vec<Seconds> {
        let said = self.warn_before.clone();
        said.unwrap_or_else(|| DEFAULT_WARNINGS.to_vec())
    }

    /// Whose yes it takes, and who else has authority.
    pub(super) fn approvals(&self) -> (Vec<Requirement>, People) {
        let approvers = self.approvers.clone().unwrap_or_default();
        match self.approvals.clone().unwrap_or(Approvals::Number(1)) {
            Approvals::Number(0) => (Vec::new(), approvers),
            Approvals::Number(count) => {
                let people = approvers.clone();
                (vec![Requirement { people, count }], approvers)
            }
            Approvals::All(all) => {
                let people = all.iter().fold(approvers, |people, requirement| {
                    people.and(&requirement.people)
                });
                (all, people)
            }
        }
    }
}

impl Places {
    pub(super) fn note<T>(&mut self, at: &At<'_>, key: &'static str, value: Option<&Spanned<T>>) {
        if let Some(value) = value {
            let (line, _) = line_and_column(&at.source.text, value.span().start);
            let file = at.source.path.clone();
            self.0.insert(key, Place { file, line });
        }
    }
}

impl At<'_> {
    pub(super) fn duration(
        &mut self,
        key: &str,
        text: Option<&Spanned<String>>,
    ) -> Option<Seconds> {
        text.and_then(|text| self.keep(key, text, values::duration))
    }
}
