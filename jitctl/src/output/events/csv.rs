//! Events for a spreadsheet.

use std::io::{self, Write};

use serde::ser::{SerializeMap, Serializer};

use crate::output::escape::{escape, escape_json};
use crate::record::event::Event;

/// The columns; what only some events have is JSON in `fields`.
const COLUMNS: [&str; 10] = [
    "seq", "at", "event", "id", "user", "uid", "role", "by", "fields", "chain",
];

/// What a spreadsheet takes for the beginning of a formula, with what some take for the same, and
/// the apostrophe that keeps it from doing so: whoever takes one away again gets what was there.
/// (Tabs and newlines, which it would skip, are escaped before.)
const DANGEROUS: &[char] = &['=', '+', '-', '@', '\'', '＝', '＋', '－', '＠'];

/// Rows, after their headings.
#[derive(Debug, Default)]
pub(crate) struct Csv {
    begun: bool,
}

impl Csv {
    /// The headings, unless they are there.
    pub(super) fn head(&mut self, out: &mut impl Write) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        row(out, &COLUMNS)
    }

    pub(super) fn event(&mut self, event: &Event<'_>, out: &mut impl Write) -> io::Result<()> {
        self.head(out)?;
        let fields = fields(event)?;
        row(
            out,
            &COLUMNS.map(|column| match column {
                "fields" => fields.clone(),
                column => safe(&event.text(column).unwrap_or_default()),
            }),
        )
    }
}

fn row(out: &mut impl Write, cells: &[impl AsRef<str>; COLUMNS.len()]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let cells = cells.iter().map(AsRef::as_ref);
    writer.write_record(cells).map_err(io::Error::other)?;
    writer.flush()
}

fn safe(text: &str) -> String {
    let text = escape(text);
    if text.starts_with(DANGEROUS) {
        return format!("'{text}");
    }
    text
}

/// What is the event's own, but for `by`: JSON, which begins with a brace and is no formula.
fn fields(event: &Event<'_>) -> io::Result<String> {
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut json);
    let mut map = serializer.serialize_map(None)?;
    for (key, value) in event.own().filter(|(key, _)| *key != "by") {
        map.serialize_entry(key, &value)?;
    }
    map.end()?;
    Ok(escape_json(&String::from_utf8_lossy(&json)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::event::Line;

    fn shown(lines: &[&str]) -> String {
        let mut out = Vec::new();
        let mut csv = Csv::default();
        for line in lines {
            let Ok(Line::Event(event)) = Line::read(line.as_bytes()) else {
                panic!("{line}");
            };
            csv.event(&event, &mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn events_are_rows_under_one_heading() {
        let line = r#"{"seq":1,"at":"t","event":"a.b","id":4,"user":"carol","uid":7,"role":"db","by":"alice","comment":"a, \"b\"\nc","chain":"00"}"#;
        assert_eq!(
            shown(&[line, r#"{"seq":2,"at":"t","event":"c.d","chain":"01"}"#]),
            "seq,at,event,id,user,uid,role,by,fields,chain\n\
             1,t,a.b,4,carol,7,db,alice,\"{\"\"comment\"\":\"\"a, \\\"\"b\\\"\"\\nc\"\"}\",00\n\
             2,t,c.d,,,,,,{},01\n"
        );
    }

    #[test]
    fn nothing_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(1)", "'=1", "＝1"] {
            let line = serde_json::json!({ "seq": 1, "user": text, "role": text, "by": text });
            let shown = shown(&[&line.to_string()]);
            let cells: Vec<_> = shown.lines().nth(1).unwrap().split(',').collect();
            for cell in [cells[4], cells[6], cells[7]] {
                assert_eq!(cell, format!("'{text}"));
            }
        }
        for text in ["\ttab", "\rcr", "\nlf"] {
            let line = serde_json::json!({ "seq": 1, "user": text, "x": text });
            let shown = shown(&[&line.to_string()]);
            let row = shown.lines().nth(1).unwrap();
            assert!(!row.contains(['\t', '\r']), "{row}");
            assert!(row.starts_with("1,,,,\\"), "{row}");
        }
    }
}
