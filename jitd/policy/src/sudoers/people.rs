//! How holders are named in sudoers: by number, which says exactly one account in whatever
//! spelling, to sudo and sudo-rs alike.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Dialect, WORDS};
use crate::domain::desired::Holder;
use crate::domain::text;

/// The greatest number that sudo-rs reads: up to 0.2.5 at least, it takes nine digits and no more.
/// Directories give greater ones.
const MOST_IN_SUDO_RS: u32 = 999_999_999;

/// How a holder is named; not at all where the number is too great for sudo-rs, and the name
/// could be taken for something else.
pub(super) fn named((name, uid): &Holder, dialect: Dialect) -> Option<String> {
    if is_readable(*uid, dialect) {
        return Some(format!("#{uid}"));
    }
    is_plain(name.as_str()).then(|| name.to_string())
}

/// For whoever reads the file.
pub(super) fn described((name, uid): &Holder) -> String {
    format!("{} (uid {uid})", text::escaped(name.as_str()))
}

/// Refuses those who have a holder's number by now and are somebody else: the account was
/// renamed, or deleted and the number given anew, and nobody has noticed yet; jitd may be dead.
/// A name that could be taken for something else is not written: then the number stands alone.
pub(super) fn push_strangers(text: &mut String, holders: &BTreeSet<&Holder>, dialect: Dialect) {
    let refused = |(name, uid): &&&Holder| is_readable(*uid, dialect) && is_plain(name.as_str());
    let mut told = false;
    for (name, uid) in holders.iter().filter(refused) {
        if !told {
            text.push_str("\n# whoever has the number of one of them by now, and is not them\n");
            told = true;
        }
        // A String takes all that is written to it.
        let _ = writeln!(text, "#{uid}, !{name} ALL=(ALL : ALL) !ALL");
    }
}

fn is_readable(uid: u32, dialect: Dialect) -> bool {
    dialect == Dialect::Sudo || uid <= MOST_IN_SUDO_RS
}

/// Whether every sudo takes it for a name, and for this one, without a quote or an escape.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(plain)
        && !WORDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::UserName;

    fn holder(name: &str, uid: u32) -> Holder {
        (UserName::new(name).unwrap(), uid)
    }

    #[test]
    fn who_cannot_go_by_number_goes_by_a_name_that_is_one_for_certain() {
        let great = MOST_IN_SUDO_RS + 1;
        for (name, uid, dialect, expected) in [
            ("carol", 1001, Dialect::Common, Some("#1001")),
            ("CORP\\carol", 1001, Dialect::Common, Some("#1001")),
            ("carol", great, Dialect::Sudo, Some("#1000000000")),
            ("carol", great, Dialect::Common, Some("carol")),
            ("carol@corp.example", great, Dialect::Common, None),
            ("sudoedit", great, Dialect::Common, None),
            ("ALL", great, Dialect::Common, None),
        ] {
            let named = named(&holder(name, uid), dialect);
            assert_eq!(named.as_deref(), expected, "{name} {uid}");
        }
    }

    #[test]
    fn strangers_are_refused_where_their_names_can_be_told_apart() {
        let all = [
            holder("carol", 1001),
            holder("ACME\\dan", 1002),
            holder("sha256", 1003),
        ];
        let mut text = String::new();
        push_strangers(&mut text, &all.iter().collect(), Dialect::Sudo);
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(lines, ["#1001, !carol ALL=(ALL : ALL) !ALL"]);
    }
}
