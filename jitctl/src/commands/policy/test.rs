//! `policy test`: a policy against a table of expectations.

use std::path::Path;

use jitd_policy::expect::{self, Checked};
use jitd_policy::file;
use serde::Serialize;

use super::{POLICY, counted, load, mistakes};
use crate::cli::Test;
use crate::error::Failure;
use crate::output::escape::escape;
use crate::output::{self, json};

pub(super) fn run(options: &Test) -> Result<(), Failure> {
    let table = file::table(&options.file).map_err(|error| mistakes(&[error]))?;
    let policy = options.policy.as_deref().unwrap_or(Path::new(POLICY));
    let loaded = load(policy)?;
    let checked = expect::run(&table, &loaded.policy).map_err(|errors| mistakes(&errors))?;
    let wrong = checked.iter().filter(|case| case.wrong.is_some()).count();
    output::print(&if options.json {
        document(&checked, wrong)?
    } else {
        tell(&checked);
        let all = counted(checked.len(), "expectation");
        format!("{all}, {wrong} wrong.")
    })?;
    if wrong > 0 {
        return Err(Failure::told());
    }
    Ok(())
}

fn tell(checked: &[Checked]) {
    for case in checked {
        if let Some(wrong) = &case.wrong {
            let line = format!("{}: {}: {wrong}", case.place, case.case);
            output::tell(&escape(&line));
        }
    }
}

#[derive(Serialize)]
struct TestOut<'a> {
    expectations: usize,
    wrong: usize,
    cases: Vec<CaseOut<'a>>,
}

#[derive(Serialize)]
struct CaseOut<'a> {
    case: &'a str,
    place: &'a str,
    wrong: Option<&'a str>,
}

fn document(checked: &[Checked], wrong: usize) -> Result<String, Failure> {
    let cases = checked.iter().map(|case| CaseOut {
        case: &case.case,
        place: &case.place,
        wrong: case.wrong.as_deref(),
    });
    json::document(&TestOut {
        expectations: checked.len(),
        wrong,
        cases: cases.collect(),
    })
}
