//! `getopt_long` of glibc, as sudo uses it: the first word that is no option ends the options.

/// Whether an option has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    None,
    /// In the same word or in the next.
    Required,
    /// In the same word.
    Optional,
}

/// A long option, and the short one that it means; where it has none, a character that none is.
pub(super) type Long = (&'static str, Value, char);

/// What options there are.
pub(super) struct Options {
    pub(super) short: &'static [(&'static str, Value)],
    pub(super) long: &'static [Long],
}

/// The words, and how far they are read.
pub(super) struct Words<'a> {
    all: &'a [Vec<u8>],
    at: usize,
    /// What is left of a word of short options.
    cluster: &'a [u8],
}

/// One option with its value.
pub(super) type Found<'a> = (char, Option<&'a [u8]>);

impl<'a> Words<'a> {
    /// The first word is the program's name.
    pub(super) fn new(all: &'a [Vec<u8>]) -> Self {
        Self {
            all,
            at: 1,
            cluster: &[],
        }
    }

    /// The next option; nothing where they end.
    ///
    /// # Errors
    /// It is none of these.
    pub(super) fn option(&mut self, options: &Options) -> Result<Option<Found<'a>>, ()> {
        if self.cluster.is_empty() {
            let Some(word) = self.peek() else {
                return Ok(None);
            };
            match word {
                b"--" => {
                    self.at += 1;
                    return Ok(None);
                }
                [b'-', b'-', long @ ..] => {
                    self.at += 1;
                    return self.long(options, long).map(Some);
                }
                [b'-', short @ ..] if !short.is_empty() => {
                    self.at += 1;
                    self.cluster = short;
                }
                _ => return Ok(None),
            }
        }
        self.short(options).map(Some)
    }

    fn short(&mut self, options: &Options) -> Result<Found<'a>, ()> {
        let (letter, rest) = self.cluster.split_first().ok_or(())?;
        let letter = char::from(*letter);
        let kinds = options.short.iter();
        let kind = kinds
            .filter(|(letters, _)| letters.contains(letter))
            .map(|(_, value)| *value)
            .next()
            .ok_or(())?;
        self.cluster = rest;
        let joined = (!rest.is_empty()).then_some(rest);
        if kind != Value::None {
            self.cluster = &[];
        }
        Ok(match kind {
            Value::None => (letter, None),
            Value::Optional => (letter, joined),
            Value::Required => (letter, Some(joined.or_else(|| self.next()).ok_or(())?)),
        })
    }

    /// By its name, or by the beginning of one that no other begins with.
    fn long(&mut self, options: &Options, word: &'a [u8]) -> Result<Found<'a>, ()> {
        let equals = word.iter().position(|byte| *byte == b'=');
        let (name, joined) = match equals {
            Some(at) => (word.get(..at).ok_or(())?, word.get(at + 1..)),
            None => (word, None),
        };
        let exact = options.long.iter().find(|long| long.0.as_bytes() == name);
        let mut begun = options
            .long
            .iter()
            .filter(|long| long.0.as_bytes().starts_with(name));
        let (_, kind, letter) = match (exact, begun.next(), begun.next()) {
            (Some(exact), ..) => exact,
            (None, Some(one), None) => one,
            _ => return Err(()),
        };
        match (kind, joined) {
            (Value::None, Some(_)) => Err(()),
            (Value::None | Value::Optional, joined) => Ok((*letter, joined)),
            (Value::Required, joined) => {
                Ok((*letter, Some(joined.or_else(|| self.next()).ok_or(())?)))
            }
        }
    }

    /// The next word, whatever it is.
    pub(super) fn peek(&self) -> Option<&'a [u8]> {
        self.all.get(self.at).map(Vec::as_slice)
    }

    /// The word before.
    pub(super) fn last(&self) -> Option<&'a [u8]> {
        let at = self.at.checked_sub(1)?;
        self.all.get(at).map(Vec::as_slice)
    }

    /// Goes past the next word.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let word = self.peek();
        self.at += usize::from(word.is_some());
        word
    }

    /// All that has not been read.
    pub(super) fn rest(&self) -> &'a [Vec<u8>] {
        self.all.get(self.at..).unwrap_or_default()
    }
}
