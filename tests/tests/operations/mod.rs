//! What is done to a host, at random.

use fastrand::Rng;

use crate::world::{Change, Modelled, Outcome, World};

/// Who asks for roles.
pub(crate) const PEOPLE: [&str; 5] = ["carol", "bob", "erin", "frank", "grace"];
/// So many requests of one person may wait.
const MOST_WAITING: usize = 16;
const ROLES: [&str; 4] = ["deploy", "deploy", "docker", "extra"];
/// Of jitd's own.
const GROUPS: [&str; 2] = ["jit-deploy", "jit-extra"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Request {
        who: &'static str,
        role: &'static str,
        length: &'static str,
    },
    Extend {
        of: usize,
        who: &'static str,
        id: i64,
    },
    Change {
        change: Change,
        of: usize,
        by: &'static str,
        allowed: bool,
        id: i64,
    },
    /// Something is left running by sudo.
    Sudo(&'static str),
    /// Root changes memberships behind jitd's back.
    Take(&'static str, &'static str),
    Give(&'static str, &'static str),
    /// The policy is read again, with a role more or less, or as it was.
    Reload,
    Remove,
    Bring,
    Restart,
    Kill,
    /// Until jitd is surely back.
    Wait,
}

/// An operation, and in how many seconds jitd is killed meanwhile.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) number: usize,
    pub(crate) operation: Operation,
    pub(crate) kill: Option<f64>,
}

/// The next one, as the dice have it; of elevations only those whose numbers are known.
pub(crate) fn plan(dice: &mut Rng, world: &World, number: usize) -> Planned {
    let operation = operation(dice, world);
    // A killed gpasswd would leave its own lock behind; what is killed here is jitd alone.
    let kill = (dice.u8(..100) < 8).then(|| f64::from(dice.u8(..60)) / 1000.0);
    Planned {
        number,
        operation,
        kill,
    }
}

fn operation(dice: &mut Rng, world: &World) -> Operation {
    let somebody = *dice.choice(&PEOPLE).unwrap_or(&"carol");
    match dice.u8(..100) {
        0..26 => Operation::Request {
            who: somebody,
            role: dice.choice(ROLES).unwrap_or("deploy"),
            length: dice
                .choice(["10m", "10m", "1h", "2s", "5s"])
                .unwrap_or("1h"),
        },
        26..44 => change(dice, world, Change::Approve),
        44..47 => change(dice, world, Change::Deny),
        47..50 => change(dice, world, Change::Cancel),
        50..57 => change(dice, world, Change::End),
        57..62 => change(dice, world, Change::Revoke),
        62..69 => match target(dice, world, Change::End) {
            Some((of, one, id)) => Operation::Extend {
                of,
                who: one.who,
                id,
            },
            None => Operation::Reload,
        },
        69..82 => Operation::Sudo(somebody),
        82..86 => Operation::Take(somebody, dice.choice(GROUPS).unwrap_or("jit-deploy")),
        86..88 => Operation::Give("mallory", dice.choice(GROUPS).unwrap_or("jit-deploy")),
        88 => Operation::Give("mallory", "docker"),
        89 => Operation::Take("mallory", "docker"),
        90 => Operation::Reload,
        91 => Operation::Remove,
        92..94 => Operation::Bring,
        94..96 => Operation::Restart,
        96..98 => Operation::Kill,
        _ => Operation::Wait,
    }
}

fn change(dice: &mut Rng, world: &World, change: Change) -> Operation {
    let Some((of, one, id)) = target(dice, world, change) else {
        return Operation::Wait;
    };
    let rightful = match change {
        Change::Approve | Change::Deny | Change::Revoke => "alice",
        Change::Cancel | Change::End => one.who,
    };
    let by = match dice.u8(..10) {
        0 => *dice.choice(&PEOPLE).unwrap_or(&"carol"),
        _ => rightful,
    };
    Operation::Change {
        change,
        of,
        by,
        allowed: by == rightful,
        id,
    }
}

