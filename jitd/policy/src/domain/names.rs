//! Names that end up in system files, checked once where they come in.

use std::borrow::Borrow;
use std::fmt;

use super::text::is_hostile;

/// A name that would damage a file or mislead a reader.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a valid {kind} name: {rule}")]
pub struct InvalidName {
    kind: &'static str,
    name: String,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// What such a name looks like.
            pub const RULE: &str = $rule;

            /// Takes a name that follows the rule of its kind.
            ///
            /// # Errors
            /// [`InvalidName`] says which rule it breaks.
            pub fn new(name: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(name) {
                    Ok(Self(name.to_owned()))
                } else {
                    let name = name.chars().take(jitd_api::MAX_ACCOUNT_NAME).collect();
                    Err(InvalidName { kind: $kind, name, rule: Self::RULE })
                }
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// The name of a role, as people type it.
    RoleName,
    "role",
    "1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit",
    |name| portable(name, jitd_api::MAX_NAME)
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
);

name!(
    /// The name of a group, from whatever directory.
    GroupName,
    "group",
    "1 to 256 bytes without a colon, comma or invisible character, and without a space at either end",
    |name| fits_member_list(name)
);

impl GroupName {
    /// Of which groups jitd makes: what groupadd(8) accepts everywhere.
    pub const MADE: &str = "1 to 32 of a-z, 0-9, _ and -, beginning with a letter or _";

    /// Whether jitd can make a group of that name.
    #[must_use]
    pub fn can_be_made(&self) -> bool {
        let name = self.as_str();
        portable(name, 32) && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
    }
}

name!(
    /// The name of an account, from whatever directory: anything that can stand
    /// in a member list of group(5).
    UserName,
    "user",
    "1 to 256 bytes without a colon, comma or invisible character, and without a space at either end",
    |name| fits_member_list(name)
);

name!(
    /// The name of a PAM service: a file name in /etc/pam.d.
    ServiceName,
    "PAM service",
    "1 to 64 of a-z, A-Z, 0-9, _, . and -",
    |name| !name.is_empty()
        && name.len() <= jitd_api::MAX_NAME
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
);

fn portable(name: &str, longest: usize) -> bool {
    !name.is_empty()
        && name.len() <= longest
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

fn fits_member_list(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= jitd_api::MAX_ACCOUNT_NAME
        && name.trim() == name
        && name.chars().all(|c| !is_hostile(c) && c != ',' && c != ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_a_file_are_refused() {
        for bad in [
            "",
            " a",
            "a ",
            "a\u{a0}",
            "a,b",
            "a:b",
            "a\nb",
            "a\u{1b}[2J",
            "\u{202e}a",
        ] {
            assert!(UserName::new(bad).is_err(), "{bad:?}");
            assert!(GroupName::new(bad).is_err(), "{bad:?}");
            assert!(RoleName::new(bad).is_err(), "{bad:?}");
        }
        assert!(GroupName::new(&"g".repeat(257)).is_err());
        assert!(UserName::new(&"u".repeat(257)).is_err());
        assert!(ServiceName::new("../sudo").is_err());
    }

    #[test]
    fn usual_names_are_taken() {
        let long = "u".repeat(256);
        for name in [
            "carol@example.org",
            "EXAMPLE\\carol",
            "Domain Contractors",
            "1001",
            "o'brien",
            "HOST$",
            "m\u{fc}ller",
            "-a",
            "+a",
            &long,
        ] {
            assert!(UserName::new(name).is_ok(), "{name}");
            assert!(!GroupName::new(name).unwrap().can_be_made(), "{name}");
        }
        assert!(GroupName::new("jit-deploy").unwrap().can_be_made());
        assert!(RoleName::new("deploy").is_ok());
        assert!(ServiceName::new("sudo-i").is_ok());
    }
}
