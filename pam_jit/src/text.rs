//! What a refused person reads, and how text from elsewhere is made harmless.

use std::fmt;

use jitd_api::{GateAnswer, MAX_ACCOUNT_NAME, MAX_NAME};

use crate::gate::Failure;

/// Most roles and most requests named to one person.
const MAX_NAMED: usize = 5;
/// Most characters of a reason that is not ours.
const MAX_REASON: usize = 200;

/// Why somebody is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// jitd says no.
    Closed(GateAnswer),
    /// jitd does not say yes.
    NoAnswer(Failure),
    /// Who the person is can't be found out.
    UnknownPerson(String),
}

/// The reason in a few words, for the log and the first line.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self {
            Self::Closed(answer) => match &answer.because {
                Some(because) => because.clone(),
                None => "no active elevation".to_owned(),
            },
            Self::NoAnswer(failure) => failure.to_string(),
            Self::UnknownPerson(why) => why.clone(),
        };
        f.write_str(harmless(&reason, MAX_REASON).trim_end_matches('.'))
    }
}

/// Who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader<'a> {
    /// The person, known from the kernel or after authentication.
    Proven(&'a str),
    /// Someone who claims to be the person. They learn nothing about them: not
    /// which roles there are, nor what waits, nor how the host is.
    Claimed,
}

/// The lines for a refused person: who refused, why, and what to type.
pub(crate) fn lines(service: &str, reader: Reader<'_>, refusal: &Refusal) -> Vec<String> {
    let service = harmless(service, MAX_NAME);
    let lines = match (reader, refusal) {
        (Reader::Claimed, _) => vec![format!(
            "{service} is refused; to see why, where you are logged in: jitctl status"
        )],
        (Reader::Proven(name), Refusal::Closed(answer)) => {
            let name = harmless(name, MAX_ACCOUNT_NAME);
            let mut lines = vec![format!("{service} is not open to {name}: {refusal}.")];
            lines.extend(what_to_type(answer));
            lines
        }
        (Reader::Proven(_), Refusal::NoAnswer(_)) => vec![
            format!("{service} is refused: {refusal}."),
            "An administrator can look: systemctl status jitd".to_owned(),
        ],
        (Reader::Proven(_), Refusal::UnknownPerson(_)) => {
            vec![format!("{service} is refused: {refusal}.")]
        }
    };
    lines
        .into_iter()
        .map(|line| format!("jitd: {line}"))
        .collect()
}

fn what_to_type(answer: &GateAnswer) -> Vec<String> {
    let mut lines = Vec::new();
    if answer.because.is_some() {
        // No request would help, and the reason says what does.
        return lines;
    }
    let pending = answer.pending.as_deref().unwrap_or_default();
    for id in pending.iter().take(MAX_NAMED) {
        lines.push(format!("Request {id} waits for approval: jitctl show {id}"));
    }
    // A name that is not plain could mean something else to the shell it is typed into.
    let roles: Vec<&str> = answer
        .roles
        .iter()
        .flatten()
        .map(String::as_str)
        .filter(|role| is_plain_name(role))
        .collect();
    for role in roles.iter().take(MAX_NAMED) {
        lines.push(format!(
            "To ask for it: jitctl request {role} --reason \"...\""
        ));
    }
    if roles.len() > MAX_NAMED {
        let more = roles.len() - MAX_NAMED;
        lines.push(format!("and {more} more: jitctl status"));
    }
    if lines.is_empty() {
        lines.push("No role that you may request opens it; see: jitctl status".to_owned());
    }
    lines
}

fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.starts_with('-') && (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain)
}

