//! Who is calling, and who that counts as.

use super::elevation::Elevation;
use super::names::UserName;

/// An account and the groups it is in, as the directory (NSS) knew it when asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Numeric id.
    pub uid: u32,
    /// Account name.
    pub name: UserName,
    /// Names of all its groups.
    pub groups: Vec<String>,
}

impl Person {
    /// Whether the elevation is this account's, by number and name: a number can have got
    /// another owner since.
    #[must_use]
    pub fn is_holder_of(&self, elevation: &Elevation) -> bool {
        self.uid == elevation.uid && self.name == elevation.user
    }
}

/// Somebody on the bus: the account the bus vouches for, and the login the kernel does.
///
/// The kernel's login uid is set once by sshd or login and survives sudo and su, so it
/// tells who a root shell, or a shell in another's account, really is (FACTS 27).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account, from the bus.
    pub account: Person,
    /// Who logged in, when the kernel knows and it is not the account itself.
    pub login: Option<Person>,
    /// Whether anybody logged in for the calling process at all, as far as the kernel knows. A
    /// program that root starts in another's name, as a service, has nobody.
    pub logged_in: bool,
    /// Why the calling process is not in a login session of that person; none where it is. Who is
    /// not there decides nothing: a service or a user manager acts for whoever can start it.
    pub absent: Option<String>,
}

impl Caller {
    /// Whether the account is root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.account.uid == 0
    }

    /// The persons who must all have the authority to decide, for the caller to have it.
    ///
    /// A root shell counts as the one who logged in. Anyone else counts as their account
    /// and, in somebody else's account, as the one who logged in too.
    #[must_use]
    pub fn deciders(&self) -> Vec<&Person> {
        match &self.login {
            None => vec![&self.account],
            Some(login) if self.is_root() => vec![login],
            Some(login) => vec![login, &self.account],
        }
    }

    /// The one person that a decision of this caller counts as.
    #[must_use]
    pub fn person(&self) -> &Person {
        self.login.as_ref().unwrap_or(&self.account)
    }

    /// Whether this is the elevation's holder: their account, or the root shell they opened.
    #[must_use]
    pub fn holds(&self, elevation: &Elevation) -> bool {
        let holds = |person: &Person| person.is_holder_of(elevation);
        holds(&self.account) || (self.is_root() && holds(self.person()))
    }

    /// Whether somebody of this caller had a hand in the request: neither may decide it.
    #[must_use]
    pub fn had_a_hand_in(&self, elevation: &Elevation) -> bool {
        let asked = [Some(elevation.uid), elevation.login_uid];
        [
            Some(self.account.uid),
            self.login.as_ref().map(|login| login.uid),
        ]
        .into_iter()
        .flatten()
        .any(|uid| asked.contains(&Some(uid)))
    }
}
