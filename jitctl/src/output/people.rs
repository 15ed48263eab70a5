//! Whose yes it takes, in words, from `user:NAME`, `group:NAME` and `2 of group:NAME`.

use super::escape::escape;

/// `alice, or a member of jit-approvers`: who may decide.
pub(crate) fn approvers(approvers: &[String]) -> String {
    let people = People::of(approvers.iter().map(String::as_str));
    match people.one() {
        nobody if nobody.is_empty() => "an approver".to_owned(),
        one => one,
    }
}

/// `2 members of dba, and alice or a member of security`: what all is needed. As it came where
/// it is not understood.
pub(crate) fn needs(needs: &[String]) -> String {
    let all: Vec<_> = needs.iter().map(|need| demand(need)).collect();
    all.join(", and ")
}

/// `2 yes`, `automatic`: how many people must agree.
pub(crate) fn how_many(needs: &[String]) -> String {
    let counts = needs.iter().map(|need| count_of(need).map(|(n, _)| n));
    match counts.sum::<Option<u64>>() {
        Some(0) => "automatic".to_owned(),
        Some(count) => format!("{count} yes"),
        None => escape(&needs.join(", ")),
    }
}

fn demand(need: &str) -> String {
    let Some((count, rest)) = count_of(need) else {
        return escape(need);
    };
    let people = People::of(rest.split(" or "));
    if people.understood {
        people.several(count)
    } else {
        escape(need)
    }
}

fn count_of(need: &str) -> Option<(u64, &str)> {
    let (count, rest) = need.split_once(" of ")?;
    Some((count.parse().ok()?, rest))
}

/// Names, escaped.
struct People {
    users: Vec<String>,
    groups: Vec<String>,
    understood: bool,
}

impl People {
    fn of<'a>(described: impl Iterator<Item = &'a str>) -> Self {
        let mut people = Self {
            users: Vec::new(),
            groups: Vec::new(),
            understood: true,
        };
        for one in described {
            if let Some(name) = one.strip_prefix("user:") {
                people.users.push(escape(name));
            } else if let Some(name) = one.strip_prefix("group:") {
                people.groups.push(escape(name));
            } else {
                people.understood = false;
            }
        }
        people
    }

    fn one(&self) -> String {
        let mut ways = self.users.clone();
        if !self.groups.is_empty() {
            ways.push(format!("a member of {}", self.groups.join(" or ")));
        }
        match ways.as_slice() {
            [] => String::new(),
            [way] => way.clone(),
            [first @ .., last] => format!("{}, or {last}", first.join(", ")),
        }
    }

    fn several(&self, count: u64) -> String {
        if count == 1 {
            return self.one();
        }
        if self.users.is_empty() {
            return format!("{count} members of {}", self.groups.join(" or "));
        }
        let mut ways = self.users.clone();
        if !self.groups.is_empty() {
            ways.push(format!("the members of {}", self.groups.join(" or ")));
        }
        match ways.as_slice() {
            [first @ .., last] if !first.is_empty() => {
                format!("{count} of {} and {last}", first.join(", "))
            }
            ways => format!("{count} of {}", ways.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn approvers_read_as_a_sentence() {
        for (list, shown) in [
            (&[][..], "an approver"),
            (&["user:alice"][..], "alice"),
            (&["group:g"][..], "a member of g"),
            (
                &["user:alice", "group:g", "group:h"][..],
                "alice, or a member of g or h",
            ),
            (
                &["user:a", "user:b", "group:g"][..],
                "a, b, or a member of g",
            ),
        ] {
            assert_eq!(approvers(&owned(list)), shown);
        }
    }

    #[test]
    fn needs_read_as_a_sentence() {
        for (list, shown) in [
            (&[][..], ""),
            (&["1 of group:dba"][..], "a member of dba"),
            (
                &["1 of user:bob or group:dba"][..],
                "bob, or a member of dba",
            ),
            (&["2 of group:dba"][..], "2 members of dba"),
            (
                &["2 of group:dba or user:bob"][..],
                "2 of bob and the members of dba",
            ),
            (&["2 of user:a or user:b or user:c"][..], "2 of a, b and c"),
            (
                &["1 of group:dba", "2 of group:sec or group:ops"][..],
                "a member of dba, and 2 members of sec or ops",
            ),
            (&["2 of group:a\nb\u{1b}"][..], r"2 members of a\nb\u{1b}"),
            (&["somebody\u{1b}"][..], r"somebody\u{1b}"),
            (
                &["2 of everybody or group:x"][..],
                "2 of everybody or group:x",
            ),
        ] {
            assert_eq!(needs(&owned(list)), shown);
        }
    }

    #[test]
    fn how_many_are_counted() {
        for (list, shown) in [
            (&[][..], "automatic"),
            (&["1 of group:dba"][..], "1 yes"),
            (&["1 of group:dba", "2 of group:sec"][..], "3 yes"),
            (&["somebody\u{1b}"][..], r"somebody\u{1b}"),
        ] {
            assert_eq!(how_many(&owned(list)), shown);
        }
    }
}
