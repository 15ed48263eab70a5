//! The policies that are shipped as examples: each can be put in force as it is, and those with
//! a table of expectations do what it says.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use jitd_policy::expect::{Checked, run};
use jitd_policy::file::{Loaded, Source, Trust, load};
use jitd_policy::show;

/// Fewer expectations say too little.
const FEWEST: usize = 6;

/// The paths of all policies among the examples, tables of expectations left out.
fn examples() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../packaging/examples");
    let paths = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = paths.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        let name = path.to_string_lossy();
        name.ends_with(".toml") && !name.ends_with(".test.toml")
    });
    assert!(!paths.is_empty());
    paths
}

#[track_caller]
fn loaded(path: &Path) -> Loaded {
    load(path, Trust::Anyones).unwrap_or_else(|errors| panic!("{errors:?}"))
}

#[test]
fn every_example_is_understood_without_a_warning() {
    for path in examples() {
        assert_eq!(loaded(&path).warnings, [], "{}", path.display());
    }
}

#[test]
fn every_example_is_shown_as_it_is() {
    for path in examples() {
        let shown = show::toml(&loaded(&path).policy);
        let source = Source {
            path: "shown".to_owned(),
            text: shown.clone(),
        };
        let again = jitd_policy::file::parse(&[source]).unwrap();
        assert_eq!(show::toml(&again.policy), shown, "{}", path.display());
    }
}

#[test]
fn every_example_does_what_its_table_says() {
    let mut tables = 0;
    for path in examples() {
        let table = path.with_extension("test.toml");
        let Ok(text) = std::fs::read_to_string(&table) else {
            continue;
        };
        let table = Source {
            path: table.display().to_string(),
            text,
        };
        let checked = run(&table, &loaded(&path).policy).unwrap();
        let wrong: Vec<&Checked> = checked.iter().filter(|case| case.wrong.is_some()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(checked.len() >= FEWEST, "{}", table.path);
        tables += 1;
    }
    assert!(tables >= 3, "{tables} tables");
}
