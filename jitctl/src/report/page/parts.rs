//! What all parts of the page are made of.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use maud::{Markup, Render, html};

use super::super::Report;
use crate::output::escape::escape;
use crate::output::time;

/// What a person wrote, or a name: no markup, nothing invisible in it, and its direction is its
/// own.
pub(super) fn said(text: &str) -> impl Render {
    html! { bdi { (escape(text)) } }
}

/// `1 person`, `2 people`.
pub(super) fn count(number: usize, one: &str, more: &str) -> Markup {
    html! { (whole(number)) " " @if number == 1 { (one) } @else { (more) } }
}

/// A number with its thousands apart.
pub(super) fn whole(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A length in milliseconds, in its two largest units, which stay together.
pub(super) fn length(ms: i64) -> String {
    let seconds = u64::try_from(ms).unwrap_or(0).saturating_add(500) / 1000;
    let grain = match seconds {
        0..3_600 => 1,
        3_600..86_400 => 60,
        _ => 3_600,
    };
    let exact = time::duration((seconds + grain / 2) / grain * grain);
    match exact.find(|c: char| c.is_ascii_alphabetic()) {
        Some(unit) if unit + 1 < exact.len() => {
            let (large, small) = exact.split_at(unit + 1);
            format!("{large}\u{a0}{small}")
        }
        _ => exact,
    }
}

/// A table that can be scrolled where it is too wide, by keyboard too.
pub(super) fn table(id: &str, caption: &str, head: &Markup, rows: &Markup) -> Markup {
    html! {
        div.scroll role="region" tabindex="0" aria-labelledby=(id) {
            table {
                caption id=(id) { span { (caption) } }
                thead { tr { (head) } }
                tbody { (rows) }
            }
        }
    }
}

/// The heading of a column.
pub(super) fn column(name: &str) -> Markup {
    html! { th scope="col" { (name) } }
}

/// The heading of a column of numbers.
pub(super) fn numbers(name: &str) -> Markup {
    html! { th.n scope="col" { (name) } }
}

/// Times, in the zone of whoever made the report.
pub(super) struct Times<'a> {
    zone: &'a TimeZone,
    now: &'a Zoned,
}

impl<'a> Times<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        Self {
            zone: report.making.at.time_zone(),
            now: &report.making.at,
        }
    }

    /// The name of the zone; where it has none, how far it is from UTC.
    pub(super) fn zone(&self) -> String {
        match self.zone.iana_name() {
            Some(name) => name.to_owned(),
            None => self.now.strftime("%Z (%:z)").to_string(),
        }
    }

    /// A time, to the minute.
    pub(super) fn at(&self, ms: i64) -> Markup {
        html! { time datetime=(time::rfc3339(ms).unwrap_or_default()) { (self.plain(ms)) } }
    }

    /// A time, or a dash.
    pub(super) fn maybe(&self, ms: Option<i64>) -> Markup {
        html! { @match ms { Some(ms) => (self.at(ms)), None => span.none { "–" } } }
    }

    /// A time to the minute, without markup.
    pub(super) fn plain(&self, ms: i64) -> String {
        match Timestamp::from_millisecond(ms) {
            Ok(at) => at
                .to_zoned(self.zone.clone())
                .strftime("%Y-%m-%d %H:%M")
                .to_string(),
            Err(_) => "?".to_owned(),
        }
    }

    pub(super) fn time_zone(&self) -> &TimeZone {
        self.zone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_two_units() {
        for (seconds, shown) in [
            (0, "0s"),
            (45, "45s"),
            (3_599, "59m\u{a0}59s"),
            (7_229, "2h"),
            (86_399, "1d"),
            (90_000, "1d\u{a0}1h"),
            (31_535_999, "365d"),
        ] {
            assert_eq!(length(seconds * 1000), shown);
        }
        assert_eq!(length(-5), "0s");
    }

    #[test]
    fn thousands_are_apart() {
        for (number, shown) in [
            (0_u64, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(whole(number), shown);
        }
    }

    #[test]
    fn what_people_say_is_text() {
        let shown = |text| html! { (said(text)) }.into_string();
        assert_eq!(
            shown("</bdi><script>alert(1)</script>\u{202e}\u{1b}[2J"),
            "<bdi>&lt;/bdi&gt;&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}\\u{1b}[2J</bdi>"
        );
    }
}
