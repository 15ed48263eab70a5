use super::*;

const LINK: &str = "9f3c000000000000000000000000000000000000000000000000000000000000";

fn event() -> String {
    format!("event=elevation.denied id=4 comment=\"no \\\" seq=1 chain=\\\\\" seq=117 chain={LINK}")
}

fn read(text: &[u8]) -> Log {
    Log::read(text, 0).unwrap()
}

#[track_caller]
fn pins(text: &str, at: u64) {
    let log = read(text.as_bytes());
    let [pin] = log.pins.as_slice() else {
        panic!("{text}: {log:?}");
    };
    assert_eq!(
        (pin.seq, pin.link.to_string(), pin.line),
        (117, LINK.to_owned(), at)
    );
    assert_eq!((log.others, log.unreadable), (0, 0));
}

#[test]
fn lines_of_jitd_are_known_in_every_form() {
    for before in [
        // rsyslog: traditional, with a priority, RFC 3339
        "Nov 24 12:52:48 web1 jitd[123]: ",
        "Nov  4 12:52:48 web1 jitd: ",
        "<85>Nov 24 12:52:48 web1 jitd[123]: ",
        "2026-11-24T12:52:48.013114+00:00 web1 jitd[123]: ",
        // RFC 5424
        "<85>1 2026-11-24T12:52:48.013Z web1 jitd 123 - - ",
        "<85>1 2026-11-24T12:52:48.013Z web1 jitd 123 ID47 [a@1 b=\"]\\\" x\"][c d=\"e\"] \u{feff}",
        // journalctl: short-full, short-unix, short-monotonic, cat
        "Tue 2026-11-24 12:52:48 UTC web1 jitd[123]: ",
        "1795524768.013114 web1 jitd[123]: ",
        "[ 1234.567890] web1 jitd[123]: ",
        "",
    ] {
        pins(&format!("{before}{}\n", event()), 1);
        pins(&format!("nothing\n\n{before}{}", event()), 3);
    }
}

#[test]
fn entries_of_the_journal_are_known() {
    let json = serde_json::json!({
        "MESSAGE": event(), "SYSLOG_IDENTIFIER": "jitd", "_UID": "0", "_COMM": "jitd",
        "OTHER": [1, 2], "__CURSOR": null,
    });
    pins(&json.to_string(), 1);
    let export = format!(
        "__CURSOR=a\nMESSAGE=other\n_UID=0\n\n__CURSOR=b\nSYSLOG_IDENTIFIER=jitd\nMESSAGE={}\n_UID=0\n_COMM=jitd\n\n",
        event()
    );
    pins(&export, 5);
    pins(
        &format!("{{\"seq\":117,\"event\":\"a.b\",\"chain\":\"{LINK}\"}}"),
        1,
    );
}

#[test]
fn what_others_write_is_not_taken_for_jitds() {
    let event = event();
    for line in [
        // Text of others in their own lines.
        format!("Nov 24 12:52:48 web1 sshd[1]: Invalid user jitd[1]: {event}"),
        format!("Nov 24 12:52:48 web1 sshd[1]: {event}"),
        format!("Nov 24 12:52:48 web1 jitd2[1]: {event}"),
        format!("Nov 24 12:52:48 web1 jitd[1x]: {event}"),
        format!("Nov 24 12:52:48 web1 jitd[123]: said: {event}"),
        format!("<85>1 2026-11-24T12:52:48.013Z web1 sshd 123 - - jitd[1]: {event}"),
        format!("<85>1 2026-11-24T12:52:48.013Z web1 sshd 123 - [x y=\"jitd - - {event}\"] z"),
        // What goes on from the line before, as journalctl shows it.
        format!("      Nov 24 12:52:48 web1 jitd[123]: {event}"),
        format!("                          {event}"),
        format!("x {event}"),
    ] {
        assert_eq!(read(line.as_bytes()), Log::default(), "{line}");
    }
}

