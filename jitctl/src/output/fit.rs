//! Text that fits into so many columns of a terminal.

use unicode_width::UnicodeWidthStr;

/// As much of the text as fits, with a sign that there is more.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut shown = String::new();
    for c in text.chars() {
        let wider = format!("{shown}{c}");
        if wider.width() >= room {
            break;
        }
        shown = wider;
    }
    shown + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_and_not_by_characters() {
        assert_eq!(cut("restart web", 11), "restart web");
        assert_eq!(cut("restart web", 10), "restart w…");
        assert_eq!(cut("日本語日本語", 6), "日本…");
    }
}
