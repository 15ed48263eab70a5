//! One assessment under way: each question in its turn, and what was found.

use super::{Ask, FARTHEST, Possible, Step, Terms, Way, Yes};
use crate::domain::budget::{Span, peak};
use crate::domain::decide::Refusal;
use crate::domain::person::Person;
use crate::domain::policy::{Policy, Role};
use crate::domain::rules::AutoApprove;
use crate::domain::text;
use crate::domain::time::{Seconds, Wall};

/// One assessment under way.
pub(super) struct Inquiry<'a> {
    ask: &'a Ask<'a>,
    used: &'a [Span],
    now: Wall,
    pub(super) steps: Vec<Step>,
}

impl<'a> Inquiry<'a> {
    pub(super) fn new(ask: &'a Ask<'a>, used: &'a [Span], now: Wall) -> Self {
        Self {
            ask,
            used,
            now,
            steps: Vec::new(),
        }
    }

    pub(super) fn hear<'p>(&mut self, policy: &'p Policy) -> Result<Possible<'p>, Refusal> {
        let role = self.role(policy)?;
        self.eligible(policy, role)?;
        let terms = Terms {
            reason: self.reason(role)?,
            ticket: self.ticket(role)?,
            duration: self.duration(role)?,
            start: self.start(role)?,
        };
        let yes = if self.ask.way == Way::BreakGlass {
            let text = format!("one of {} must acknowledge it afterwards", role.approvers);
            self.yes(role, "break_glass", text);
            Yes::Afterwards
        } else {
            self.budget(role, terms.duration)?;
            self.whose_yes(role, &terms)
        };
        Ok(Possible { role, terms, yes })
    }

    fn role<'p>(&mut self, policy: &'p Policy) -> Result<&'p Role, Refusal> {
        let name = self.ask.role;
        let Some(role) = policy.role(name) else {
            let shown: String = name.chars().take(jitd_api::MAX_NAME).collect();
            let shown = text::escaped(&shown);
            let refusal = Refusal::NotFound(format!(
                "there is no role \"{shown}\"; {}",
                may_ask(policy, self.ask.person)
            ));
            return Err(self.no(None, "role", refusal));
        };
        if self.ask.person.uid == 0 {
            let refusal = Refusal::InvalidArgument(
                "root needs no elevation; ask from your own account's shell".to_owned(),
            );
            return Err(self.no(Some(role), "role", refusal));
        }
        self.yes(role, "role", format!("there is a role {}", role.name));
        Ok(role)
    }

    fn eligible(&mut self, policy: &Policy, role: &Role) -> Result<(), Refusal> {
        let person = self.ask.person;
        let (key, people) = match (self.ask.way, &role.break_glass) {
            (Way::Request, _) => ("eligible", &role.eligible),
            (Way::BreakGlass, Some(glass)) => ("break_glass", &glass.people),
            (Way::BreakGlass, None) => {
                let refusal = Refusal::NotAllowed(format!(
                    "role {} cannot be taken by breaking the glass; to ask for it: jitctl request {}",
                    role.name, role.name
                ));
                return Err(self.no(Some(role), "break_glass", refusal));
            }
        };
        if people.contains(person) {
            let text = format!("{} is one of {people}", person.name);
            self.yes(role, key, text);
            return Ok(());
        }
        let refusal = Refusal::NotAllowed(match self.ask.way {
            Way::Request => format!(
                "{} is not eligible for role {}; {}",
                person.name,
                role.name,
                may_ask(policy, person)
            ),
            Way::BreakGlass => format!(
                "{} may not break the glass for role {}: {people} may",
                person.name, role.name
            ),
        });
        Err(self.no(Some(role), key, refusal))
    }

    fn reason(&mut self, role: &Role) -> Result<String, Refusal> {
        let demand = &role.reason;
        let required = demand.required || self.ask.way == Way::BreakGlass;
        let reason = text::bounded("reason", self.ask.reason)
            .map_err(|invalid| self.no(Some(role), "reason", invalid.into()))?;
        // Characters that nobody sees say nothing.
        let length = reason.chars().filter(|c| !text::is_hostile(*c)).count();
        if length == 0 && required && self.ask.to_come {
            let text = "one must be given with --reason, and is taken as good here".to_owned();
            self.yes(role, "reason", text);
            return Ok(reason);
        }
        if length == 0 && required {
            let refusal = Refusal::InvalidArgument(format!(
                "role {} needs a reason: --reason \"{}\"{}",
                role.name,
                demand.choices.first().map_or("…", String::as_str),
                offered(&demand.choices)
            ));
            return Err(self.no(Some(role), "reason", refusal));
        }
        if length > 0 && length < demand.min_length && !demand.choices.contains(&reason) {
            let refusal = Refusal::InvalidArgument(format!(
                "the reason has {length} characters; role {} needs at least {}{}",
                role.name,
                demand.min_length,
                offered(&demand.choices)
            ));
            return Err(self.no(Some(role), "reason", refusal));
        }
        let text = match length {
            0 => "no reason is needed",
            _ => "the reason will do",
        };
        self.yes(role, "reason", text.to_owned());
        Ok(reason)
    }

    fn ticket(&mut self, role: &Role) -> Result<String, Refusal> {
        let demand = &role.ticket;
        let ticket = text::ticket(self.ask.ticket)
            .map_err(|invalid| self.no(Some(role), "ticket", invalid.into()))?;
        // Who breaks the glass may have no ticket yet.
        let required = demand.required && self.ask.way == Way::Request;
        if ticket.is_empty() && required && self.ask.to_come {
            let text = "one must be given with --ticket, and is taken as good here".to_owned();
            self.yes(role, "ticket", text);
            return Ok(ticket);
        }
        if ticket.is_empty() && required {
            let like = demand
                .pattern
                .as_ref()
                .map(|pattern| format!(" that matches {}", pattern.as_str()));
            let refusal = Refusal::InvalidArgument(format!(
                "role {} needs a ticket{}: --ticket ID",
                role.name,
                like.unwrap_or_default()
            ));
            return Err(self.no(Some(role), "ticket", refusal));
        }
        if let Some(pattern) = &demand.pattern
            && !ticket.is_empty()
            && !pattern.matches(&ticket)
        {
            let refusal = Refusal::InvalidArgument(format!(
                "the ticket \"{}\" does not match {}, as role {} demands",
                text::escaped(&ticket),
                pattern.as_str(),
                role.name
            ));
            return Err(self.no(Some(role), "ticket", refusal));
        }
        let text = if ticket.is_empty() {
            "no ticket is needed"
        } else {
            "the ticket will do"
        };
        self.yes(role, "ticket", text.to_owned());
        Ok(ticket)
    }

    fn duration(&mut self, role: &Role) -> Result<Seconds, Refusal> {
        let (key, most) = match (self.ask.way, &role.break_glass) {
            (Way::BreakGlass, Some(glass)) => ("break_glass", glass.max_duration),
            _ => ("max_duration", role.max_duration),
        };
        let (asked, key) = match self.ask.duration {
            Some(asked) => (asked, key),
            None if role.default_duration <= most => (role.default_duration, "default_duration"),
            None => (most, key),
        };
        if asked.0 == 0 {
            let refusal = Refusal::InvalidArgument("the duration is zero".to_owned());
            return Err(self.no(Some(role), key, refusal));
        }
        if asked > most {
            let refusal = Refusal::InvalidArgument(format!(
                "{asked} is longer than role {} allows: at most {most} (--for \"{most}\")",
                role.name
            ));
            return Err(self.no(Some(role), key, refusal));
        }
        self.yes(role, key, format!("{asked} is within {most}"));
        Ok(asked)
    }

    fn start(&mut self, role: &Role) -> Result<Option<Wall>, Refusal> {
        let Some(start) = self.ask.start else {
            return Ok(None);
        };
        let impossible = if start < self.now {
            "the time to begin is in the past"
        } else if start > self.now.after(FARTHEST) {
            "the time to begin is more than 90 days ahead"
        } else {
            return Ok(Some(start));
        };
        let refusal = Refusal::InvalidArgument(format!("{impossible}: --at TIME"));
        Err(self.no(Some(role), "role", refusal))
    }

    pub(super) fn budget(&mut self, role: &Role, duration: Seconds) -> Result<(), Refusal> {
        let Some(budget) = role.budget else {
            return Ok(());
        };
        // Who is given a set time late has what is left of it.
        let start = self.ask.start.unwrap_or(self.now);
        let new = Span {
            from: start.max(self.now),
            to: start.after(duration),
        };
        let peak = peak(self.used, new, budget.per);
        let peak = Seconds(u64::try_from(peak).unwrap_or_default().div_ceil(1000));
        if peak <= budget.time {
            let text = format!("{peak} of {} in {} would be used", budget.time, budget.per);
            self.yes(role, "budget", text);
            return Ok(());
        }
        let over = Seconds(peak.0 - budget.time.0);
        let way_out = match duration.0.checked_sub(over.0) {
            Some(left) if left > 0 => {
                let left = Seconds(left);
                format!("; what is left would do for about {left} (--for \"{left}\")")
            }
            _ => "; wait until some of it is longer ago".to_owned(),
        };
        let refusal = Refusal::LimitExceeded(format!(
            "{duration} more of role {} would be {over} over the {} that {} may use in {}{way_out}",
            role.name, budget.time, self.ask.person.name, budget.per
        ));
        Err(self.no(Some(role), "budget", refusal))
    }

    fn whose_yes<'p>(&mut self, role: &'p Role, terms: &Terms) -> Yes<'p> {
        if role.approvals.is_empty() {
            let text = "nobody's yes is needed".to_owned();
            self.yes(role, "approvals", text);
            return Yes::Nobodys;
        }
        for (number, rule) in (1..).zip(&role.auto_approve) {
            match self.hindrance(rule, terms) {
                None => {
                    let text = format!("rule {number} agrees to it");
                    self.yes(role, "auto_approve", text);
                    return Yes::Nobodys;
                }
                Some(why) => self.step(
                    Some(role),
                    "auto_approve",
                    false,
                    format!("rule {number} does not: {why}"),
                ),
            }
        }
        let all: Vec<_> = role.approvals.iter().map(ToString::to_string).collect();
        let text = format!("it needs {}", all.join(", and "));
        self.yes(role, "approvals", text);
        Yes::Of(&role.approvals)
    }

    /// What keeps a rule from agreeing.
    fn hindrance(&self, rule: &AutoApprove, terms: &Terms) -> Option<String> {
        let begins = terms.start.unwrap_or(self.now);
        if let Some(schedule) = &rule.schedule
            && !schedule.contains(begins)
        {
            return Some(format!("it would not begin in {schedule}"));
        }
        if let Some(most) = rule.max_duration
            && terms.duration > most
        {
            return Some(format!("{} is longer than {most}", terms.duration));
        }
        if let Some(pattern) = &rule.ticket
            && !pattern.matches(&terms.ticket)
        {
            return Some(format!("the ticket does not match {}", pattern.as_str()));
        }
        None
    }

    fn yes(&mut self, role: &Role, key: &'static str, text: String) {
        self.step(Some(role), key, true, text);
    }

    fn no(&mut self, role: Option<&Role>, key: &'static str, refusal: Refusal) -> Refusal {
        self.step(role, key, false, refusal.to_string());
        refusal
    }

    fn step(&mut self, role: Option<&Role>, key: &'static str, holds: bool, text: String) {
        self.steps.push(Step {
            key,
            place: role.and_then(|role| role.places.of(key)).cloned(),
            holds,
            text,
        });
    }
}

fn may_ask(policy: &Policy, person: &Person) -> String {
    let names: Vec<_> = policy
        .requestable(person)
        .map(|role| role.name.as_str())
        .collect();
    if names.is_empty() {
        format!("there is no role that {} may request", person.name)
    } else {
        format!("{} may request: {}", person.name, names.join(", "))
    }
}

fn offered(choices: &[String]) -> String {
    if choices.is_empty() {
        return String::new();
    }
    let quoted: Vec<_> = choices.iter().map(|text| format!("\"{text}\"")).collect();
    format!(" (for instance {})", quoted.join(", "))
}
