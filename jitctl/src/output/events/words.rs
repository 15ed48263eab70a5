//! What events say, in words; everything in them escaped.

use jiff::Zoned;

use crate::output::escape::escape;
use crate::output::time;
use crate::record::event::Event;

/// How loud an event is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// The headings.
    Heading,
    /// Privilege begins.
    Gives,
    /// It was asked for, or is to come.
    Asks,
    /// It ends, as it should.
    Ends,
    /// Somebody said no, or should look.
    Stops,
    /// All else.
    Plain,
}

impl Tone {
    /// As an SGR style.
    pub(crate) const fn style(self) -> &'static str {
        match self {
            Self::Heading => "1",
            Self::Gives => "32",
            Self::Asks => "33",
            Self::Ends => "90",
            Self::Stops => "31",
            Self::Plain => "0",
        }
    }
}

/// How loud an event of this name is.
pub(crate) fn tone(event: &str) -> Tone {
    match event.rsplit_once('.') {
        Some((_, "approved" | "started" | "opened")) => Tone::Gives,
        Some((_, "requested")) => Tone::Asks,
        Some((_, "expired" | "released" | "cancelled" | "lapsed" | "closed" | "ended")) => {
            Tone::Ends
        }
        Some(("drift" | "clock", _) | (_, "denied" | "revoked" | "refused" | "broken" | "cut")) => {
            Tone::Stops
        }
        _ => Tone::Plain,
    }
}

/// `comment="web only" ends=…`: what is an event's own, without some of it.
pub(crate) fn fields(event: &Event<'_>, without: &[&str]) -> String {
    let shown: Vec<_> = event
        .own()
        .filter(|(key, _)| !without.contains(key))
        .map(|(key, value)| format!("{}={}", escape(key), quoted(&value)))
        .collect();
    shown.join(" ")
}

/// In quotes where it would not be seen where it ends.
fn quoted(text: &str) -> String {
    let shown = escape(text);
    if !shown.is_empty() && !shown.contains([' ', '"', '=']) {
        return shown;
    }
    format!("\"{}\"", shown.replace('"', "\\\""))
}

/// `approved`, ` by alice until 14:30:00: "go"`: what happened, and the rest of the sentence, as part
/// of the story of one elevation.
pub(crate) fn sentence(event: &Event<'_>, now: &Zoned) -> (String, String) {
    let (what, mut told) = what_happened(event);
    let mut rest = Vec::new();
    let mut say = |key: &'static str, said: Option<String>| {
        if let Some(said) = said {
            told.push(key);
            rest.push(said);
        }
    };
    let text = |key: &str| Some(escape(&event.text(key)?));
    say("by", text("by").map(|by| format!(" by {by}")));
    say(
        "login",
        text("login").map(|login| format!(" (logged in: {login})")),
    );
    let seconds = event.text("duration").and_then(|text| text.parse().ok());
    say(
        "duration",
        seconds.map(|seconds| format!(" for {}", time::duration(seconds))),
    );
    for (key, word) in [("start", "from"), ("starts", "from"), ("ends", "until")] {
        let at: Option<jiff::Timestamp> = event.text(key).and_then(|at| at.parse().ok());
        let at = at.and_then(|at| time::seconds(at.as_millisecond(), now));
        say(key, at.map(|at| format!(" {word} {at}")));
    }
    let why = ["reason", "comment"]
        .into_iter()
        .find(|key| event.text(key).is_some());
    let others = match fields(event, &[told.as_slice(), why.as_slice()].concat()) {
        none if none.is_empty() => none,
        others => format!(", {others}"),
    };
    let why = why.and_then(text);
    let why = why.map(|why| format!(": \"{why}\"")).unwrap_or_default();
    (what, rest.concat() + &others + &why)
}

/// What happened, and which fields have said so.
fn what_happened(event: &Event<'_>) -> (String, Vec<&'static str>) {
    let name = event.text("event").unwrap_or_default();
    match name.split_once('.') {
        Some(("elevation", verb)) => (escape(verb), Vec::new()),
        Some(("session", "opened")) => (
            opened(event),
            vec!["session", "service", "command", "terminal", "remote"],
        ),
        Some(("session", verb)) => {
            let number = event.text("session").unwrap_or_default();
            let what = format!("session {} {}", escape(&number), escape(verb));
            (what, vec!["session", "service"])
        }
        Some((noun, verb)) => (format!("{} {}", escape(noun), escape(verb)), Vec::new()),
        None => (escape(&name), Vec::new()),
    }
}

/// `session 7: sudo -i (/dev/pts/0, from 192.0.2.1)`.
fn opened(event: &Event<'_>) -> String {
    let text = |key: &str| escape(&event.text(key).unwrap_or_default());
    let place: Vec<_> = [("terminal", ""), ("remote", "from ")]
        .into_iter()
        .filter_map(|(key, word)| Some(format!("{word}{}", escape(&event.text(key)?))))
        .collect();
    let place = match place.as_slice() {
        [] => String::new(),
        _ => format!(" ({})", place.join(", ")),
    };
    let command = match event.text("command") {
        Some(_) => text("command"),
        None => text("service"),
    };
    format!("session {} opened: {command}{place}", text("session"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::event::Line;

    #[test]
    fn events_read_as_sentences() {
        let now: Zoned = "2026-11-24T14:00:00+01:00[Europe/Berlin]".parse().unwrap();
        for (line, sentence_of) in [
            (
                r#"{"event":"elevation.requested","by":"carol","duration":"5400","reason":"restart\nweb","ticket":"OPS-7"}"#,
                r#"requested by carol for 1h30m, ticket=OPS-7: "restart\nweb""#,
            ),
            (
                r#"{"event":"elevation.approved","by":"alice","login":"bob","duration":"600","ends":"2026-11-24T13:10:00Z","comment":"go"}"#,
                r#"approved by alice (logged in: bob) for 10m until 2026-11-24 14:10:00: "go""#,
            ),
            (
                r#"{"event":"elevation.expired","by":"jitd"}"#,
                "expired by jitd",
            ),
            (
                r#"{"event":"session.opened","session":"7","service":"sudo","terminal":"/dev/pts/0","remote":"h","command":"sudo -i"}"#,
                "session 7 opened: sudo -i (/dev/pts/0, from h)",
            ),
            (
                r#"{"event":"session.closed","session":"7","service":"sudo"}"#,
                "session 7 closed",
            ),
            (
                r#"{"event":"group.given","member":"carol","group":"a b"}"#,
                r#"group given, member=carol group="a b""#,
            ),
        ] {
            let Ok(Line::Event(event)) = Line::read(line.as_bytes()) else {
                panic!("{line}");
            };
            let (what, rest) = sentence(&event, &now);
            assert_eq!(what + &rest, sentence_of);
        }
    }
}
