//! `policy explain`: what would come of a request, step by step.

use std::ffi::CString;
use std::path::Path;

use jitd_api::{Explanation, RequestOptions};
use jitd_policy::domain::assess::{Ask, Way, assess};
use jitd_policy::domain::names::UserName;
use jitd_policy::domain::person::Person;
use jitd_policy::domain::time::Wall;
use jitd_policy::explain::explanation;
use nix::unistd::{User, getgrouplist};
use serde::Serialize;

use super::load;
use crate::cli::Explain;
use crate::commands::request::start;
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::{self, Screen, json};
use crate::{args, bus, clock};

pub(super) async fn run(options: Explain) -> Result<(), Failure> {
    let now = clock::now();
    let asked = RequestOptions {
        duration: options.length.map(|args::Seconds(seconds)| seconds),
        start: start(options.start, &now)?,
        reason: options.reason,
        ticket: options.ticket,
    };
    let explanation = match &options.policy {
        Some(path) => {
            let now = Wall(now.timestamp().as_millisecond());
            by_files(path, &options.user, &options.role, &asked, now)?
        }
        None => bus::policy()
            .await?
            .explain(&options.user, &options.role, &asked)
            .await
            .map_err(|error| way_out(bus::failure(error)))?,
    };
    output::print(&if options.json {
        document(&explanation)?
    } else {
        describe(&explanation, Screen::of_stdout())
    })
}

fn way_out(failure: Failure) -> Failure {
    match failure.kind() {
        Kind::NotAllowed => {
            failure.hint("by the files: jitctl policy explain USER ROLE --policy /etc/jitd")
        }
        _ => failure,
    }
}

/// Decides as jitd would of somebody who has used nothing of a budget.
fn by_files(
    path: &Path,
    user: &str,
    role: &str,
    asked: &RequestOptions,
    now: Wall,
) -> Result<Explanation, Failure> {
    let loaded = load(path)?;
    let person = person(user)?;
    let ask = Ask::new(&person, role, Way::Request, asked).only_to_know();
    Ok(explanation(&assess(&loaded.policy, &ask, &[], now)))
}

/// The account and its groups, as this host's directory (NSS) knows them.
fn person(name: &str) -> Result<Person, Failure> {
    let failed = |why: String| Failure::new(Kind::Failed, why);
    let unknown = || {
        failed(format!("there is no user {name} on this host"))
            .hint(format!("getent passwd {name}"))
    };
    let user_name = UserName::new(name).map_err(|cause| failed(cause.to_string()))?;
    let slow = |cause: nix::Error| failed(format!("the groups of {name} cannot be read: {cause}"));
    let user = User::from_name(name).map_err(slow)?.ok_or_else(unknown)?;
    let c_name = CString::new(name).map_err(|_| unknown())?;
    let mut groups = Vec::new();
    for gid in getgrouplist(&c_name, user.gid).map_err(slow)? {
        // One without a name is in no policy.
        let group = users::get_group_by_gid(gid.as_raw());
        groups.extend(group.map(|group| group.name().to_string_lossy().into_owned()));
    }
    Ok(Person {
        uid: user.uid.as_raw(),
        name: user_name,
        groups,
    })
}

/// A line for each step, and one for the outcome.
fn describe(explanation: &Explanation, screen: Screen) -> String {
    let keys = explanation.steps.iter().map(|step| escape(&step.key));
    let width = keys.map(|key| key.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for step in &explanation.steps {
        let key = escape(&step.key);
        let place = match step.place.as_str() {
            "" => String::new(),
            place => format!(" ({})", escape(place)),
        };
        let mark = mark(step.holds, screen);
        lines.push(format!(
            "{mark} {key:width$}  {}{place}",
            escape(&step.text)
        ));
    }
    lines.push(screen.bold(&outcome(explanation)));
    lines.join("\n")
}

fn mark(holds: bool, screen: Screen) -> String {
    match (holds, screen.width) {
        (true, Some(_)) => screen.paint("32", "✓"),
        (false, Some(_)) => screen.paint("31", "✗"),
        (true, None) => "yes".to_owned(),
        (false, None) => "no ".to_owned(),
    }
}

fn outcome(explanation: &Explanation) -> String {
    match explanation.outcome.as_str() {
        "automatic" => "Automatic: nobody needs to agree.".to_owned(),
        "needs" => format!("It needs {}.", escape(&explanation.needs.join(", and "))),
        "refused" => {
            let last = explanation.steps.last();
            let why = last.map(|step| step.text.as_str()).unwrap_or_default();
            format!("Refused: {}", escape(why))
        }
        other => escape(other),
    }
}

#[derive(Serialize)]
struct ExplanationOut<'a> {
    outcome: &'a str,
    needs: &'a [String],
    steps: Vec<StepOut<'a>>,
}

#[derive(Serialize)]
struct StepOut<'a> {
    key: &'a str,
    place: Option<&'a str>,
    holds: bool,
    text: &'a str,
}

fn document(explanation: &Explanation) -> Result<String, Failure> {
    let steps = explanation.steps.iter().map(|step| StepOut {
        key: &step.key,
        place: json::present(&step.place),
        holds: step.holds,
        text: &step.text,
    });
    json::document(&ExplanationOut {
        outcome: &explanation.outcome,
        needs: &explanation.needs,
        steps: steps.collect(),
    })
}
