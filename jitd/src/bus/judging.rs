//! Which of somebody's elevations give what sudo is asked for: looked at beside the gate's thread,
//! since their file systems and the account directory can keep whoever looks waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jitd_api::GateAnswer;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::gate::{GateInterface, for_themselves, refused_because};
use super::patience::LOOK;
use crate::asked::{self, Request, Unknown};
use crate::domain::elevation::ElevationId;
use crate::domain::policy::Policy;
use crate::engine::{Gate, Holding, Opening, PolicyInForce};

/// Most of one account that are looked at at a time: who makes it wait makes themselves wait.
const MOST_OF_ONE: usize = 2;

/// Looks at what sudo is asked for.
#[derive(Debug, Default)]
pub(super) struct Judge {
    places: Mutex<HashMap<u32, Arc<Semaphore>>>,
}

impl Judge {
    /// The elevations whose roles give what a process asks for, at least one of which opens the
    /// service; none where nothing is to be judged: it runs nothing, or is no sudo.
    ///
    /// # Errors
    /// What it is told: no role gives that, or nobody can say.
    pub(super) async fn given_by(
        &self,
        gate: &Gate,
        opening: &Opening,
    ) -> Result<Option<Vec<ElevationId>>, GateAnswer> {
        if opening.uid == 0 || !asked::is_sudo(opening.leader, &opening.service) {
            return Ok(None);
        }
        let PolicyInForce::Loaded(policy) = gate.policy() else {
            return Ok(None);
        };
        let held = gate.held(opening.uid, &opening.name, &opening.service);
        let Some(judged) = self.looked(opening, policy, held).await? else {
            return Ok(None);
        };
        let gives = |one: &&(Holding, bool)| one.1;
        if judged.iter().filter(gives).any(|(held, _)| held.opens) {
            let ids = judged.iter().filter(gives).map(|(held, _)| held.id);
            return Ok(Some(ids.collect()));
        }
        Err(not_given(&judged, &opening.service))
    }

    async fn looked(
        &self,
        opening: &Opening,
        policy: Arc<Policy>,
        held: Vec<Holding>,
    ) -> Result<Option<Vec<(Holding, bool)>>, GateAnswer> {
        let (pid, uid) = (opening.leader, opening.uid);
        let places = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            let of_one = || Arc::new(Semaphore::new(MOST_OF_ONE));
            places.entry(uid).or_insert_with(of_one).clone()
        };
        let looking = async {
            let place = places.acquire_owned().await.ok();
            let look = spawn_blocking(move || {
                let _until_it_is_done = place;
                let request = asked::look(pid, uid)?;
                Ok::<_, Unknown>(request.map(|request| judged(&request, &policy, held)))
            });
            look.await
        };
        match timeout(LOOK, looking).await {
            Ok(Ok(Ok(judged))) => Ok(judged),
            Ok(Ok(Err(unknown))) => Err(for_themselves(unknown.to_string())),
            Ok(Err(error)) => Err(refused_because(&error.to_string(), "journalctl -u jitd")),
            Err(_) => Err(for_themselves(format!(
                "what it asks for could not be seen within {} s: name the program by its path",
                LOOK.as_secs()
            ))),
        }
    }
}

fn judged(request: &Request, policy: &Policy, held: Vec<Holding>) -> Vec<(Holding, bool)> {
    let judged = held.into_iter().map(|held| {
        let role = policy.role(held.role.as_str());
        let gives = role.is_some_and(|role| request.is_given_by(role));
        (held, gives)
    });
    judged.collect()
}

/// What is held, and does not give it here.
fn not_given(judged: &[(Holding, bool)], service: &str) -> GateAnswer {
    let names = |of: &dyn Fn(&(Holding, bool)) -> bool| {
        let mut names: Vec<_> = judged
            .iter()
            .filter(|one| of(one))
            .map(|one| one.0.role.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    };
    let giving = names(&|(_, gives)| *gives);
    let text = if giving.is_empty() {
        let opening = names(&|(held, _)| held.opens);
        format!("no elevation gives this command (role {opening} gives: sudo -l)")
    } else {
        format!("what gives this command (role {giving}) does not open {service}")
    };
    for_themselves(text)
}

impl GateInterface {
    /// With the elevations that give what is asked for.
    ///
    /// # Errors
    /// See [`Judge::given_by`].
    pub(super) async fn judged(
        &self,
        judge: &Judge,
        opening: &Opening,
    ) -> Result<Opening, GateAnswer> {
        let given_by = judge.given_by(self.gate(), opening).await?;
        Ok(Opening {
            given_by,
            ..opening.clone()
        })
    }
}
