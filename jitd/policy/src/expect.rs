//! A table of expectations of a policy: who asks for what, when, and what should come of it.
//!
//! It needs no host: the table says who there is and in which groups.

mod syntax;

use std::collections::BTreeMap;

use toml::Spanned;

use crate::domain::assess::{Ask, Assessment, Possible, Step, Way, Yes, assess};
use crate::domain::budget::Span;
use crate::domain::names::UserName;
use crate::domain::person::Person;
use crate::domain::policy::Policy;
use crate::domain::text;
use crate::domain::time::{Seconds, Wall};
use crate::file::{PolicyError, Source, duration, line_and_column};
use syntax::{ExpectSyntax, TableSyntax};

/// When they ask where the table does not say: 10:00 UTC on 1 December 2026, a Tuesday.
pub const DEFAULT_AT: &str = "2026-12-01T10:00:00Z";

/// The first number that is given to the people of a table.
const FIRST_UID: u32 = 1000;

/// One expectation and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which it is, in words: `carol, deploy, 20m at 2026-12-01T10:00:00Z`.
    pub case: String,
    /// Where in the table, as `FILE:LINE`.
    pub place: String,
    /// What came instead, and the step that decided it; nothing where it came out so.
    pub wrong: Option<String>,
}

/// Runs a table.
///
/// # Errors
/// The table is not understood.
pub fn run(table: &Source, policy: &Policy) -> Result<Vec<Checked>, Vec<PolicyError>> {
    let syntax = syntax::parse(table).map_err(|error| vec![error])?;
    let mut reader = Reader {
        table,
        errors: Vec::new(),
    };
    let cases = reader.cases(&syntax);
    if !reader.errors.is_empty() {
        return Err(reader.errors);
    }
    Ok(cases.into_iter().map(|case| case.check(policy)).collect())
}

/// What should come of it.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Automatic,
    AtOnce,
    Needs(Vec<String>),
    Refused(String),
}

/// One expectation, understood.
struct Case<'t> {
    syntax: &'t ExpectSyntax,
    place: String,
    person: Person,
    way: Way,
    duration: Option<Seconds>,
    at: Wall,
    start: Option<Wall>,
    used: Vec<Span>,
    outcome: Outcome,
}

impl Case<'_> {
    fn check(self, policy: &Policy) -> Checked {
        let ask = Ask {
            person: &self.person,
            role: &self.syntax.role,
            way: self.way,
            duration: self.duration,
            start: self.start,
            reason: &self.syntax.reason,
            ticket: &self.syntax.ticket,
            to_come: false,
        };
        let assessment = assess(policy, &ask, &self.used, self.at);
        Checked {
            case: self.described(),
            wrong: self.wrong(&assessment),
            place: self.place,
        }
    }

    fn described(&self) -> String {
        let syntax = self.syntax;
        let mut words = vec![self.person.name.to_string(), syntax.role.clone()];
        if self.way == Way::BreakGlass {
            words.push("by breaking the glass".to_owned());
        }
        words.extend(self.duration.map(|length| length.to_string()));
        let at = syntax.at.as_ref().map(|at| at.get_ref().as_str());
        let when = format!("{} at {}", words.join(", "), at.unwrap_or(DEFAULT_AT));
        text::escaped(&when)
    }

    fn wrong(&self, assessment: &Assessment<'_>) -> Option<String> {
        let came = match &assessment.outcome {
            Ok(possible) => came_of(possible),
            Err(refusal) => Outcome::Refused(refusal.to_string()),
        };
        let as_expected = match (&self.outcome, &came) {
            (Outcome::Refused(part), Outcome::Refused(whole)) => whole.contains(part),
            (expected, came) => expected == came,
        };
        if as_expected {
            return None;
        }
        // The step that decided tells a refusal's text, too.
        let came = match came {
            Outcome::Refused(_) => "refused".to_owned(),
            came => came.words(),
        };
        let step = assessment.steps.last().map(Step::to_string);
        let (expected, step) = (self.outcome.words(), step.unwrap_or_default());
        Some(format!("expected {expected}; it is {came}, by {step}"))
    }
}

fn came_of(possible: &Possible<'_>) -> Outcome {
    match possible.yes {
        Yes::Nobodys => Outcome::Automatic,
        Yes::Afterwards => Outcome::AtOnce,
        Yes::Of(all) => Outcome::Needs(sorted(all.iter().map(ToString::to_string))),
    }
}

impl Outcome {
    fn words(&self) -> String {
        match self {
            Self::Automatic => "automatic".to_owned(),
            Self::AtOnce => "at once".to_owned(),
            Self::Needs(all) => format!("in need of {}", all.join(", and ")),
            Self::Refused(part) => format!("refused with \"{}\"", text::escaped(part)),
        }
    }
}

/// In an order of their own: which one is said first means nothing.
fn sorted(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut words: Vec<_> = words.collect();
    words.sort();
    words
}

/// Reads a table, and notes what is wrong with it.
struct Reader<'t> {
    table: &'t Source,
    errors: Vec<PolicyError>,
}

