//! Who may have how many connections at jitd's own socket: an account fills no places but its own,
//! and however many accounts come together, root and approvers still get in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::peer::Login;

/// Most connections of one account, and of one person who logged in, in whatever accounts: with
/// subordinate ids, somebody has 65,536 of those.
const MOST_OF_ONE: usize = 16;
/// Most connections of all.
const MOST: usize = 256;
/// As many more for approvers, and for root.
const FOR_APPROVERS: usize = 64;
const FOR_ROOT: usize = 64;

/// Who is connected. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    accounts: HashMap<u32, usize>,
    logins: HashMap<u32, usize>,
    kinds: HashMap<Kind, usize>,
}

/// Whose place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Common,
    Approver,
    Root,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// The account, or the person who logged in, has its most.
    #[error("you have {MOST_OF_ONE} connections to jitd already")]
    Own,
    /// All have; there may be one for an approver.
    #[error("too many connections to jitd")]
    Common,
}

/// One connection's place; given back when dropped.
pub(super) struct Place {
    places: Places,
    uid: u32,
    login: Option<u32>,
    kind: Kind,
}

impl Places {
    /// A place for an account.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn take(&self, uid: u32, login: Login) -> Result<Place, Full> {
        if uid == 0 {
            return self.of(Kind::Root, FOR_ROOT, uid, None);
        }
        self.of(Kind::Common, MOST, uid, login.uid)
    }

    /// A place for an approver, where the common ones are taken.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn take_as_approver(&self, uid: u32, login: Login) -> Result<Place, Full> {
        self.of(Kind::Approver, FOR_APPROVERS, uid, login.uid)
    }

    fn of(&self, kind: Kind, most: usize, uid: u32, login: Option<u32>) -> Result<Place, Full> {
        let mut taken = self.locked();
        let count = |taken: &HashMap<u32, usize>, uid| taken.get(&uid).copied().unwrap_or(0);
        let in_all = login.map_or(0, |login| count(&taken.logins, login));
        let own = count(&taken.accounts, uid).max(in_all);
        if kind != Kind::Root && own >= MOST_OF_ONE {
            return Err(Full::Own);
        }
        if taken.kinds.get(&kind).copied().unwrap_or(0) >= most {
            return Err(Full::Common);
        }
        *taken.kinds.entry(kind).or_default() += 1;
        *taken.accounts.entry(uid).or_default() += 1;
        if let Some(login) = login {
            *taken.logins.entry(login).or_default() += 1;
        }
        Ok(Place {
            places: self.clone(),
            uid,
            login,
            kind,
        })
    }

    fn locked(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.locked();
        less(&mut taken.kinds, &self.kind);
        less(&mut taken.accounts, &self.uid);
        if let Some(login) = self.login {
            less(&mut taken.logins, &login);
        }
    }
}

fn less<K: std::hash::Hash + Eq>(taken: &mut HashMap<K, usize>, key: &K) {
    match taken.get_mut(key) {
        Some(count) if *count > 1 => *count -= 1,
        _ => {
            taken.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(uid: u32) -> Login {
        Login {
            uid: Some(uid),
            session: Some(7),
        }
    }

    const NOBODY: Login = Login {
        uid: None,
        session: None,
    };

    #[test]
    fn one_fills_no_places_but_their_own() {
        let places = Places::default();
        let mut held = Vec::new();
        held.extend((0..MOST_OF_ONE).map(|_| places.take(1000, login(1000)).unwrap()));
        assert_eq!(places.take(1000, login(1000)).err(), Some(Full::Own));
        // Nor in other accounts, while it is they who logged in.
        assert_eq!(places.take(100_000, login(1000)).err(), Some(Full::Own));
        assert!(places.take(1001, login(1001)).is_ok());
        held.clear();
        assert!(places.take(1000, login(1000)).is_ok());
        let taken = places.locked();
        assert!(taken.accounts.is_empty() && taken.logins.is_empty());
    }

    #[test]
    fn all_together_leave_room_for_root_and_approvers() {
        let places = Places::default();
        let all: Vec<_> = (0..MOST)
            .map(|uid| {
                places
                    .take(u32::try_from(uid).unwrap() + 10_000, NOBODY)
                    .unwrap()
            })
            .collect();
        assert_eq!(places.take(1001, login(1001)).err(), Some(Full::Common));
        let _approver = places.take_as_approver(1001, login(1001)).unwrap();
        let _root = places.take(0, login(1000)).unwrap();
        drop(all);
        assert!(places.take(1002, NOBODY).is_ok());
    }
}
