//! The arguments of a PAM line.

use std::ffi::CStr;
use std::time::Duration;

/// A deadline is for what hangs, not for what is slow: on a busy host, systemd alone may take some
/// seconds to register a session. Nobody at the socket is an answer at once.
const DEFAULT_TIMEOUT: u64 = 10_000;
const SHORTEST_TIMEOUT: u64 = 100;
const LONGEST_TIMEOUT: u64 = 60_000;

/// What a PAM line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// `managed_group=NAME`: only members are gated; none given, everyone but root.
    pub(crate) managed_groups: Vec<String>,
    /// `exempt_group=NAME`: members are not gated.
    pub(crate) exempt_groups: Vec<String>,
    /// `timeout=MS`: the one deadline for everything asked over the bus.
    pub(crate) timeout: Duration,
    /// `quiet`: say nothing to a refused person.
    pub(crate) quiet: bool,
    /// `debug`: log also who is let by, and why.
    pub(crate) debug: bool,
    /// What of it was not understood, for the log. It has no other effect.
    pub(crate) complaints: Vec<String>,
}

impl Arguments {
    /// Reads the words of a PAM line. Always succeeds: a line with a mistake in
    /// it must gate as well as one without, so a bad value is the default, and
    /// an unknown word is nothing. A misspelt `managed_group` thereby gates
    /// everyone but root.
    pub(crate) fn parse(words: &[&CStr]) -> Self {
        let mut arguments = Self {
            managed_groups: Vec::new(),
            exempt_groups: Vec::new(),
            timeout: Duration::from_millis(DEFAULT_TIMEOUT),
            quiet: false,
            debug: false,
            complaints: Vec::new(),
        };
        for word in words {
            // A name that is not UTF-8 becomes one that no group has.
            arguments.take(&word.to_string_lossy());
        }
        arguments
    }

    fn take(&mut self, word: &str) {
        match word.split_once('=') {
            Some(("managed_group", name)) => self.managed_groups.push(name.to_owned()),
            Some(("exempt_group", name)) => self.exempt_groups.push(name.to_owned()),
            Some(("timeout", value)) => self.take_timeout(value),
            None if word == "quiet" => self.quiet = true,
            None if word == "debug" => self.debug = true,
            _ => self
                .complaints
                .push(format!("unknown argument \"{word}\" ignored")),
        }
    }

    fn take_timeout(&mut self, value: &str) {
        let milliseconds = value
            .parse()
            .ok()
            .filter(|ms| (SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(ms))
            .unwrap_or_else(|| {
                self.complaints.push(format!(
                    "timeout={value} is not {SHORTEST_TIMEOUT} to {LONGEST_TIMEOUT} milliseconds: {DEFAULT_TIMEOUT} used"
                ));
                DEFAULT_TIMEOUT
            });
        self.timeout = Duration::from_millis(milliseconds);
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use proptest::prelude::*;

    use super::*;

    fn parse(words: &[&CStr]) -> Arguments {
        Arguments::parse(words)
    }

    #[test]
    fn nothing_said_gates_everyone_with_ten_seconds() {
        let arguments = parse(&[]);
        assert_eq!(arguments.managed_groups, Vec::<String>::new());
        assert_eq!(arguments.exempt_groups, Vec::<String>::new());
        assert_eq!(arguments.timeout, Duration::from_secs(10));
        assert!(!arguments.quiet && !arguments.debug && arguments.complaints.is_empty());
    }

    #[test]
    fn everything_said() {
        let arguments = parse(&[
            c"managed_group=contractors",
            c"exempt_group=wheel",
            c"managed_group=vendors",
            c"exempt_group=adm",
            c"timeout=500",
            c"quiet",
            c"debug",
        ]);
        assert_eq!(arguments.managed_groups, ["contractors", "vendors"]);
        assert_eq!(arguments.exempt_groups, ["wheel", "adm"]);
        assert_eq!(arguments.timeout, Duration::from_millis(500));
        assert!(arguments.quiet && arguments.debug && arguments.complaints.is_empty());
    }

    #[test]
    fn unknown_words_are_complained_about_and_ignored() {
        let words = [
            c"mananged_group=x",
            c"quiet=yes",
            c"Debug",
            c"",
            c"=",
            c"managed_group",
        ];
        let arguments = parse(&words);
        assert_eq!(arguments.complaints.len(), words.len());
        assert_eq!(
            arguments,
            Arguments {
                complaints: arguments.complaints.clone(),
                ..parse(&[])
            }
        );
    }

    #[test]
    fn bad_timeouts_are_the_default() {
        for word in [
            c"timeout=",
            c"timeout=99",
            c"timeout=60001",
            c"timeout=-1",
            c"timeout=2s",
            c"timeout=1e3",
            c"timeout=99999999999999999999999",
        ] {
            let arguments = parse(&[c"timeout=500", word]);
            assert_eq!(arguments.timeout, Duration::from_secs(10), "{word:?}");
            assert_eq!(arguments.complaints.len(), 1, "{word:?}");
        }
        assert_eq!(parse(&[c"timeout=100"]).timeout, Duration::from_millis(100));
        assert_eq!(parse(&[c"timeout=60000"]).timeout, Duration::from_secs(60));
    }

    proptest! {
        /// Whatever the bytes, the deadline stays bounded, and a word is either
        /// understood or complained about.
        #[test]
        fn any_bytes(
            words in prop::collection::vec(
                (0..6_usize, prop::collection::vec(1..=255_u8, 0..40)), 0..8)
        ) {
            const HEADS: [&str; 6] =
                ["", "managed_group=", "exempt_group=", "timeout=", "quiet", "debug"];
            let owned: Vec<CString> = words
                .into_iter()
                .filter_map(|(head, tail)| CString::new([HEADS[head].as_bytes(), &tail].concat()).ok())
                .collect();
            let borrowed: Vec<&CStr> = owned.iter().map(CString::as_c_str).collect();
            let arguments = parse(&borrowed);

            prop_assert!(arguments.timeout >= Duration::from_millis(100));
            prop_assert!(arguments.timeout <= Duration::from_secs(60));
            let managed = owned.iter().filter(|word| word.as_bytes().starts_with(b"managed_group=")).count();
            let exempt = owned.iter().filter(|word| word.as_bytes().starts_with(b"exempt_group=")).count();
            prop_assert_eq!(arguments.managed_groups.len(), managed);
            prop_assert_eq!(arguments.exempt_groups.len(), exempt);
            prop_assert!(arguments.complaints.len() <= owned.len() - managed - exempt);
        }
    }
}
