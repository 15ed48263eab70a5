//! A decision in the words of the contract, for those who asked how it came about.

use jitd_api::Explanation;

use crate::domain::assess::{Assessment, Step, Yes};

/// Every step, and what came of them.
#[must_use]
pub fn explanation(assessment: &Assessment<'_>) -> Explanation {
    let (outcome, needs) = match assessment.outcome.as_ref().map(|possible| possible.yes) {
        Ok(Yes::Of(all)) => ("needs", all.iter().map(ToString::to_string).collect()),
        Ok(Yes::Nobodys | Yes::Afterwards) => ("automatic", Vec::new()),
        Err(_) => ("refused", Vec::new()),
    };
    Explanation {
        outcome: outcome.to_owned(),
        needs,
        steps: assessment.steps.iter().map(step).collect(),
    }
}

fn step(step: &Step) -> jitd_api::Step {
    let place = step.place.as_ref();
    jitd_api::Step {
        key: step.key.to_owned(),
        place: place.map(ToString::to_string).unwrap_or_default(),
        holds: step.holds,
        text: step.text.clone(),
    }
}
