//! Whose yes it takes: so many distinct people for each requirement, a person counting once.

use super::person::Person;
use super::policy::{People, Requirement};

/// What the requirements still need when these people have agreed: whose yes, and how many of
/// them. Empty when all are met.
///
/// A person who could count for several requirements counts for one of them, chosen so that as
/// few as possible stay open.
#[must_use]
pub fn outstanding<'a>(
    requirements: &'a [Requirement],
    agreed: &[Person],
) -> Vec<(&'a People, usize)> {
    let mut seats = Seats::new(requirements, agreed);
    for (index, person) in agreed.iter().enumerate() {
        let again = agreed[..index].iter().any(|other| other.uid == person.uid);
        if !again {
            seats.seat(index);
        }
    }
    seats.empty()
}

/// Whether this person's yes would count for any of the requirements.
#[must_use]
pub fn counts(requirements: &[Requirement], person: &Person) -> bool {
    requirements
        .iter()
        .any(|requirement| requirement.people.contains(person))
}

/// A seat for each yes that is needed, and who sits there: a bipartite matching, made as large
/// as it can be by augmenting paths.
struct Seats<'r, 'p> {
    agreed: &'p [Person],
    /// For each seat the people it is for, and who has it.
    seats: Vec<(&'r People, Option<usize>)>,
}

impl<'r, 'p> Seats<'r, 'p> {
    fn new(requirements: &'r [Requirement], agreed: &'p [Person]) -> Self {
        let seats = requirements
            .iter()
            .flat_map(|requirement| (0..requirement.count).map(|_| (&requirement.people, None)));
        Self {
            agreed,
            seats: seats.collect(),
        }
    }

    fn seat(&mut self, person: usize) {
        let mut tried = vec![false; self.seats.len()];
        self.find(person, &mut tried);
    }

    /// Gives the person a seat, moving others to seats that suit them too where that helps.
    fn find(&mut self, person: usize, tried: &mut [bool]) -> bool {
        for seat in 0..self.seats.len() {
            let (people, holder) = self.seats[seat];
            if tried[seat] || !people.contains(&self.agreed[person]) {
                continue;
            }
            tried[seat] = true;
            if holder.is_none_or(|holder| self.find(holder, tried)) {
                self.seats[seat].1 = Some(person);
                return true;
            }
        }
        false
    }

    fn empty(&self) -> Vec<(&'r People, usize)> {
        let mut missing: Vec<(&People, usize)> = Vec::new();
        for (people, _) in self.seats.iter().filter(|(_, holder)| holder.is_none()) {
            match missing.last_mut() {
                Some((last, count)) if std::ptr::eq(*last, *people) => *count += 1,
                _ => missing.push((people, 1)),
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::UserName;

    fn person(name: &str, groups: &[&str]) -> Person {
        Person {
            uid: name.bytes().map(u32::from).sum(),
            name: UserName::new(name).unwrap(),
            groups: groups.iter().map(ToString::to_string).collect(),
        }
    }

    fn of(group: &str, count: usize) -> Requirement {
        Requirement {
            people: People {
                users: Vec::new(),
                groups: vec![group.to_owned()],
            },
            count,
        }
    }

    fn missing(requirements: &[Requirement], agreed: &[Person]) -> Vec<(String, usize)> {
        outstanding(requirements, agreed)
            .into_iter()
            .map(|(people, count)| (people.described().join(","), count))
            .collect()
    }

    #[test]
    fn each_yes_fills_one_place() {
        let two = [of("dba", 2)];
        let ann = person("ann", &["dba"]);
        assert_eq!(missing(&two, &[]), [("group:dba".to_owned(), 2)]);
        assert_eq!(
            missing(&two, std::slice::from_ref(&ann)),
            [("group:dba".to_owned(), 1)]
        );
        let bea = person("bea", &["dba"]);
        assert!(missing(&two, &[ann, bea]).is_empty());
    }

    #[test]
    fn a_person_in_both_groups_counts_once_and_where_it_helps() {
        let both = [of("dba", 1), of("sec", 1)];
        let ann = person("ann", &["dba", "sec"]);
        assert_eq!(missing(&both, std::slice::from_ref(&ann)).len(), 1);
        // Ann came first and took the dba's place; Bea can only have that one.
        let bea = person("bea", &["dba"]);
        assert!(missing(&both, &[ann.clone(), bea]).is_empty());
        let cyd = person("cyd", &["sec"]);
        assert!(missing(&both, &[ann, cyd]).is_empty());
    }

    #[test]
    fn who_says_yes_twice_counts_once() {
        let ann = person("ann", &["dba"]);
        assert_eq!(missing(&[of("dba", 2)], &[ann.clone(), ann]).len(), 1);
    }

    #[test]
    fn who_fits_nothing_fills_nothing() {
        assert_eq!(missing(&[of("dba", 1)], &[person("eve", &["x"])]).len(), 1);
        assert!(missing(&[], &[]).is_empty());
    }
}
