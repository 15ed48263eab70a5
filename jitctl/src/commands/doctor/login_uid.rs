//! Whether root can set a login uid anew (`auditctl(8)`).

use super::host::all_said;
use crate::doctor::Finding;

/// What the kernel's audit says of it. Decisions do not hang on it alone: whoever sets one is in no
/// login session.
pub(super) fn finding() -> Finding {
    let check = "login uid";
    let said = all_said("auditctl", &["-s"]);
    match said.as_deref().and_then(is_immutable) {
        Some(true) => Finding::ok(check, "nobody can set it again"),
        Some(false) => Finding::warning(
            check,
            "root can set another one, and the record then names somebody else",
        )
        .next("auditctl --loginuid-immutable; for good: a line of its own in /etc/audit/rules.d/"),
        None => Finding::ok(
            check,
            "the kernel's audit does not tell here whether root can set another one",
        ),
    }
}

fn is_immutable(said: &str) -> Option<bool> {
    let mut lines = said.lines();
    let state = lines.find_map(|line| line.strip_prefix("loginuid_immutable "))?;
    Some(state.starts_with('1'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_auditctl_says_is_understood() {
        let said = "enabled 1\nfailure 1\nloginuid_immutable 0 unlocked\n";
        assert_eq!(is_immutable(said), Some(false));
        let locked = said.replace("0 unlocked", "1 locked");
        assert_eq!(is_immutable(&locked), Some(true));
        assert_eq!(is_immutable("enabled 1\n"), None);
        assert_eq!(is_immutable(""), None);
    }
}