/// Mostly one that it can be done to.
fn target<'a>(
    dice: &mut Rng,
    world: &'a World,
    change: Change,
) -> Option<(usize, &'a Modelled, i64)> {
    use crate::world::State::{Active, Pending, Scheduled};
    let fits = |one: &Modelled| {
        one.may_be(|state| match change {
            Change::Approve | Change::Deny => state == Pending,
            Change::Cancel => matches!(state, Pending | Scheduled),
            Change::End => state == Active,
            Change::Revoke => matches!(state, Active | Scheduled),
        })
    };
    let any = dice.u8(..10) == 0;
    let known = world.elevations.iter().enumerate();
    let known: Vec<_> = known
        .filter(|(_, one)| any || fits(one))
        .filter_map(|(of, one)| Some((of, one, one.id?)))
        .collect();
    dice.choice(known)
}

impl Operation {
    pub(crate) fn command(&self, number: usize) -> String {
        match self {
            Self::Request { who, role, length } => {
                format!("as {who} jitctl request {role} --for {length} --reason {number}")
            }
            Self::Extend { who, id, .. } => {
                format!("as {who} jitctl extend {id} --for 10m --reason {number}")
            }
            Self::Change { change, by, id, .. } => match change {
                Change::Approve => format!("as {by} jitctl approve {id}"),
                Change::Deny => format!("as {by} jitctl deny {id} --comment no"),
                Change::Cancel => format!("as {by} jitctl cancel {id}"),
                Change::End => format!("as {by} jitctl end {id}"),
                Change::Revoke => format!("as {by} jitctl revoke {id} --comment no"),
            },
            // What it says goes elsewhere: whoever waits for its output would wait for its end.
            Self::Sudo(who) => format!(
                "as {who} sudo -n -b sleep 1000 >/tmp/said 2>&1; status=$?; cat /tmp/said; (exit $status)"
            ),
            Self::Take(who, group) => format!("gpasswd --delete {who} {group}"),
            Self::Give(who, group) => format!("gpasswd --add {who} {group}"),
            Self::Reload => "jitctl policy reload".to_owned(),
            Self::Remove => "rm -f /etc/jitd/roles.d/extra.toml; jitctl policy reload".to_owned(),
            Self::Bring => {
                "cp /root/extra.toml /etc/jitd/roles.d/; jitctl policy reload".to_owned()
            }
            Self::Restart => "systemctl restart jitd".to_owned(),
            Self::Kill => "killed".to_owned(),
            Self::Wait => "back".to_owned(),
        }
    }
}

/// What the world is then, or why it cannot have been so.
pub(crate) fn apply(
    planned: &Planned,
    outcome: Outcome,
    said: &str,
    world: &mut World,
    standing: &mut Vec<(&'static str, &'static str)>,
) -> Result<(), String> {
    let reason = planned.number.to_string();
    let refused = outcome == Outcome::Refused;
    let too_many = |world: &World, who: &str| {
        said.contains("wait already") && world.waiting(who) >= MOST_WAITING
    };
    match planned.operation {
        Operation::Request { who, role, length } => {
            let is_gone = world.gone.contains(role);
            if refused && !is_gone && !too_many(world, who) {
                return Err("it was refused".to_owned());
            }
            world.ask((who, role), reason, length.ends_with('s'), outcome)
        }
        Operation::Extend { who, .. } if refused && too_many(world, who) => Ok(()),
        Operation::Extend { of, .. } => world.extend(of, reason, outcome),
        Operation::Change {
            change,
            of,
            allowed,
            ..
        } => world.change(of, change, allowed, outcome),
        Operation::Sudo(who) => {
            let (surely, possibly) = world.may_use_sudo(who);
            match outcome {
                Outcome::Done if !possibly => Err("sudo opened to nobody's elevation".to_owned()),
                Outcome::Refused if surely => Err("sudo did not open".to_owned()),
                _ => Ok(()),
            }
        }
        // Who is not in a group cannot be taken out of it.
        Operation::Take(who, group) | Operation::Give(who, group) => {
            if group == "docker" && outcome == Outcome::Done {
                standing.retain(|one| *one != (group, who));
                if matches!(planned.operation, Operation::Give(..)) {
                    standing.push((group, who));
                }
            }
            Ok(())
        }
        Operation::Remove if !refused => {
            // If it could not be told to read it, it was being started, and read it then.
            world.remove("extra");
            Ok(())
        }
        Operation::Bring if !refused => {
            world.gone.remove("extra");
            Ok(())
        }
        Operation::Kill => Ok(()),
        _ if refused => Err("it failed".to_owned()),
        _ => Ok(()),
    }
}
