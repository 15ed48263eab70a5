//! A world in which people ask and decide, and time passes: the decisions with as little around
//! them as can be.

use std::collections::BTreeMap;

use jitd_api::{RequestOptions, State};
use jitd_policy::domain::assess::Way;
use jitd_policy::domain::budget::Span;
use jitd_policy::domain::clocks::{Fate, Turn, fates, turn};
use jitd_policy::domain::decide::{
    Bench, Facts, Refusal, acknowledge, approve, begin, cancel, deny, end_by_clock, follow,
    release, request, revoke, span_of,
};
use jitd_policy::domain::elevation::{Elevation, ElevationId};
use jitd_policy::domain::person::{Caller, Person};
use jitd_policy::domain::policy::{Policy, Role};
use jitd_policy::domain::time::Now;

use super::clocks::{ClockEvent, Clocks};

/// Somebody: whose account, and who logged in where that is another.
pub(crate) type Somebody = (usize, Option<usize>);

/// What somebody does.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Ask {
        way: Way,
        duration: Option<u64>,
        /// Seconds from now.
        start: Option<i64>,
        ticket: &'static str,
    },
    Extend(u64),
    Approve(Option<u64>),
    Deny,
    Cancel,
    Release,
    Revoke,
    Acknowledge,
}

/// What happens next.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Somebody does something, to the last elevation but so many where it needs one.
    Deed(Somebody, usize, Deed),
    /// So many seconds pass.
    Pass(u64),
    /// Somebody sets the clock, or worse.
    Clock(ClockEvent),
}

impl Event {
    pub(crate) fn breaks_the_glass(&self) -> bool {
        let way = Way::BreakGlass;
        matches!(self, Self::Deed(_, _, Deed::Ask { way: asked, .. }) if *asked == way)
    }
}

/// A yes as it was said.
#[derive(Debug, Clone)]
pub(crate) struct SaidYes {
    pub(crate) caller: Caller,
    pub(crate) before: Elevation,
    pub(crate) after: Elevation,
    pub(crate) shorter: Option<u64>,
}

pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) people: Vec<Person>,
    pub(crate) clocks: Clocks,
    pub(crate) elevations: Vec<Elevation>,
    /// Who asked for each.
    pub(crate) asked_by: Vec<Caller>,
    /// Which had to wait for a decision.
    pub(crate) waited: Vec<bool>,
    pub(crate) yeses: Vec<SaidYes>,
    /// When each was first seen active, by the time that the host can know of.
    pub(crate) began: BTreeMap<usize, i64>,
    /// How far the clock was set, by the record, and by what happened.
    pub(crate) steps: Vec<(Option<i64>, Option<i64>)>,
}

impl World {
    pub(crate) fn new(policy: Policy, people: Vec<Person>) -> Self {
        Self {
            policy,
            people,
            clocks: Clocks::new(),
            elevations: Vec::new(),
            asked_by: Vec::new(),
            waited: Vec::new(),
            yeses: Vec::new(),
            began: BTreeMap::new(),
            steps: Vec::new(),
        }
    }

    pub(crate) fn role(&self) -> &Role {
        self.policy.role("a").unwrap()
    }

    /// Lets all of it happen.
    pub(crate) fn live(&mut self, events: &[Event]) {
        for event in events {
            self.meet(event);
        }
    }

    /// Lets it happen, and what the clock does after it.
    pub(crate) fn meet(&mut self, event: &Event) {
        match event {
            // Refused is as good an answer as any.
            Event::Deed(who, which, deed) if self.clocks.runs => {
                drop(self.try_to(*who, *which, deed));
            }
            Event::Deed(..) => {}
            Event::Pass(seconds) => {
                self.clocks.pass(i64::try_from(*seconds).unwrap() * 1000);
            }
            Event::Clock(event) => self.clocks.meet(event),
        }
        if self.clocks.runs {
            self.look();
            self.tick();
        }
    }

    pub(crate) fn now(&self) -> Now {
        self.clocks.now.clone()
    }

    fn look(&mut self) {
        let now = self.now();
        let seen = self.clocks.seen.clone();
        let turn = turn(seen.as_ref(), &now);
        let open = self.elevations.iter().filter(|it| it.state.is_open());
        let open = open.map(|it| (it.id, it.clone())).collect();
        for fate in fates(turn, &open, seen.as_ref(), &now) {
            let (Fate::Moved(elevation) | Fate::Ended(elevation)) = fate;
            let index = usize::try_from(elevation.id.0).unwrap() - 1;
            self.elevations[index] = elevation;
        }
        let noticed = match turn {
            Turn::Set(step) | Turn::RebootedBack(step) => Some(step.by),
            Turn::Steady | Turn::Rebooted => None,
        };
        self.steps.push((noticed, self.clocks.looked()));
    }

    fn tick(&mut self) {
        let now = self.now();
        for index in 0..self.elevations.len() {
            // One that begins can be over at once.
            while self.elevations[index].is_due(&now) {
                let elevation = &self.elevations[index];
                self.elevations[index] = if elevation.state == State::Scheduled {
                    let holder = self.holder(elevation).unwrap();
                    let extends = self
                        .elevations
                        .iter()
                        .find(|other| Some(other.id) == elevation.extends && other.state.is_open());
                    begin(&self.policy, elevation, holder, extends, &now).0
                } else {
                    end_by_clock(elevation, &now)
                };
                if self.elevations[index].state == State::Active {
                    break;
                }
            }
            if self.elevations[index].is_active(&now) {
                self.began.entry(index).or_insert(self.clocks.known);
            }
        }
    }

