//! Whether the host sees memberships that are kept in drop-ins: nsswitch.conf(5).

/// Where it is.
pub const PATH: &str = "/etc/nsswitch.conf";

/// What keeps the host from seeing them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Nobody looks at drop-ins: what is given has no effect.
    Unseen,
    /// Look-ups of a group that is in /etc/group too end there: `id` and new logins see the
    /// membership, `getent group` does not.
    Unlisted,
}

impl Unfit {
    /// What to do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unseen => {
                "memberships in /run/userdb have no effect on this host: install libnss-systemd, and say \"group: files [SUCCESS=merge] systemd\" in /etc/nsswitch.conf"
            }
            Self::Unlisted => {
                "getent(1) does not list members in /run/userdb of groups that are in /etc/group: say \"group: files [SUCCESS=merge] systemd\" in /etc/nsswitch.conf"
            }
        }
    }
}

/// What is wrong with the text of the file for memberships in drop-ins; nothing if it fits.
#[must_use]
pub fn unfit(text: &str) -> Option<Unfit> {
    let words = line_of(text, "group").unwrap_or_default();
    // Where there is a line for initgroups(3), logins go by it.
    let logins = line_of(text, "initgroups").unwrap_or_else(|| words.clone());
    let systemd = |words: &[String]| words.iter().position(|word| word == "systemd");
    if systemd(&logins).is_none() {
        return Some(Unfit::Unseen);
    }
    let Some(place) = systemd(&words) else {
        return Some(Unfit::Unlisted);
    };
    let before = words.get(..place).unwrap_or_default();
    let goes_on = |word: &&String| {
        let word = word.to_ascii_lowercase();
        word.starts_with('[') && word.contains("success=merge")
    };
    let sources = before.iter().filter(|word| !word.starts_with('['));
    let merging = before.iter().filter(goes_on);
    (sources.count() > merging.count()).then_some(Unfit::Unlisted)
}

/// The sources and actions of a database, an action in brackets as one word.
fn line_of(text: &str, database: &str) -> Option<Vec<String>> {
    let line = text.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let (name, rest) = line.split_once(':')?;
        (name.trim() == database).then_some(rest)
    })?;
    let mut words: Vec<String> = Vec::new();
    for word in line
        .replace('[', " [")
        .replace(']', "] ")
        .split_whitespace()
    {
        match words.last_mut() {
            Some(last) if last.starts_with('[') && !last.ends_with(']') => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_from_what_does() {
        for (text, expected) in [
            ("group: files [SUCCESS=merge] systemd", None),
            (
                "passwd: files\ngroup:\tfiles [ success=MERGE ] systemd # x",
                None,
            ),
            ("group: systemd", None),
            ("group: systemd files", None),
            (
                "group: files[SUCCESS=merge]sss [SUCCESS=merge] systemd",
                None,
            ),
            ("group: files systemd", Some(Unfit::Unlisted)),
            (
                "group: files [NOTFOUND=return] systemd",
                Some(Unfit::Unlisted),
            ),
            (
                "group: files [SUCCESS=merge] sss systemd",
                Some(Unfit::Unlisted),
            ),
            (
                "group: files\ninitgroups: files systemd",
                Some(Unfit::Unlisted),
            ),
            ("group: files", Some(Unfit::Unseen)),
            ("#group: files systemd", Some(Unfit::Unseen)),
            ("", Some(Unfit::Unseen)),
            (
                "group: files [SUCCESS=merge] systemd\ninitgroups: files",
                Some(Unfit::Unseen),
            ),
        ] {
            assert_eq!(unfit(text), expected, "{text}");
        }
    }
}
