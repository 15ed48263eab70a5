//! Whether what is said makes sense together.

use std::collections::BTreeSet;

use toml::Spanned;

use super::super::PolicyError;
use super::{At, Findings, reach};
use crate::domain::approvals::outstanding;
use crate::domain::person::Person;
use crate::domain::policy::People;
use crate::domain::policy::{Policy, Requirement, Role};

/// One role by itself. What follows from a mistake that was told already is not told too.
pub(super) fn role(at: &mut At<'_>, name: &Spanned<String>, role: &Role, managed: &[String]) {
    let mut sense = Sense { at, name, role };
    sense.of_what_it_gives(managed);
    sense.of_its_commands();
    sense.of_its_recording();
    sense.of_its_people();
    if role.approvals.is_empty() && !role.auto_approve.is_empty() {
        let message = "nobody is asked, so it is never looked at".to_owned();
        let warning = sense.at_key("auto_approve", message);
        at.findings.warnings.push(warning);
    }
}

struct Sense<'r, 'a> {
    at: &'r mut At<'a>,
    name: &'r Spanned<String>,
    role: &'r Role,
}

impl Sense<'_, '_> {
    fn of_what_it_gives(&mut self, managed: &[String]) {
        let role = self.role;
        if role.groups.is_empty() && role.services.is_empty() {
            let message = "it gives nothing: say groups, or services";
            self.wrong("groups", &["groups", "services"], message.to_owned());
        }
        for group in role.groups.iter().map(ToString::to_string) {
            if managed.contains(&group) {
                let message = format!("it gives {group}, whose members are the managed people");
                self.wrong("groups", &[], message);
            }
        }
    }

    fn of_its_commands(&mut self) {
        let role = self.role;
        if role.commands.is_empty() {
            if role.record {
                let message = "there are no commands that sudo could record";
                self.wrong("record", &["commands"], message.to_owned());
            }
            return;
        }
        if role.services.is_empty() {
            let message =
                "no service is opened to run them in: add services = [\"sudo\", \"sudo-i\"]";
            self.wrong("commands", &["services"], message.to_owned());
        }
        if role.run_as.is_empty() {
            let message = "the commands can be run as nobody: expected a user";
            self.wrong("run_as", &["run_as"], message.to_owned());
        }
    }

    /// What is opened beside sudo, nobody could record.
    fn of_its_recording(&mut self) {
        let role = self.role;
        let mut services = role.services.iter().map(ToString::to_string);
        if !role.record {
            return;
        }
        if let Some(other) = services.find(|service| !["sudo", "sudo-i"].contains(&&**service)) {
            let message = format!(
                "only sudo records, and it opens {other}: leave that to a role of its own, or say record = false"
            );
            self.wrong("record", &["services"], message);
        }
    }

    fn of_its_people(&mut self) {
        let role = self.role;
        if role.eligible.is_empty() && role.break_glass.is_none() {
            let message = "names nobody: say groups or users".to_owned();
            self.wrong("eligible", &["eligible", "break_glass"], message);
        }
        let decided_by = ["approvers", "approvals"];
        if role.approvers.is_empty() && !role.approvals.is_empty() {
            let message = "names nobody, here or in [defaults]: say groups or users, or to ask nobody, approvals = 0";
            self.wrong("approvers", &decided_by, message.to_owned());
        } else if let Some(short) = never_met(&role.approvals) {
            let message = format!(
                "could never be met: everybody who is named agreeing, {short} more would be needed"
            );
            self.wrong("approvals", &decided_by, message);
        } else if role.approvers.is_empty() && role.break_glass.is_some() {
            let message = "nobody could acknowledge that the glass was broken: say approvers";
            self.wrong("break_glass", &decided_by, message.to_owned());
        }
    }

    fn key(&self, key: &str) -> String {
        format!("role.{}.{key}", self.role.name)
    }