    fn try_to(&mut self, who: Somebody, which: usize, deed: &Deed) -> Result<(), Refusal> {
        let caller = self.caller(who);
        if let Deed::Ask {
            way,
            duration,
            start,
            ticket,
        } = deed
        {
            let start = start.map(|after| self.now().wall.0 + after * 1000);
            return self.ask(caller, *way, *duration, start, ticket, None);
        }
        let count = self.elevations.len();
        if count == 0 {
            return Ok(());
        }
        let index = count.saturating_sub(1 + which);
        let elevation = self.elevations[index].clone();
        let (role, now) = (self.policy.role("a"), &self.now());
        let after = match deed {
            Deed::Ask { .. } => return Ok(()),
            Deed::Extend(duration) => {
                return self.ask(
                    caller,
                    Way::Request,
                    Some(*duration),
                    None,
                    "",
                    Some(&elevation),
                );
            }
            Deed::Approve(shorter) => return self.approve(caller, index, *shorter),
            Deed::Deny => deny(role, &caller, &elevation, "no", now)?,
            Deed::Cancel => cancel(&caller, &elevation, now)?,
            Deed::Release => release(&caller, &elevation, now)?,
            Deed::Revoke => revoke(role, &caller, &elevation, "no", now)?,
            Deed::Acknowledge => acknowledge(role, &caller, &elevation, "seen", now)?,
        };
        self.put(index, after);
        Ok(())
    }

    fn ask(
        &mut self,
        caller: Caller,
        way: Way,
        duration: Option<u64>,
        start: Option<i64>,
        ticket: &str,
        extends: Option<&Elevation>,
    ) -> Result<(), Refusal> {
        let options = RequestOptions {
            duration,
            start,
            reason: Some("because".to_owned()),
            ticket: Some(ticket.to_owned()),
        };
        let mine = |elevation: &&Elevation| elevation.uid == caller.account.uid;
        let open = [State::Pending, State::Scheduled, State::Active];
        let extension = extends.and_then(|base| {
            let extensions = self
                .elevations
                .iter()
                .filter(|it| it.extends == Some(base.id));
            extensions
                .filter(|it| open.contains(&it.state))
                .map(|it| it.id)
                .next()
        });
        let waiting = self.elevations.iter().filter(mine);
        let facts = Facts {
            waiting: waiting.filter(|it| it.state == State::Pending).count(),
            open: 0,
            unacknowledged: 0,
            used: &self.used(caller.account.uid),
            extends,
            extended_by: extension,
        };
        let mut asked = request(
            &self.policy,
            &caller,
            "a",
            way,
            &options,
            &facts,
            &self.now(),
        )?
        .elevation;
        asked.id = ElevationId(self.elevations.len() as u64 + 1);
        self.waited.push(asked.state == State::Pending);
        self.elevations.push(asked);
        self.asked_by.push(caller);
        Ok(())
    }

    fn approve(
        &mut self,
        caller: Caller,
        index: usize,
        shorter: Option<u64>,
    ) -> Result<(), Refusal> {
        let before = self.elevations[index].clone();
        let person = |uid: u32| self.people.iter().find(|person| person.uid == uid);
        let agreed = before
            .decisions
            .iter()
            .filter_map(|decision| person(decision.uid));
        let agreed: Vec<_> = agreed.cloned().collect();
        let extends = before
            .extends
            .and_then(|id| self.elevations.get(usize::try_from(id.0).unwrap() - 1));
        let bench = Bench {
            holder: self.holder(&before),
            agreed: &agreed,
            used: &self.used(before.uid),
            extends: extends.filter(|base| base.is_active(&self.now())),
        };
        let approved = approve(
            self.role(),
            &caller,
            &before,
            &bench,
            shorter,
            "",
            &self.now(),
        )?;
        let after = approved.elevation;
        self.put(index, after.clone());
        self.yeses.push(SaidYes {
            caller,
            before,
            after,
            shorter,
        });
        Ok(())
    }

    fn put(&mut self, index: usize, after: Elevation) {
        let now = self.now();
        for extension in &mut self.elevations {
            if extension.extends == Some(after.id)
                && let Some(followed) = follow(extension, &after, &now)
            {
                *extension = followed;
            }
        }
        self.elevations[index] = after;
    }

    fn holder(&self, elevation: &Elevation) -> Option<&Person> {
        self.people
            .iter()
            .find(|person| person.uid == elevation.uid)
    }

    /// When this account held the role, and when it is going to.
    pub(crate) fn used(&self, uid: u32) -> Vec<Span> {
        let mine = self.elevations.iter().filter(|it| it.uid == uid);
        mine.filter_map(span_of).collect()
    }

    fn caller(&self, (account, login): Somebody) -> Caller {
        Caller {
            account: self.people[account].clone(),
            login: login
                .filter(|login| *login != account)
                .map(|login| self.people[login].clone()),
            logged_in: login.is_some(),
            absent: None,
        }
    }
}