#[test]
fn what_the_journal_says_of_the_sender_counts() {
    for (field, value) in [("_UID", "1001"), ("_COMM", "logger")] {
        let mut entry = serde_json::json!({
            "MESSAGE": event(), "SYSLOG_IDENTIFIER": "jitd", "_UID": "0", "_COMM": "jitd",
        });
        entry[field] = value.into();
        let log = read(entry.to_string().as_bytes());
        assert_eq!((log.pins.len(), log.others), (0, 1), "{entry}");
        let fields = entry.as_object().unwrap().iter();
        let lines: Vec<_> = fields
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
            .collect();
        let export = lines.join("\n");
        let log = read(format!("__CURSOR=a\n{export}\n\n").as_bytes());
        assert_eq!((log.pins.len(), log.others), (0, 1), "{entry}");
    }
}

#[test]
fn fields_with_lines_in_them_cannot_begin_an_entry() {
    let forged = format!("\n\nMESSAGE={}\n_UID=0\n\n", event());
    let mut export = b"__CURSOR=a\nMESSAGE\n".to_vec();
    export.extend(u64::try_from(forged.len()).unwrap().to_le_bytes());
    export.extend(forged.bytes());
    export.extend(b"\n_UID=1001\n\n");
    assert_eq!(read(&export), Log::default());
    export.extend(format!("__CURSOR=b\nMESSAGE={}\n\n", event()).bytes());
    assert_eq!(read(&export).pins.len(), 1);
    // Said to be longer than it is.
    assert!(
        Log::read(
            &b"__CURSOR=a\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\x7fabc"[..],
            0
        )
        .is_ok()
    );
    assert!(Log::read(&b"__CURSOR=a\nMESSAGE\n\xff"[..], 0).is_err());
}

#[test]
fn lines_without_a_link_are_counted() {
    let lines = [
        "seq=117".to_owned(),
        format!("chain={LINK}"),
        format!("seq=117 seq=118 chain={LINK}"),
        format!("seq=117 chain={LINK} chain={LINK}"),
        format!("reason=\"cut off seq=117 chain={LINK}"),
        format!("seq=-1 chain={LINK}"),
        "seq=117 chain=9F3C".to_owned(),
        format!("a=\"b\"c seq=117 chain={LINK}"),
    ]
    .map(|rest| format!("Nov 24 12:52:48 web1 jitd[1]: event=a.b {rest}"));
    let log = read(lines.join("\n").as_bytes());
    assert_eq!((log.pins.len(), log.unreadable), (0, 8));
}

#[test]
fn a_line_without_an_end_is_left_alone() {
    let mut log = vec![b'x'; 3 << 20];
    log.extend(format!("\n{}\n", event()).bytes());
    let pins = read(&log).pins;
    assert_eq!(pins.len(), 1);
    assert_eq!(pins[0].line, 2);
    assert_eq!(read(b"\xff\xfe\n").pins, []);
}

#[test]
fn no_beginning_and_no_part_of_a_line_is_too_much() {
    let json = format!("{{\"MESSAGE\":{:?},\"_UID\":\"0\"}}", event());
    for line in [
        format!(
            "<85>1 2026-11-24T12:52:48.013Z web1 jitd 123 - [a b=\"c\"] {}",
            event()
        ),
        format!("Tue 2026-11-24 12:52:48 UTC web1 jitd[123]: {}", event()),
        format!("[ 1234.567890] web1 jitd[123]: {}", event()),
        format!(
            "__CURSOR=a\nMESSAGE\n\x08\0\0\0\0\0\0\0event=a\n\nMESSAGE={}",
            event()
        ),
        json,
    ] {
        for cut in 0..=line.len() {
            let (start, end) = line.as_bytes().split_at(cut);
            // Whatever comes of it, it comes.
            drop(Log::read(start, 0));
            drop(Log::read(end, 0));
            drop(Log::read([end, start].concat().as_slice(), 0));
        }
    }
}
