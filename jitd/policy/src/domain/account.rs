//! Whether an account is still the one that something was given to.
//!
//! An elevation belongs to a name and a number. An account can be renamed, and its name or its
//! number be given to somebody else: then what was given must not go with either.

use super::desired::Holder;

/// What the accounts of a host say of a holder's name and number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// How the number is called.
    pub name: Found<String>,
    /// The number of the name.
    pub number: Found<u32>,
    /// Whether both stand together in the host's own file.
    pub is_local: bool,
}

/// What came of one question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Found<T> {
    /// This.
    It(T),
    /// There is none.
    Nothing,
    /// Nobody can say: a directory is out of reach.
    #[default]
    Unknown,
}

/// What a look tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pairing {
    /// Name and number belong together.
    Holds,
    /// They do not, and why; how the number is called now, where that is another name.
    Broken {
        /// For people.
        why: String,
        /// The number's new name.
        renamed: Option<String>,
    },
    /// Neither is there.
    Absent,
    /// Nobody can say.
    Unknown,
}

impl Look {
    /// Judges it.
    #[must_use]
    pub fn of(&self, (name, uid): &Holder) -> Pairing {
        let name = name.as_str();
        let renamed = match &self.name {
            Found::It(now) if now != name => Some(now.clone()),
            _ => None,
        };
        let moved = match self.number {
            Found::It(now) if now != *uid => Some(now),
            _ => None,
        };
        let why = match (&renamed, moved) {
            (Some(now), Some(number)) => format!(
                "the account changed: uid {uid} was {name} and is {now} now, and {name} is uid {number}"
            ),
            (Some(now), None) => {
                format!("the account changed: uid {uid} was {name} and is {now} now")
            }
            (None, Some(number)) => {
                format!("the account changed: {name} was uid {uid} and is uid {number} now")
            }
            (None, None) => return self.unbroken(),
        };
        Pairing::Broken { why, renamed }
    }

    fn unbroken(&self) -> Pairing {
        match (&self.name, &self.number) {
            (Found::It(_), Found::It(_)) => Pairing::Holds,
            (Found::Nothing, Found::Nothing) => Pairing::Absent,
            // One of two questions was answered, and the other not in time.
            _ => Pairing::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::UserName;
    use super::*;

    fn look(name: Found<&str>, number: Found<u32>) -> Pairing {
        let name = match name {
            Found::It(name) => Found::It(name.to_owned()),
            Found::Nothing => Found::Nothing,
            Found::Unknown => Found::Unknown,
        };
        let look = Look {
            name,
            number,
            is_local: false,
        };
        look.of(&(UserName::new("carol").unwrap(), 1001))
    }

    #[test]
    fn a_pair_holds_only_both_ways_round() {
        use Found::{It, Nothing, Unknown};
        assert_eq!(look(It("carol"), It(1001)), Pairing::Holds);
        assert_eq!(look(Nothing, Nothing), Pairing::Absent);
        for unclear in [
            look(Unknown, Unknown),
            look(It("carol"), Unknown),
            look(Unknown, Nothing),
            look(It("carol"), Nothing),
        ] {
            assert_eq!(unclear, Pairing::Unknown);
        }
        for (broken, now) in [
            (look(It("eva"), Nothing), Some("eva")),
            (look(It("eva"), It(1005)), Some("eva")),
            (look(Nothing, It(1005)), None),
            (look(Unknown, It(1005)), None),
            (look(It("carol"), It(1005)), None),
            (look(It("eva"), It(1001)), Some("eva")),
        ] {
            let Pairing::Broken { renamed, .. } = broken else {
                panic!("{broken:?}");
            };
            assert_eq!(renamed.as_deref(), now);
        }
    }
}
