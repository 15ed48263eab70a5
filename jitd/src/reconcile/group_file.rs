//! group(5) and gshadow(5), of which jitd knows as much as it must: the first field is the
//! name, the fourth the members. Everything else stays byte for byte.

use std::borrow::Cow;
use std::collections::HashMap;

/// A group file in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupFile<'a> {
    /// Lines without their newline.
    lines: Vec<Cow<'a, [u8]>>,
    /// Where a group stands; of two lines with one name the first counts, as in glibc.
    places: HashMap<&'a [u8], usize>,
}

impl<'a> GroupFile<'a> {
    /// Takes any bytes; lines that make no sense are kept and never touched.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut lines = Vec::new();
        let mut places = HashMap::new();
        for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if let Some((name, _)) = name_and_members(line) {
                places.entry(name).or_insert(place);
            }
            lines.push(Cow::Borrowed(line));
        }
        Self { lines, places }
    }

    /// The file's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.lines.join(&b'\n')
    }

    /// Whether the file has the group.
    #[must_use]
    pub fn has(&self, group: &str) -> bool {
        self.places.contains_key(group.as_bytes())
    }

    /// The group's members; none for a group that is not there.
    #[must_use]
    pub fn members(&self, group: &str) -> Vec<&[u8]> {
        let line = self
            .places
            .get(group.as_bytes())
            .and_then(|place| self.lines.get(*place));
        line.and_then(|line| name_and_members(line))
            .map(|(_, members)| listed(members))
            .unwrap_or_default()
    }

    /// Whether a group has the number.
    #[must_use]
    pub fn has_gid(&self, gid: u32) -> bool {
        let gid = gid.to_string();
        self.places.values().any(|place| {
            let line = self.lines.get(*place);
            let number = line.and_then(|line| line.split(|byte| *byte == b':').nth(2));
            number == Some(gid.as_bytes())
        })
    }

    /// The file's bytes with one more line: at the end, or before the lines of NIS, after which
    /// none is looked at.
    #[must_use]
    pub fn with_line(mut self, line: &'a [u8]) -> Vec<u8> {
        let is_nis = |line: &Cow<'_, [u8]>| line.starts_with(b"+") || line.starts_with(b"-");
        let end = match self.lines.last() {
            Some(last) if last.is_empty() => self.lines.len() - 1,
            _ => self.lines.len(),
        };
        let place = self.lines.iter().position(is_nis).unwrap_or(end);
        self.lines.insert(place, Cow::Borrowed(line));
        self.to_bytes()
    }

    /// The same, to be kept; none where there is no such group.
    #[must_use]
    pub fn listed(&self, group: &str) -> Option<Vec<Vec<u8>>> {
        let members = self.members(group);
        self.has(group)
            .then(|| members.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// Replaces the group's members; a group that is not there stays away.
    pub fn set_members<M: AsRef<[u8]>>(&mut self, group: &str, members: &[M]) {
        let line = self
            .places
            .get(group.as_bytes())
            .and_then(|place| self.lines.get_mut(*place));
        let Some(line) = line else { return };
        let Some((_, old)) = name_and_members(line) else {
            return;
        };
        let kept = line.len() - old.len();
        let line = line.to_mut();
        line.truncate(kept);
        let members: Vec<&[u8]> = members.iter().map(AsRef::as_ref).collect();
        line.extend(members.join(&b','));
    }
}

/// The name and the member list of a line that has both. Names of NIS (`+`, `-`) and comments
/// are no groups.
fn name_and_members(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = line.splitn(4, |byte| *byte == b':');
    let (name, _, _, members) = (
        fields.next()?,
        fields.next()?,
        fields.next()?,
        fields.next()?,
    );
    let sensible = !name.is_empty()
        && !name.starts_with(b"+")
        && !name.starts_with(b"-")
        && !name.starts_with(b"#");
    (sensible && !members.contains(&b':')).then_some((name, members))
}

fn listed(members: &[u8]) -> Vec<&[u8]> {
    members
        .split(|byte| *byte == b',')
        .filter(|member| !member.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &[u8] = b"root:x:0:\n# a comment: with: colons: in\nadm:x:4:syslog,alice\n\nbroken\n+::\njit:x:900:\nadm:x:5:twice\nlast:x:9:eve";

    #[test]
    fn members_are_read_and_replaced_and_nothing_else_changes() {
        let mut file = GroupFile::parse(FILE);
        assert_eq!(file.members("adm"), [b"syslog".as_slice(), b"alice"]);
        assert!(!file.has("broken") && !file.has("+") && !file.has("# a comment"));
        file.set_members("jit", &["carol", "bob"]);
        file.set_members("adm", &[""; 0]);
        file.set_members("last", &["eve", "mallory"]);
        file.set_members("nobody", &["carol"]);
        let expected = String::from_utf8_lossy(FILE)
            .replace("adm:x:4:syslog,alice", "adm:x:4:")
            .replace("jit:x:900:", "jit:x:900:carol,bob")
            .replace("last:x:9:eve", "last:x:9:eve,mallory");
        assert_eq!(String::from_utf8_lossy(&file.to_bytes()), expected);
    }

    #[test]
    fn a_line_is_added_where_it_counts() {
        for (file, expected) in [
            ("", "new\n"),
            ("a:x:1:\n", "a:x:1:\nnew\n"),
            ("a:x:1:", "a:x:1:\nnew"),
            ("a:x:1:\n+:::\n", "a:x:1:\nnew\n+:::\n"),
        ] {
            let added = GroupFile::parse(file.as_bytes()).with_line(b"new");
            assert_eq!(String::from_utf8(added).unwrap(), expected);
        }
        let file = GroupFile::parse(FILE);
        assert!(file.has_gid(900) && !file.has_gid(90));
    }

    proptest! {
        #[test]
        fn any_bytes_come_back_as_they_were(bytes: Vec<u8>) {
            prop_assert_eq!(GroupFile::parse(&bytes).to_bytes(), bytes);
        }

        #[test]
        fn setting_the_members_that_are_there_changes_nothing(
            lines in proptest::collection::vec("[a-c]{1,2}:x?:[0-9]{1,3}:([a-z]{1,3}(,[a-z]{1,3}){0,3})?|[ -~]{0,12}", 0..12)
        ) {
            let text = lines.join("\n");
            let mut file = GroupFile::parse(text.as_bytes());
            for group in ["a", "b", "c", "aa", "ab"] {
                let members: Vec<Vec<u8>> = file.members(group).into_iter().map(<[u8]>::to_vec).collect();
                let members: Vec<&[u8]> = members.iter().map(Vec::as_slice).collect();
                let clean = members.join(&b',');
                let before = file.clone();
                file.set_members(group, &members);
                // Only stray commas in the list itself may go.
                if before.lines.iter().any(|line| line.ends_with(&clean)) {
                    prop_assert_eq!(file.lines.len(), before.lines.len());
                }
                prop_assert_eq!(file.members(group), members);
            }
        }
    }
}
