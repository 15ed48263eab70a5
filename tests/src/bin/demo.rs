//! One elevation from request to end, on a throwaway machine: each command as
//! it was typed, and what really came back. Exits with 1 if a step goes
//! otherwise than it should.
#![allow(
    clippy::print_stdout,
    clippy::panic,
    reason = "it tells a story, and a wrong turn ends it"
)]

use std::env;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use jit_tests::scene::number_of_waiting;
use jit_tests::{Machine, Output, Release};

const POLICY: &str = r#"[managed]
groups = ["contractors"]

[role.deploy]
description = "Look after the web tier"
groups      = ["jit-deploy"]
run_as      = ["root"]
commands    = ["ALL"]
services    = ["sudo", "sudo-i"]
eligible    = { groups = ["contractors"] }
approvers   = { groups = ["jit-approvers"] }
reason      = { required = true, min_length = 10 }
"#;

/// What carol types to get the role.
const ASK: &str = r#"jitctl request deploy --for 10m --reason "restart web after deploy" --wait"#;

/// Hers, which sudo asks for as always.
const PASSWORD: &str = "correct-horse";

/// How long a step may take.
const LIMIT: Duration = Duration::from_secs(15);

fn main() {
    let teller = Teller::new();
    teller.says("A fresh Debian 12 machine, our package installed by apt, `jitctl setup` done.");
    let start = Instant::now();
    let machine = Machine::builder(Release::Bookworm)
        .user_in("carol", &["contractors"])
        .user_in("alice", &["jit-approvers"])
        .password("carol", PASSWORD)
        .policy(POLICY)
        .boot();
    teller.says(&format!(
        "It was up in {:.1} s. Its policy:",
        start.elapsed().as_secs_f32()
    ));
    println!("{POLICY}");
    tell(&teller, &machine);
    teller.says("That was it. The machine is thrown away.");
}

fn tell(teller: &Teller, machine: &Machine) {
    teller.says("carol, a contractor, is logged in by ssh. She holds no privilege.");
    let carol = machine.ssh("carol");
    let alice = machine.ssh("alice");
    let refused = teller.shows("carol", carol.run("sudo id"));
    refused.fails_with(1).contains("jitctl request deploy");

    teller.says("So she asks, and waits.");
    teller.types("carol", ASK);
    let mut asking = carol.spawn(ASK);
    let number = number_of_waiting(&asking);

    teller.says("alice, an approver, sees it and agrees.");
    let pending = teller.shows("alice", alice.run("jitctl pending"));
    pending
        .ok()
        .contains("carol")
        .contains("restart web after deploy");
    let approved = teller.shows("alice", alice.run(&format!("jitctl approve {number}")));
    approved.ok();

    teller.says("carol's command ends: the elevation is active.");
    let asked = asking.wait(LIMIT);
    teller.output(&asked);
    asked.ok();

    teller.says("In the shell she had open all the time:");
    let root = teller.shows("carol", carol.run(&format!("sudo -S id <<< {PASSWORD}")));
    root.ok().contains("uid=0(root)");
    let groups = teller.shows("carol", carol.run("id -Gn carol"));
    groups.ok().contains("jit-deploy");
    teller.shows("carol", carol.run("jitctl status")).ok();

    teller.says("She is done early.");
    teller.shows("carol", carol.run("jitctl end")).ok();
    machine.wait_until("carol has left the group", LIMIT, || {
        !machine
            .groups_of("carol")
            .iter()
            .any(|group| group == "jit-deploy")
    });
    let refused = teller.shows("carol", carol.run("sudo id"));
    refused.fails_with(1).lacks("uid=0");
    teller
        .shows("carol", carol.run("id -Gn carol"))
        .ok()
        .lacks("jit-deploy");

    teller.says("And all of it is on record.");
    let record = teller.shows(
        "root",
        machine.run("journalctl --identifier=jitd --boot --no-pager --output=cat | grep event="),
    );
    record.ok();
    for event in ["requested", "approved"] {
        record.contains(&format!("event=elevation.{event} id={number}"));
    }
}

/// Prints the story.
struct Teller {
    colour: bool,
}

impl Teller {
    fn new() -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            colour: wanted && io::stdout().is_terminal(),
        }
    }

    fn says(&self, text: &str) {
        println!("\n{}", self.painted("36", &format!("# {text}")));
    }

    fn types(&self, user: &str, command: &str) {
        let sign = if user == "root" { '#' } else { '$' };
        let prompt = self.painted("32", &format!("{user}@web{sign}"));
        println!("{prompt} {}", self.painted("1", command));
    }

    fn output(&self, output: &Output) {
        print!("{}", output.stdout);
        print!("{}", self.painted("33", &output.stderr));
        if output.status != 0 {
            println!(
                "{}",
                self.painted("31", &format!("[exit status {}]", output.status))
            );
        }
    }

    fn shows(&self, user: &str, output: Output) -> Output {
        self.types(user, &output.command);
        self.output(&output);
        output
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
