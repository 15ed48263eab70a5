//! The chain of the record, as jitd-events(7) describes it: every event carries a SHA-256 over
//! what it says and the one before.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The SHA-256 that an event carries: over all it says, and over the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link(pub [u8; 32]);

impl Link {
    /// What stands before the first event: zeros.
    pub const START: Self = Self([0; 32]);

    /// The link of the event after this one.
    ///
    /// `members` are the event's keys and values, all but `chain`, in any order; no key twice.
    #[must_use]
    pub fn next(&self, members: &mut [(&str, &str)]) -> Self {
        members.sort_unstable_by_key(|(key, _)| *key);
        let mut form = Vec::with_capacity(512);
        push(&mut form, self.to_string().as_str());
        for (key, value) in members {
            push(&mut form, key);
            push(&mut form, value);
        }
        Self(Sha256::digest(&form).into())
    }
}

/// A netstring: the length in bytes, a colon, the bytes, a comma. No text can be taken for the
/// end of one.
fn push(form: &mut Vec<u8>, text: &str) {
    form.extend_from_slice(text.len().to_string().as_bytes());
    form.push(b':');
    form.extend_from_slice(text.as_bytes());
    form.push(b',');
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// It is not 64 hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a link of the chain is 64 hexadecimal digits in lower case")]
pub struct NotALink;

impl FromStr for Link {
    type Err = NotALink;

    fn from_str(text: &str) -> Result<Self, NotALink> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotALink),
        };
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| NotALink)?;
        let mut link = [0; 32];
        for (byte, pair) in link.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_it_is_written() {
        let link = Link::START.next(&mut [("seq", "1")]);
        assert_eq!(link.to_string().parse(), Ok(link));
        for wrong in ["", "00", &"0".repeat(63), &"0".repeat(65), &"A".repeat(64)] {
            assert_eq!(wrong.parse::<Link>(), Err(NotALink), "{wrong}");
        }
    }

    #[test]
    fn it_is_the_documented_one() {
        // printf '64:%064d,5:event,14:daemon.started,3:seq,1:1,' 0 | sha256sum
        let link = Link::START.next(&mut [("seq", "1"), ("event", "daemon.started")]);
        assert_eq!(link.to_string(), DOCUMENTED);
    }

    const DOCUMENTED: &str = "175002eaa022bfc68f27184470bd37309c0228b95e00b35b25c58f5617323a1b";

    #[test]
    fn everything_counts() {
        let link = Link::START.next(&mut [("a", "bc"), ("d", "e")]);
        for other in [
            link.next(&mut [("a", "bc"), ("d", "e")]),
            Link::START.next(&mut [("a", "b"), ("d", "e")]),
            Link::START.next(&mut [("ab", "c"), ("d", "e")]),
            Link::START.next(&mut [("a", "bc")]),
            Link::START.next(&mut [("a", "bc,1:d,1:e")]),
        ] {
            assert_ne!(link, other);
        }
        let turned = Link::START.next(&mut [("d", "e"), ("a", "bc")]);
        assert_eq!(link, turned, "the order of members is not part of it");
    }
}
