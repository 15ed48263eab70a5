//! A model of what elevations can be in, given what was done to them and what came of it.

use std::collections::BTreeSet;

/// What an elevation can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Never came to be: nobody knows whether the request arrived.
    Absent,
    Pending,
    Scheduled,
    Active,
    Denied,
    Cancelled,
    Released,
    Revoked,
    Expired,
}

use State::{Absent, Active, Cancelled, Denied, Expired, Pending, Released, Revoked, Scheduled};

impl State {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "pending" => Pending,
            "scheduled" => Scheduled,
            "active" => Active,
            "denied" => Denied,
            "cancelled" => Cancelled,
            "released" => Released,
            "revoked" => Revoked,
            "expired" => Expired,
            other => panic!("nothing should be {other}"),
        }
    }

    pub(crate) fn is_open(self) -> bool {
        matches!(self, Pending | Scheduled | Active)
    }
}

type States = BTreeSet<State>;

/// What is done to an elevation, and by whom it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Approve,
    Deny,
    Cancel,
    End,
    Revoke,
}

/// What came of something that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Refused,
    /// jitd was killed: the one or the other.
    Unknown,
}

/// An elevation, as far as it is known.
#[derive(Debug)]
pub(crate) struct Modelled {
    /// By which it is found on record; no other one has it.
    pub(crate) reason: String,
    pub(crate) id: Option<i64>,
    pub(crate) who: &'static str,
    pub(crate) role: &'static str,
    /// Its time can be up during the test.
    is_short: bool,
    /// What it extends.
    parent: Option<usize>,
    states: States,
}

impl Modelled {
    pub(crate) fn may_be(&self, test: impl Fn(State) -> bool) -> bool {
        self.states.iter().any(|state| test(*state))
    }

    fn after(&self, change: Change, state: State) -> States {
        match (change, state) {
            // One that extends another begins at its end.
            (Change::Approve, Pending) if self.parent.is_some() => [Scheduled, Active].into(),
            (Change::Approve, Pending) => [Active].into(),
            (Change::Deny, Pending) => [Denied].into(),
            (Change::Cancel, Pending | Scheduled) => [Cancelled].into(),
            (Change::End, Active) => [Released].into(),
            (Change::Revoke, Active | Scheduled) => [Revoked].into(),
            _ => States::new(),
        }
    }
}

/// All elevations, by the order in which they were asked for.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) elevations: Vec<Modelled>,
    /// Roles that are not in the policy now.
    pub(crate) gone: BTreeSet<&'static str>,
}

impl World {
    /// Somebody asked for a role.
    pub(crate) fn ask(
        &mut self,
        (who, role): (&'static str, &'static str),
        reason: String,
        is_short: bool,
        outcome: Outcome,
    ) -> Result<(), String> {
        let is_gone = self.gone.contains(role);
        if outcome == Outcome::Done && is_gone {
            return Err("asked for a role that there is not".to_owned());
        }
        self.add(who, role, reason, is_short, None, outcome);
        Ok(())
    }

    /// Somebody asked for more.
    pub(crate) fn extend(
        &mut self,
        parent: usize,
        reason: String,
        outcome: Outcome,
    ) -> Result<(), String> {
        self.let_time_pass();
        let of = &self.elevations[parent];
        let extends = |one: &&Modelled| one.parent == Some(parent);
        let mut others = self.elevations.iter().filter(extends);
        let may = of.may_be(|state| matches!(state, Active | Scheduled));
        let must = of
            .states
            .iter()
            .all(|state| matches!(state, Active | Scheduled))
            && others.all(|other| !other.may_be(State::is_open));
        match outcome {
            Outcome::Done if !may => return Err(format!("{of:?} was extended")),
            Outcome::Refused if must => return Err(format!("{of:?} was not extended")),
            _ => {}
        }
        let (who, role) = (of.who, of.role);
        self.add(who, role, reason, false, Some(parent), outcome);
        Ok(())
    }

    fn add(
        &mut self,
        who: &'static str,
        role: &'static str,
        reason: String,
        is_short: bool,
        parent: Option<usize>,
        outcome: Outcome,
    ) {
        let states = match outcome {
            Outcome::Done => [Pending].into(),
            Outcome::Refused => return,
            Outcome::Unknown => [Absent, Pending].into(),
        };
        self.elevations.push(Modelled {
            reason,
            id: None,
            who,
            role,
            is_short,
            parent,
            states,
        });
    }