    /// Notes a mistake, unless one was found in any of these keys already.
    fn wrong(&mut self, key: &str, unless: &[&str], message: String) {
        let told = |key: &&str| {
            self.at.is_wrong(&self.key(key)) || self.at.is_wrong(&format!("defaults.{key}"))
        };
        if unless.iter().any(told) {
            return;
        }
        let error = self.at_key(key, message);
        self.at.findings.errors.push(error);
    }

    /// At the key, or at the role that does not have it.
    fn at_key(&self, key: &str, message: String) -> PolicyError {
        let path = self.key(key);
        match self.role.places.of(key) {
            Some(place) => PolicyError::in_line(place, path, message),
            None => PolicyError::at(self.at.source, Some(self.name.span()), &path, message),
        }
    }
}

/// How many people are missing when everybody who is named agrees; who is in a group, nobody
/// knows here.
fn never_met(approvals: &[Requirement]) -> Option<usize> {
    let closed = approvals
        .iter()
        .filter(|requirement| requirement.people.groups.is_empty());
    let closed: Vec<_> = closed.cloned().collect();
    let named: BTreeSet<_> = closed
        .iter()
        .flat_map(|requirement| &requirement.people.users)
        .collect();
    let named: Vec<_> = (0..)
        .zip(named)
        .map(|(uid, name)| Person {
            uid,
            name: name.clone(),
            groups: Vec::new(),
        })
        .collect();
    let missing = outstanding(&closed, &named);
    let short: usize = missing.into_iter().map(|(_, count)| count).sum();
    (short > 0).then_some(short)
}

/// All roles together: a role must not, over however many others, give a group that may decide
/// over it. Whoever held it once could then see to it that it is always held.
pub(super) fn whole(policy: &Policy, findings: &mut Findings) {
    for role in policy.roles.values() {
        let Some(place) = role.places.of("role") else {
            continue;
        };
        let by_approval = way_back(policy, role, &|next| vec![&next.approvers]).map(|way| {
            format!(
                "whoever holds role {} could approve it: its groups decide over {}",
                role.name,
                way.join(", whose groups decide over ")
            )
        });
        let wrong = by_approval.or_else(|| {
            let way = way_back(policy, role, &open_without_a_yes)?;
            Some(format!(
                "whoever holds role {} could keep it: its groups open {} without anybody's yes",
                role.name,
                way.join(", whose groups open ")
            ))
        });
        if let Some(message) = wrong {
            let key = format!("role.{}", role.name);
            let error = PolicyError::in_line(place, key, message);
            findings.errors.push(error);
            continue;
        }
        reach::told(role, &policy.approvers(), place, findings);
    }
}

/// Who may take a role without anybody else's yes.
fn open_without_a_yes(role: &Role) -> Vec<&People> {
    let automatic = role.approvals.is_empty() || !role.auto_approve.is_empty();
    let eligible = automatic.then_some(&role.eligible);
    let glass = role.break_glass.as_ref().map(|rule| &rule.people);
    eligible.into_iter().chain(glass).collect()
}

/// The names of the roles from the first one that this one's groups lead to, to itself.
fn way_back<'p>(
    policy: &'p Policy,
    from: &'p Role,
    leads_in: &impl Fn(&'p Role) -> Vec<&'p People>,
) -> Option<Vec<&'p str>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![from]];
    while let Some(way) = ways.pop() {
        let Some(last) = way.last() else { continue };
        let groups: Vec<_> = last.groups.iter().map(ToString::to_string).collect();
        for next in policy.roles.values() {
            let people = leads_in(next);
            let mut named = people.iter().flat_map(|people| &people.groups);
            if !named.any(|group| groups.contains(group)) {
                continue;
            }
            let mut longer = way.clone();
            longer.push(next);
            if next.name == from.name {
                return Some(longer[1..].iter().map(|role| role.name.as_str()).collect());
            }
            if seen.insert(&next.name) {
                ways.push(longer);
            }
        }
    }
    None
}
