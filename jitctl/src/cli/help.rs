//! Examples and exit statuses: said once, shown in the help and in the manual.

use std::fmt::Write;

/// What the exit statuses mean.
pub const EXIT_STATUS: &[(u8, &str)] = &[
    (0, "done"),
    (1, "failed"),
    (2, "wrong usage"),
    (3, "not allowed"),
    (4, "jitd is not reachable"),
    (5, "denied, lapsed, or not decided in time while waiting"),
    (130, "interrupted by Ctrl-C; a request stays"),
];

/// Command lines that work, each with what it does; of one command, or of the whole for `jitctl`.
#[must_use]
pub fn examples(command: &str) -> &'static [(&'static str, &'static str)] {
    match command {
        "jitctl" => &[
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
        "request" => &[
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
        ],
        "status" => &[
            ("jitctl status", "where you stand"),
            ("jitctl status --json", "the same for a script"),
        ],
        "list" => &[
            ("jitctl list --state active", "who holds what now"),
            ("jitctl list --user carol --since 24h", "carol's last day"),
            (
                "jitctl list --role deploy --since \"2026-12-01 09:00\" --json",
                "for a script",
            ),
        ],
        "pending" => &[
            ("jitctl pending", "what waits for your decision"),
            ("jitctl pending --json", "the same for a script"),
        ],
        "show" => &[("jitctl show 42", "everything about request 42")],
        "approve" => &[
            ("jitctl approve 42", "for as long as was asked"),
            (
                "jitctl approve 42 --for 10m --comment \"web only\"",
                "for less, with a word",
            ),
        ],
        "deny" => &[(
            "jitctl deny 42 --comment \"not during the freeze\"",
            "say no, and why",
        )],
        "cancel" => &[("jitctl cancel 42", "take back request 42")],
        "end" => &[
            ("jitctl end", "give back everything you hold"),
            ("jitctl end 42", "give back one"),
        ],
        "revoke" => &[
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
        "setup" => &[
            ("jitctl setup --dry-run", "show what would change"),
            ("sudo jitctl setup", "show, ask, change, and prove"),
            (
                "sudo jitctl setup --undo --yes",
                "take it out again, without a question",
            ),
        ],
        "completions" => &[
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
        _ => &[],
    }
}

/// The end of the help of one command.
pub(super) fn of(command: &str) -> String {
    let mut text = String::from("Examples:");
    for (line, meaning) in examples(command) {
        text.push_str("\n  ");
        text.push_str(line);
        text.push_str("\n        ");
        text.push_str(meaning);
    }
    text
}

/// The end of the help of the whole.
pub(super) fn top() -> String {
    let mut text = of("jitctl");
    text.push_str("\n\nExit status:");
    for (status, meaning) in EXIT_STATUS {
        // Writing to a String does not fail.
        let _ = write!(text, "\n  {status:>3}  {meaning}");
    }
    text
}

/// An example as the words a shell would make of it.
#[cfg(test)]
pub(super) fn words(line: &str) -> Vec<String> {
    let line = line.replace("id=$(", "id=$( ");
    let line = line.strip_suffix(')').unwrap_or(&line);
    let command = line.split(" > ").next().unwrap_or(line);
    command
        .split('"')
        .enumerate()
        .flat_map(|(nth, part)| match nth % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}
