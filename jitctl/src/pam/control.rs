//! The second column: what libpam does about each answer of a module.

/// What a module answers (`security/_pam_types.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u8);

impl Code {
    /// All went well.
    pub const SUCCESS: Self = Self(0);
    /// No.
    pub const PERM_DENIED: Self = Self(6);
    /// Not the one who was said.
    pub const AUTH_ERR: Self = Self(7);
    /// What `pam_jit` refuses with in auth.
    pub const CRED_INSUFFICIENT: Self = Self(8);
    /// Yes, but a new password first: sudo and su go on after that.
    pub const NEW_AUTHTOK_REQD: Self = Self(12);
    /// sudo goes on as if nothing were.
    pub const SESSION_ERR: Self = Self(14);
    /// Leave me out.
    pub const IGNORE: Self = Self(25);
    /// Ask again: ends the walk, and is no success.
    pub const INCOMPLETE: Self = Self(31);

    /// What a line that libpam can't use counts as.
    pub const MUST_FAIL: Self = Self::PERM_DENIED;

    const NUMBER: usize = 32;

    /// Every code that a module may answer and that the walk goes on after.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::INCOMPLETE.0).map(Self)
    }
}

/// What is done about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing.
    Ignore,
    /// It counts, where nothing has failed before.
    Ok,
    /// The same, and the stack is done.
    Done,
    /// It has failed; the others are asked all the same.
    Bad,
    /// It has failed, and the stack is done.
    Die,
    /// What came before is forgotten.
    Reset,
    /// So many are skipped.
    Jump(u32),
}

/// An action for each code.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Actions([Action; Code::NUMBER]);

/// The codes by name, in libpam's order; the last one stands for all that are not named.
const CODES: [&str; Code::NUMBER + 1] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
    "default",
];

const ACTIONS: [(&str, Action); 6] = [
    ("ignore", Action::Ignore),
    ("ok", Action::Ok),
    ("done", Action::Done),
    ("bad", Action::Bad),
    ("die", Action::Die),
    ("reset", Action::Reset),
];

impl Actions {
    /// What is done about this answer.
    #[must_use]
    pub fn of(&self, code: Code) -> Action {
        // A code that there is none of counts as a failure.
        self.0
            .get(usize::from(code.0))
            .copied()
            .unwrap_or(Action::Bad)
    }

    /// Whatever is answered, it has failed.
    #[must_use]
    pub const fn bad() -> Self {
        Self([Action::Bad; Code::NUMBER])
    }

    /// What a word of the second column means; one that is none, is a list of `code=action`.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        let simple = |good, ignore, other| {
            let mut actions = [other; Code::NUMBER];
            for code in [Code::SUCCESS, Code::NEW_AUTHTOK_REQD] {
                actions[usize::from(code.0)] = good;
            }
            actions[usize::from(Code::IGNORE.0)] = ignore;
            Self(actions)
        };
        match word.to_ascii_lowercase().as_str() {
            "required" => simple(Action::Ok, Action::Ignore, Action::Bad),
            "requisite" => simple(Action::Ok, Action::Ignore, Action::Die),
            "optional" => simple(Action::Ok, Action::Ignore, Action::Ignore),
            "sufficient" => simple(Action::Done, Action::Ignore, Action::Ignore),
            _ => list(word.as_bytes()).unwrap_or_else(Self::bad),
        }
    }
}

/// `success=1 default=ignore`; nothing for what libpam does not understand.
fn list(mut text: &[u8]) -> Option<Actions> {
    let mut actions = [None; Code::NUMBER];
    loop {
        text = text.trim_ascii_start();
        if text.is_empty() {
            break;
        }
        // The first name that fits, as libpam does it; there need be no end of a word after it.
        let (code, rest) = first_of(&CODES, text)?;
        let rest = rest.trim_ascii_start().strip_prefix(b"=")?;
        let (action, rest) = action(rest.trim_ascii_start())?;
        match actions.get_mut(code) {
            Some(place) => *place = Some(action),
            None => {
                for place in &mut actions {
                    place.get_or_insert(action);
                }
            }
        }
        text = rest;
    }
    Some(Actions(actions.map(|it| it.unwrap_or(Action::Bad))))
}

fn first_of<'a>(names: &[&str], text: &'a [u8]) -> Option<(usize, &'a [u8])> {
    let mut fitting = names.iter().enumerate();
    fitting.find_map(|(at, name)| Some((at, text.strip_prefix(name.as_bytes())?)))
}

fn action(text: &[u8]) -> Option<(Action, &[u8])> {
    if let Some((at, rest)) = first_of(&ACTIONS.map(|(name, _)| name), text) {
        return Some((ACTIONS[at].1, rest));
    }
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(digits);
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    (number > 0).then_some((Action::Jump(number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_each_code_or_all_others() {
        let actions = Actions::parse("success=2 new_authtok_reqd = done default=ignore");
        assert_eq!(actions.of(Code::SUCCESS), Action::Jump(2));
        assert_eq!(actions.of(Code::NEW_AUTHTOK_REQD), Action::Done);
        assert_eq!(actions.of(Code::PERM_DENIED), Action::Ignore);
        let unsaid = Actions::parse("success=ok");
        assert_eq!(unsaid.of(Code::IGNORE), Action::Bad);
        // What is said after it is said over it.
        let later = Actions::parse("default=ignore success=ok");
        assert_eq!(later.of(Code::SUCCESS), Action::Ok);
    }

    #[test]
    fn what_is_no_list_fails() {
        for word in [
            "success=0",
            "success",
            "success=",
            "yes=ok",
            "Required!",
            "success=ok x",
        ] {
            assert_eq!(Actions::parse(word), Actions::bad(), "{word}");
        }
        assert_eq!(Actions::parse("REQUIRED"), Actions::parse("required"));
    }
}
