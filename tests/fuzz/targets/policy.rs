//! Any text at all is understood or refused, and never brings the reader down. What is
//! understood is shown as a policy that means the same.

#![no_main]

use jitd_policy::domain::policy::Policy;
use jitd_policy::file::{PolicyError, Source, parse};
use jitd_policy::{expect, show};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Corpus::Reject;
    };
    let read = parse(&[source("jitd.toml", text)]);
    // The same as a file of roles, which may have less in it.
    let _ = parse(&[source("jitd.toml", ""), source("roles.d/a.toml", text)]);
    tell(&expect::run(&source("table.toml", text), &Policy::default()).err());
    match read {
        Ok(loaded) => {
            tell(&Some(loaded.warnings));
            is_shown_as_it_is(&loaded.policy);
        }
        Err(errors) => tell(&Some(errors)),
    }
    Corpus::Keep
});

fn is_shown_as_it_is(policy: &Policy) {
    let shown = show::toml(policy);
    let again = parse(&[source("shown", &shown)])
        .unwrap_or_else(|errors| panic!("{errors:#?}\n{shown}"))
        .policy;
    assert_eq!(without_places(&again), without_places(policy), "{shown}");
}

fn without_places(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    for role in policy.roles.values_mut() {
        role.source.clear();
        role.places.0.clear();
    }
    policy
}

/// Each error has its text, on one line.
fn tell(errors: &Option<Vec<PolicyError>>) {
    for error in errors.iter().flatten() {
        let told = error.to_string();
        assert!(!told.chars().any(char::is_control), "{told:?}");
    }
}

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}
