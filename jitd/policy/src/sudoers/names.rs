//! How a name is said in sudoers(5): as it is where that is safe, escaped where it is not.

use std::fmt::Write as _;

use super::{Dialect, WORDS};

/// What sudo-rs takes after a backslash in a name.
const ESCAPED: &str = "\\\",:=!()";

/// Names, as a list. What can't be said is left out: whoever checks the policy has refused it.
pub(super) fn all_said(names: &[String], dialect: Dialect) -> String {
    let said: Vec<_> = names
        .iter()
        .filter_map(|name| said(name, dialect))
        .collect();
    said.join(", ")
}

/// A user, a group, `%` and a group, `#` and a number, or `ALL`; nothing where the name can't be
/// said to everybody who reads the file.
pub(super) fn said(name: &str, dialect: Dialect) -> Option<String> {
    if name == "ALL" || is_number(name) {
        return Some(name.to_owned());
    }
    let (sign, bare) = match name.strip_prefix('%') {
        Some(group) => ("%", group),
        None => ("", name),
    };
    if is_number(bare) {
        return Some(name.to_owned());
    }
    let bare = match dialect {
        Dialect::Sudo => in_hex(bare),
        Dialect::Common => for_all(bare)?,
    };
    Some(format!("{sign}{bare}"))
}

fn is_number(name: &str) -> bool {
    name.strip_prefix('#')
        .is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Every byte that could mean something goes by its number, and so does the first one of what
/// would be a word of sudo's, or an alias.
fn in_hex(name: &str) -> String {
    let mut said = String::new();
    for (place, byte) in name.bytes().enumerate() {
        let plain =
            byte.is_ascii_alphanumeric() || (place > 0 && b"._-".contains(&byte)) || byte == b'_';
        if plain && !(place == 0 && is_word(name)) {
            said.push(char::from(byte));
        } else {
            // A String takes all that is written to it.
            let _ = write!(said, "\\x{byte:02x}");
        }
    }
    said
}

/// In a form that sudo and sudo-rs read alike; sudo-rs knows no numbers of bytes.
fn for_all(name: &str) -> Option<String> {
    let mut said = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || "._-".contains(c) => said.push(c),
            c if ESCAPED.contains(c) => said.extend(['\\', c]),
            _ => return None,
        }
    }
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    (begins && !is_word(name)).then_some(said)
}

/// Whether sudo takes it for something else than a name.
fn is_word(name: &str) -> bool {
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_alias = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(upper);
    is_alias || WORDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_said_so_that_it_means_itself() {
        for (name, sudo, common) in [
            ("root", "root", Some("root")),
            ("ALL", "ALL", Some("ALL")),
            ("#1234", "#1234", Some("#1234")),
            ("%#1234", "%#1234", Some("%#1234")),
            ("%wheel", "%wheel", Some("%wheel")),
            ("Web.Svc", "Web.Svc", Some("Web.Svc")),
            ("SVC", "\\x53VC", None),
            ("%ADMINS", "%\\x41DMINS", None),
            ("sudoedit", "\\x73udoedit", None),
            ("1001", "1001", Some("1001")),
            ("_apt", "_apt", None),
            ("-x", "\\x2dx", None),
            ("Domain Users", "Domain\\x20Users", None),
            ("CORP\\web", "CORP\\x5cweb", Some("CORP\\\\web")),
            ("web@corp.example", "web\\x40corp.example", None),
            ("o'brien", "o\\x27brien", None),
            ("host$", "host\\x24", None),
            ("m\u{fc}ller", "m\\xc3\\xbcller", None),
            (
                "a=b(c)!",
                "a\\x3db\\x28c\\x29\\x21",
                Some("a\\=b\\(c\\)\\!"),
            ),
        ] {
            assert_eq!(said(name, Dialect::Sudo).as_deref(), Some(sudo));
            assert_eq!(said(name, Dialect::Common).as_deref(), common, "{name}");
        }
    }
}