    /// Somebody who may do so changed one; `allowed` is false for somebody who may not.
    pub(crate) fn change(
        &mut self,
        of: usize,
        change: Change,
        allowed: bool,
        outcome: Outcome,
    ) -> Result<(), String> {
        self.let_time_pass();
        let one = &self.elevations[of];
        let (mut changed, mut unchanged) = (States::new(), States::new());
        for state in &one.states {
            let after = if allowed {
                one.after(change, *state)
            } else {
                States::new()
            };
            if after.is_empty() {
                unchanged.insert(*state);
            }
            changed.extend(after);
        }
        let states = match outcome {
            Outcome::Done => changed.clone(),
            Outcome::Refused => unchanged,
            Outcome::Unknown => one.states.union(&changed).copied().collect(),
        };
        if states.is_empty() {
            return Err(format!(
                "{change:?} was {outcome:?} (allowed: {allowed}): {one:?}"
            ));
        }
        self.elevations[of].states = states;
        if outcome != Outcome::Refused {
            self.follow(of, &changed, outcome);
        }
        Ok(())
    }

    /// Nobody wants more of what ended before its time.
    fn follow(&mut self, parent: usize, ended: &States, outcome: Outcome) {
        let early: States = [Released, Revoked, Cancelled].into();
        let ended: States = ended.intersection(&early).copied().collect();
        if ended.is_empty() {
            return;
        }
        for child in 0..self.elevations.len() {
            let one = &mut self.elevations[child];
            if one.parent != Some(parent) {
                continue;
            }
            let mut after = States::new();
            for state in &one.states {
                match state {
                    Pending => drop(after.insert(Cancelled)),
                    Scheduled => after.extend(&ended),
                    other => drop(after.insert(*other)),
                }
            }
            if outcome == Outcome::Unknown {
                after.extend(&one.states);
            }
            one.states.clone_from(&after);
            self.follow(child, &after, outcome);
        }
    }

    /// The role is taken out of the policy, and all of it is over.
    pub(crate) fn remove(&mut self, role: &'static str) {
        self.let_time_pass();
        self.gone.insert(role);
        for one in self.elevations.iter_mut().filter(|one| one.role == role) {
            let after = |state: &State| if state.is_open() { Revoked } else { *state };
            one.states = one.states.iter().map(after).collect();
        }
    }

    /// Whether somebody may use sudo: surely, possibly.
    pub(crate) fn may_use_sudo(&mut self, who: &str) -> (bool, bool) {
        self.let_time_pass();
        let own: Vec<&Modelled> = self
            .elevations
            .iter()
            .filter(|one| one.who == who)
            .collect();
        (
            own.iter()
                .any(|one| one.states.iter().all(|state| *state == Active)),
            own.iter().any(|one| one.may_be(|state| state == Active)),
        )
    }

    /// How many of somebody's may wait, for an answer or their time.
    pub(crate) fn waiting(&self, who: &str) -> usize {
        let own = self.elevations.iter().filter(|one| one.who == who);
        own.filter(|one| one.may_be(|state| matches!(state, Pending | Scheduled)))
            .count()
    }

    fn let_time_pass(&mut self) {
        for index in 0..self.elevations.len() {
            let parent = self.elevations[index].parent;
            let begins = parent
                .is_some_and(|parent| self.elevations[parent].may_be(|state| state == Expired));
            let one = &mut self.elevations[index];
            if begins && one.states.contains(&Scheduled) {
                one.states.insert(Active);
            }
            if one.is_short && one.states.contains(&Active) {
                one.states.insert(Expired);
            }
        }
    }

    /// What is on record, by reasons: everything that must be there, in a state that it can be in.
    pub(crate) fn see(&mut self, record: &[(i64, String, State)]) -> Result<(), String> {
        self.let_time_pass();
        let known: BTreeSet<&str> = self
            .elevations
            .iter()
            .map(|one| one.reason.as_str())
            .collect();
        if let Some(other) = record
            .iter()
            .find(|(_, reason, _)| !known.contains(reason.as_str()))
        {
            return Err(format!("nobody asked for {other:?}"));
        }
        for one in &mut self.elevations {
            let found = record.iter().find(|(_, reason, _)| *reason == one.reason);
            let (id, state) = match found {
                Some((id, _, state)) => (Some(*id), *state),
                None => (None, Absent),
            };
            if !one.states.contains(&state) {
                return Err(format!("it is {state:?}: {one:?}"));
            }
            one.id = id;
            one.states = [state].into();
        }
        Ok(())
    }
}