impl Reader<'_> {
    fn cases<'t>(&mut self, syntax: &'t TableSyntax) -> Vec<Case<'t>> {
        let people = self.people(&syntax.people);
        if syntax.expect.is_empty() {
            let message = "nothing is expected: add [[expect]] tables".to_owned();
            self.errors
                .push(PolicyError::whole(&self.table.path, message));
        }
        let expectations = syntax.expect.iter();
        expectations
            .filter_map(|expectation| self.case(expectation, &people))
            .collect()
    }

    fn people(&mut self, syntax: &BTreeMap<Spanned<String>, Vec<String>>) -> Vec<Person> {
        let mut people = Vec::new();
        for (uid, (name, groups)) in (FIRST_UID..).zip(syntax) {
            let user = UserName::new(name.get_ref()).map_err(|error| error.to_string());
            let Some(user) = self.keep("people", name, user) else {
                continue;
            };
            people.push(Person {
                uid: if user.as_str() == "root" { 0 } else { uid },
                name: user,
                groups: groups.clone(),
            });
        }
        people
    }

    fn case<'t>(
        &mut self,
        expectation: &'t Spanned<ExpectSyntax>,
        people: &[Person],
    ) -> Option<Case<'t>> {
        let syntax = expectation.get_ref();
        let way = if syntax.break_glass {
            Way::BreakGlass
        } else {
            Way::Request
        };
        let person = self.person(&syntax.user, people);
        let outcome = self.outcome(expectation, way);
        let at = self.moment("expect.at", syntax.at.as_ref());
        let at = at.or_else(|| moment(DEFAULT_AT).ok());
        let start = self.moment("expect.start", syntax.start.as_ref());
        let length = self.length("expect.for", syntax.length.as_ref());
        let used = self.length("expect.used", syntax.used.as_ref());
        let (line, _) = line_and_column(&self.table.text, expectation.span().start);
        let at = at?;
        Some(Case {
            syntax,
            place: format!("{}:{line}", self.table.path),
            person: person?,
            way,
            duration: length,
            at,
            start,
            used: used.map(|used| just_before(at, used)).into_iter().collect(),
            outcome: outcome?,
        })
    }

    fn person(&mut self, user: &Spanned<String>, people: &[Person]) -> Option<Person> {
        let name = user.get_ref();
        let found = people.iter().find(|person| person.name.as_str() == name);
        let unknown = || {
            let name = text::escaped(name);
            format!("there is no \"{name}\": add the account and its groups to [people]")
        };
        self.keep("expect.user", user, found.cloned().ok_or_else(unknown))
    }

    fn outcome(&mut self, expectation: &Spanned<ExpectSyntax>, way: Way) -> Option<Outcome> {
        let syntax = expectation.get_ref();
        let understood = match (&syntax.outcome, &syntax.needs, &syntax.refused) {
            (Some(word), None, None) => return self.word(word, way),
            (None, Some(needs), None) => Ok(Outcome::Needs(sorted(needs.iter().cloned()))),
            (None, None, Some(part)) => Ok(Outcome::Refused(part.clone())),
            _ => Err("expected exactly one of outcome, needs and refused".to_owned()),
        };
        self.keep("expect", expectation, understood)
    }

    fn word(&mut self, word: &Spanned<String>, way: Way) -> Option<Outcome> {
        let understood = match (word.get_ref().as_str(), way) {
            ("automatic", Way::Request) => Ok(Outcome::Automatic),
            ("at once", Way::BreakGlass) => Ok(Outcome::AtOnce),
            (_, Way::Request) => Err("expected outcome = \"automatic\""),
            (_, Way::BreakGlass) => Err("with break_glass, expected outcome = \"at once\""),
        };
        self.keep("expect.outcome", word, understood.map_err(str::to_owned))
    }

    fn moment(&mut self, key: &str, text: Option<&Spanned<String>>) -> Option<Wall> {
        text.and_then(|text| self.keep(key, text, moment(text.get_ref())))
    }

    fn length(&mut self, key: &str, text: Option<&Spanned<String>>) -> Option<Seconds> {
        text.and_then(|text| self.keep(key, text, duration(text.get_ref())))
    }

    fn keep<T, V>(&mut self, key: &str, at: &Spanned<T>, value: Result<V, String>) -> Option<V> {
        let noted = |message| PolicyError::at(self.table, Some(at.span()), key, message);
        value
            .map_err(|message| self.errors.push(noted(message)))
            .ok()
    }
}

fn moment(text: &str) -> Result<Wall, String> {
    let moment = text.parse::<jiff::Timestamp>();
    moment
        .map(|moment| Wall(moment.as_millisecond()))
        .map_err(|_| {
            let text = text::escaped(text);
            format!("\"{text}\" is not a time: expected one like \"2026-12-01T10:00:00+01:00\"")
        })
}

fn just_before(at: Wall, used: Seconds) -> Span {
    Span {
        from: Wall(at.0.saturating_sub(used.millis())),
        to: at,
    }
}

#[cfg(test)]
mod tests;
