//! As whom, and with which group.

/// Whom something is to run as, by the account directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The account's name.
    pub user: String,
    /// Its number.
    pub uid: u32,
    /// Whether a user was said (`-u`).
    pub user_said: bool,
    /// Whether it is whoever asks.
    pub is_asker: bool,
    /// Names of its groups, its own first; they need not be looked up where no role names any.
    pub groups: Vec<String>,
    /// The name of the group that was said (`-g`).
    pub group: Option<String>,
}

impl Target {
    /// Whether a role's commands may be run so, by match.c: users and groups are as in a sudoers
    /// file.
    pub(super) fn is_given(&self, users: &[String], groups: &[String]) -> bool {
        let is_user = |given: &String| {
            let given = bare(given);
            match (given.strip_prefix('%'), given.strip_prefix('#')) {
                (Some(group), _) => self.groups.iter().any(|own| own == group),
                (None, Some(uid)) => uid.parse() == Ok(self.uid),
                (None, None) => given == "ALL" || given == self.user,
            }
        };
        let by_user = (self.user_said || self.group.is_none()) && users.iter().any(is_user);
        let Some(group) = &self.group else {
            return by_user;
        };
        let is_group = |given: &String| {
            let given = bare(given);
            given == "ALL" || given == *group
        };
        // Who changes the group alone stays who they are; a group that an account is in anyway
        // need not be given.
        let own = self.groups.contains(group);
        (by_user || self.is_asker) && (own || groups.iter().any(is_group))
    }
}

/// A name without what sudoers(5) needs around it.
fn bare(name: &str) -> String {
    let name = name.strip_prefix('"').unwrap_or(name);
    let name = name.strip_suffix('"').unwrap_or(name);
    let mut bare = String::new();
    let mut characters = name.chars();
    while let Some(c) = characters.next() {
        if c == '\\' {
            bare.extend(characters.next());
        } else {
            bare.push(c);
        }
    }
    bare
}
