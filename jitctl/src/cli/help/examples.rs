//! What to type, for every command.

/// Command lines that work, each with what it does.
type Lines = &'static [(&'static str, &'static str)];

/// Those of each command, and of the whole.
pub(super) const EXAMPLES: &[(&str, Lines)] = &[
    (
        "jitctl",
        &[
            (
                "jitctl status",
                "what you hold, what waits, what you may ask for",
            ),
            (
                "jitctl request deploy --for 30m --reason \"restart web\" --wait",
                "ask, and wait for the decision",
            ),
            ("jitctl pending", "what waits for your decision"),
            ("jitctl approve 42", "say yes"),
        ],
    ),
    (
        "request",
        &[
            (
                "jitctl request deploy --for 30m --reason \"restart web after the patch\" --wait",
                "ask, and wait for the decision",
            ),
            (
                "id=$(jitctl request deploy --reason \"nightly job\")",
                "in a script: the number is all there is on stdout",
            ),
            (
                "jitctl request deploy --reason \"disk full\" --wait --timeout 15m",
                "give up waiting after 15 minutes (status 5)",
            ),
            (
                "jitctl request deploy --at \"2026-12-01 22:00\" --for 1h --ticket OPS-7",
                "for the night of the change",
            ),
        ],
    ),
    (
        "run",
        &[
            (
                "jitctl run deploy --reason \"restart web\" -- systemctl restart web.service",
                "ask, wait, and restart",
            ),
            (
                "jitctl run db --for 10m --ticket OPS-7 --timeout 5m -- -u postgres psql",
                "with options of sudo; give up waiting after 5 minutes (status 5)",
            ),
        ],
    ),
    (
        "extend",
        &[(
            "jitctl extend 42 --for 30m --reason \"the copy takes longer\" --wait",
            "go on for half an hour more",
        )],
    ),
    (
        "break-glass",
        &[(
            "jitctl break-glass db --reason \"site down, nobody answers\"",
            "take the role now",
        )],
    ),
    (
        "status",
        &[
            ("jitctl status", "where you stand"),
            ("jitctl status --json", "the same for a script"),
        ],
    ),
    (
        "list",
        &[
            ("jitctl list --state active", "who holds what now"),
            ("jitctl list --user carol --since 24h", "carol's last day"),
            (
                "jitctl list --role deploy --since \"2026-12-01 09:00\" --json",
                "for a script",
            ),
        ],
    ),
    (
        "pending",
        &[
            ("jitctl pending", "what waits for you"),
            ("jitctl pending --json", "the same for a script"),
        ],
    ),
    (
        "report",
        &[
            (
                "sudo jitctl report --since 30d --html report.html",
                "the last 30 days, as a page",
            ),
            (
                "jitctl report --since 2026-11-01 --until 2026-12-01 --csv november.csv",
                "a month, a row for each elevation",
            ),
            ("jitctl report --since 24h --json", "for a script"),
        ],
    ),
    ("show", &[("jitctl show 42", "everything about request 42")]),
    (
        "sessions",
        &[
            ("jitctl sessions --since 24h", "what was done in a day"),
            (
                "jitctl sessions --elevation 42",
                "what was done with one elevation",
            ),
            (
                "jitctl sessions --user carol --running",
                "what carol has open now",
            ),
        ],
    ),
    (
        "replay",
        &[
            (
                "jitctl replay 7 --max-wait 2",
                "watch session 7, without its pauses",
            ),
            ("jitctl replay 7 --speed 4", "four times as fast"),
            (
                "jitctl replay 7 --text --input > session-7.txt",
                "what was typed and shown, as text",
            ),
        ],
    ),
    (
        "approve",
        &[
            ("jitctl approve 42", "for as long as was asked"),
            (
                "jitctl approve 42 --for 10m --comment \"web only\"",
                "for less, with a word",
            ),
        ],
    ),
    (
        "deny",
        &[(
            "jitctl deny 42 --comment \"not during the freeze\"",
            "say no, and why",
        )],
    ),
    (
        "acknowledge",
        &[(
            "jitctl acknowledge 42 --comment \"talked to carol\"",
            "take note of a broken glass",
        )],
    ),
    ("cancel", &[("jitctl cancel 42", "take back request 42")]),
    (
        "end",
        &[
            ("jitctl end", "give back everything you hold"),
            ("jitctl end 42", "give back one"),
        ],
    ),
    (
        "revoke",
        &[
            (
                "jitctl revoke 42 --comment \"done, says carol\"",
                "one elevation",
            ),
            (
                "jitctl revoke --user carol --comment \"lost laptop\"",
                "everything carol holds",
            ),
            (
                "jitctl revoke --all --comment \"incident 7\"",
                "everything anybody holds",
            ),
        ],
    ),
    (
        "audit",
        &[
            ("jitctl audit --since 24h", "what happened in the last day"),
            (
                "jitctl audit --user carol --event \"session.*\" --since \"2026-12-01 09:00\"",
                "what carol ran since then",
            ),
            (
                "jitctl audit --event \"glass.*\" --follow",
                "whenever somebody breaks the glass",
            ),
            (
                "jitctl audit --role db --since 720h --format csv > db.csv",
                "a month of one role, for a spreadsheet",
            ),
            ("jitctl audit verify", "has anybody changed the record?"),
        ],
    ),
    (
        "audit verify",
        &[
            (
                "jitctl audit verify",
                "has anybody changed the record of this host?",
            ),
            (
                "jitctl audit verify --against /var/log/auth.log",
                "and is it the one that was told to syslog?",
            ),
            (
                "zgrep -h \" web1 jitd\" /srv/logs/auth.log* | jitctl audit verify --against -",
                "against what the host web1 has sent to this log server, compressed or not",
            ),
            (
                "journalctl -t jitd -o json | jitctl audit verify --against -",
                "against the journal, and only what came from root",
            ),
            (
                "jitctl audit verify 2025.jsonl 2026.jsonl",
                "exports or archives, on any machine",
            ),
        ],
    ),
    (
        "audit export",
        &[(
            "jitctl audit export record.jsonl",
            "the whole record, for safe keeping elsewhere",
        )],
    ),
    (
        "audit archive",
        &[(
            "sudo jitctl audit archive --before 365d",
            "what is older than a year goes into a file",
        )],
    ),
    (
        "audit backup",
        &[(
            "sudo jitctl audit backup /srv/backup/jitd.db",
            "a copy of the database, while it is used",
        )],
    ),
    (
        "policy",
        &[
            ("jitctl policy check", "is /etc/jitd right?"),
            ("jitctl policy explain carol deploy", "what carol would get"),
        ],
    ),
    (
        "policy check",
        &[
            ("jitctl policy check", "the policy of this host"),
            ("jitctl policy check ./jitd", "before it is rolled out"),
            ("jitctl policy check jitd.toml --json", "for a script"),
        ],
    ),
    (
        "policy show",
        &[
            ("jitctl policy show", "what is in force"),
            ("jitctl policy show /etc/jitd", "what a reload would bring"),
        ],
    ),
    (
        "policy explain",
        &[
            (
                "jitctl policy explain carol deploy --for 3h",
                "would carol get it for so long?",
            ),
            (
                "jitctl policy explain carol deploy --at \"2026-12-05 10:00\" --policy ./jitd",
                "on a Saturday, by files that are not in force yet",
            ),
        ],
    ),
    (
        "policy test",
        &[(
            "jitctl policy test expected.toml --policy ./jitd",
            "does the policy do what it should?",
        )],
    ),
    (
        "policy reload",
        &[
            ("sudo jitctl policy reload", "after a change in /etc/jitd"),
            (
                "sudo jitctl policy reload --yes",
                "also where there is no role any more, so that everything ends",
            ),
        ],
    ),
    (
        "setup",
        &[
            ("jitctl setup --dry-run", "show what would change"),
            ("sudo jitctl setup", "show, ask, change, and prove"),
            (
                "sudo jitctl setup --undo --yes",
                "take it out again, without a question",
            ),
        ],
    ),
    (
        "doctor",
        &[
            ("sudo jitctl doctor", "is everything in place?"),
            (
                "jitctl doctor --json",
                "for a script; what only root can see is \"unseen\"",
            ),
        ],
    ),
    (
        "completions",
        &[
            (
                "jitctl completions bash > ~/.local/share/bash-completion/completions/jitctl",
                "for bash",
            ),
            ("jitctl completions zsh > ~/.zfunc/_jitctl", "for zsh"),
            (
                "jitctl completions fish > ~/.config/fish/completions/jitctl.fish",
                "for fish",
            ),
        ],
    ),
];
