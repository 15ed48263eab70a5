//! What a role demands of those who ask and of those who decide.

use jitd_api::MAX_TEXT;
use toml::Spanned;

use super::super::syntax::{ApprovalsSyntax, BudgetSyntax, ReasonSyntax, TicketSyntax};
use super::super::table::Table;
use super::rules::Approvals;
use super::{At, values};
use crate::domain::policy::Requirement;
use crate::domain::rules::{Budget, Pattern, ReasonRule, TicketRule};
use crate::domain::text;

/// Most people that may have to agree.
const MOST_APPROVALS: usize = 32;

pub(super) fn approvals_of(
    at: &mut At<'_>,
    key: &str,
    approvals: &Spanned<ApprovalsSyntax>,
) -> Option<Approvals> {
    let too_many =
        |count: usize| format!("{count} people can't be asked for: at most {MOST_APPROVALS}");
    match approvals.get_ref() {
        ApprovalsSyntax::Number(count) if *count > MOST_APPROVALS => {
            at.error(key, approvals, too_many(*count));
            None
        }
        ApprovalsSyntax::Number(count) => Some(Approvals::Number(*count)),
        ApprovalsSyntax::All(all) if all.is_empty() => {
            let message = "the list is empty: to ask nobody, say approvals = 0".to_owned();
            at.error(key, approvals, message);
            None
        }
        ApprovalsSyntax::All(all) => {
            let mut requirements = Vec::new();
            for requirement in all {
                let count = *requirement.count.get_ref();
                if count == 0 {
                    at.error(
                        key,
                        &requirement.count,
                        "a count of 0 asks for nothing".to_owned(),
                    );
                } else if count > MOST_APPROVALS {
                    at.error(key, &requirement.count, too_many(count));
                }
                let people = at.users_and_groups(key, &requirement.users, &requirement.groups);
                if people.is_empty() {
                    let message = "it names nobody: say groups or users".to_owned();
                    at.error(key, &requirement.count, message);
                }
                requirements.push(Requirement { people, count });
            }
            Some(Approvals::All(requirements))
        }
    }
}

pub(super) fn reason_rule(at: &mut At<'_>, key: &str, syntax: &ReasonSyntax) -> ReasonRule {
    let min_length = syntax.min_length.as_ref();
    if let Some(length) = min_length.filter(|length| *length.get_ref() > MAX_TEXT) {
        let message = format!("no reason may be that long: at most {MAX_TEXT} are kept");
        at.error(&format!("{key}.min_length"), length, message);
    }
    ReasonRule {
        required: syntax.required,
        min_length: min_length.map_or(0, |length| *length.get_ref()),
        choices: at.all(
            &format!("{key}.choices"),
            &syntax.choices,
            |choice| match text::bounded("choice", choice) {
                Ok(choice) if choice.is_empty() || choice.chars().any(text::is_hostile) => {
                    Err("a choice must be text without control characters".to_owned())
                }
                bounded => bounded.map_err(|error| error.to_string()),
            },
        ),
    }
}

pub(super) fn ticket_rule(at: &mut At<'_>, key: &str, syntax: &TicketSyntax) -> TicketRule {
    TicketRule {
        required: syntax.required,
        pattern: ticket(at, &format!("{key}.pattern"), syntax.pattern.as_ref()),
    }
}

/// What a ticket must look like.
pub(super) fn ticket(
    at: &mut At<'_>,
    key: &str,
    pattern: Option<&Spanned<String>>,
) -> Option<Pattern> {
    let text = pattern?;
    if !is_whole(text.get_ref()) {
        let message = format!(
            "\"{}\" is found anywhere in a ticket: begin it with ^ and end it with $ to match the whole",
            text::escaped(text.get_ref())
        );
        at.warning(key, text, message);
    }
    at.keep(key, text, values::pattern)
}

/// Whether a pattern can only match a whole text: `^…$`, and not `^…|…$`.
fn is_whole(pattern: &str) -> bool {
    let (mut depth, mut in_class, mut last) = (0, false, ' ');
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        last = c;
        match c {
            '\\' => last = characters.next().map_or(c, |_| ' '),
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth -= 1,
            '|' if !in_class && depth == 0 => return false,
            _ => {}
        }
    }
    pattern.starts_with('^') && last == '$'
}

pub(super) fn budget_of(
    at: &mut At<'_>,
    key: &str,
    budget: &Spanned<Table<BudgetSyntax>>,
) -> Option<Budget> {
    let syntax = budget.get_ref();
    let time = at.duration(&format!("{key}.time"), Some(&syntax.time))?;
    let per = at.duration(&format!("{key}.per"), Some(&syntax.per))?;
    if time >= per {
        let message =
            format!("{time} in any {per} bounds nothing: expected less than the whole of per");
        at.error(&format!("{key}.time"), &syntax.time, message);
    }
    Some(Budget { time, per })
}
