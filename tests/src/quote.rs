//! Words for the shell.

/// `text` as one word of a POSIX shell, whatever is in it.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn an_apostrophe_does_not_end_the_word() {
        assert_eq!(quote("it's $HOME"), r"'it'\''s $HOME'");
    }
}