/// Text from elsewhere, fit for a terminal and for one line of a log: at most
/// `most` characters, all of them letters, digits, spaces and everyday
/// punctuation. Anything else (control characters, escape sequences, line ends,
/// marks that turn the direction of writing) is shown by its number.
pub(crate) fn harmless(text: &str, most: usize) -> String {
    let mut harmless = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(most) {
        if character.is_ascii_graphic()
            || character.is_alphanumeric()
            || " –—…‘’“”§°€".contains(character)
        {
            harmless.push(character);
        } else {
            harmless.extend(character.escape_unicode());
        }
    }
    if characters.next().is_some() {
        harmless.push_str("...");
    }
    harmless
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    fn read(service: &str, refusal: &Refusal) -> String {
        lines(service, Reader::Proven("carol"), refusal).join("\n")
    }

    fn closed(roles: &[&str], pending: &[u64]) -> Refusal {
        Refusal::Closed(GateAnswer {
            roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
            pending: Some(pending.to_vec()),
            ..GateAnswer::default()
        })
    }

    #[test]
    fn one_role() {
        assert_snapshot!(read("sudo", &closed(&["deploy"], &[])), @r#"
        jitd: sudo is not open to carol: no active elevation.
        jitd: To ask for it: jitctl request deploy --reason "..."
        "#);
    }

    #[test]
    fn a_request_that_waits() {
        assert_snapshot!(read("su", &closed(&["admin"], &[42])), @r#"
        jitd: su is not open to carol: no active elevation.
        jitd: Request 42 waits for approval: jitctl show 42
        jitd: To ask for it: jitctl request admin --reason "..."
        "#);
    }

    #[test]
    fn many_roles_and_some_that_must_not_be_typed() {
        let refusal = closed(
            &["a", "b;reboot", "c", "d", "e", "--all", "f", "g", ""],
            &[],
        );
        assert_snapshot!(read("sudo-i", &refusal), @r#"
        jitd: sudo-i is not open to carol: no active elevation.
        jitd: To ask for it: jitctl request a --reason "..."
        jitd: To ask for it: jitctl request c --reason "..."
        jitd: To ask for it: jitctl request d --reason "..."
        jitd: To ask for it: jitctl request e --reason "..."
        jitd: To ask for it: jitctl request f --reason "..."
        jitd: and 1 more: jitctl status
        "#);
    }

    #[test]
    fn no_role_and_another_reason() {
        let refusal = Refusal::Closed(GateAnswer {
            because: Some("the policy is broken.\n\u{1b}[2Jroot:".to_owned()),
            ..GateAnswer::default()
        });
        assert_snapshot!(read("sudo", &refusal), @r"
        jitd: sudo is not open to carol: the policy is broken.\u{a}\u{1b}[2Jroot:.
        ");
    }

    #[test]
    fn no_answer() {
        let failures = [
            Failure::NotRunning,
            Failure::Forbidden,
            Failure::Unreachable("Too many open files".to_owned()),
            Failure::Impostor(1003),
            Failure::Silent(Duration::from_millis(500)),
            Failure::Vanished,
            Failure::Declined("The disk is full.".to_owned()),
        ];
        let all = failures.map(|failure| read("sudo", &Refusal::NoAnswer(failure)));
        assert_snapshot!(all.join("\n"), @r"
        jitd: sudo is refused: jitd is not running (nobody listens at /run/jitd/gate).
        jitd: An administrator can look: systemctl status jitd
        jitd: sudo is refused: this program may not ask jitd: it does not run as root.
        jitd: An administrator can look: systemctl status jitd
        jitd: sudo is refused: jitd is not reachable (Too many open files).
        jitd: An administrator can look: systemctl status jitd
        jitd: sudo is refused: /run/jitd/gate is served by uid 1003, not by root.
        jitd: An administrator can look: systemctl status jitd
        jitd: sudo is refused: jitd did not answer within 500 ms.
        jitd: An administrator can look: systemctl status jitd
        jitd: sudo is refused: jitd went away before it answered.
        jitd: An administrator can look: systemctl status jitd
        jitd: sudo is refused: jitd says: The disk is full.
        jitd: An administrator can look: systemctl status jitd
        ");
    }

    #[test]
    fn a_claim_learns_nothing() {
        let told = |refusal| lines("sshd", Reader::Claimed, &refusal).join("\n");
        let expected = "jitd: sshd is refused; to see why, where you are logged in: jitctl status";
        assert_eq!(told(closed(&["deploy"], &[42])), expected);
        assert_eq!(told(Refusal::NoAnswer(Failure::NotRunning)), expected);
        assert_eq!(told(Refusal::UnknownPerson("x".to_owned())), expected);
    }

    #[test]
    fn harmless_keeps_names_and_shows_the_rest() {
        assert_eq!(harmless("Müller, 東京 – “ok”", 99), "Müller, 東京 – “ok”");
        assert_eq!(harmless("a\nb\rc\0d", 99), "a\\u{a}b\\u{d}c\\u{0}d");
        assert_eq!(harmless("\u{9b}31m", 99), "\\u{9b}31m");
        assert_eq!(
            harmless("\u{202e}toor\u{2066}", 99),
            "\\u{202e}toor\\u{2066}"
        );
        assert_eq!(
            harmless("\u{2028}\u{200b}\u{feff}", 99),
            "\\u{2028}\\u{200b}\\u{feff}"
        );
        assert_eq!(harmless("12345", 5), "12345");
        assert_eq!(harmless("123456", 5), "12345...");
    }

    proptest! {
        #[test]
        fn no_text_forges_a_line(
            because in proptest::option::of(any::<String>()), role in any::<String>(), name in any::<String>(), service in any::<String>()
        ) {
            let refusal = Refusal::Closed(GateAnswer {
                because: because.clone(),
                roles: Some(vec![role]),
                ..GateAnswer::default()
            });
            let lines = lines(&service, Reader::Proven(&name), &refusal);
            prop_assert_eq!(lines.len(), if because.is_some() { 1 } else { 2 });
            for line in lines {
                prop_assert!(line.starts_with("jitd: "));
                prop_assert!(line.chars().all(|c| c.is_ascii_graphic() || c == ' ' || c.is_alphanumeric() || "–—…‘’“”§°€".contains(c)));
                prop_assert!(line.len() < 5000);
            }
        }
    }
}
