//! The reconciler's thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::oneshot;

use super::{Memberships, ReconcileError, Sudoers};
use crate::crash::crash_point;
use crate::domain::desired::Desired;
use crate::domain::policy::Policy;

/// What comes back: errors are shared by all who waited for the same run.
type Answer = Result<(), Arc<ReconcileError>>;

struct Job {
    desired: Desired,
    policy: Option<Arc<Policy>>,
    answer: oneshot::Sender<Answer>,
}

/// Makes the host match, on a thread of its own. Of several wishes that wait, the last one is
/// carried out and answers them all: a thousand that end together are one rewrite.
#[derive(Debug, Clone)]
pub struct Reconciler {
    jobs: Sender<Job>,
}

impl Reconciler {
    /// Starts the thread.
    ///
    /// # Errors
    /// The host gives no more threads.
    pub fn start(memberships: Memberships, sudoers: Sudoers) -> std::io::Result<Self> {
        let (jobs, received) = channel();
        std::thread::Builder::new()
            .name("reconcile".to_owned())
            .spawn(move || {
                Worker {
                    memberships,
                    sudoers,
                }
                .run(&received);
            })?;
        Ok(Self { jobs })
    }

    /// Hands over what the host should look like, in the order of the calls. Without a policy
    /// there is no sudoers file of ours: nobody can say what a role gives.
    #[must_use]
    pub fn converge(&self, desired: Desired, policy: Option<Arc<Policy>>) -> Convergence {
        let (answer, received) = oneshot::channel();
        // Without the thread the receiver answers that it is gone.
        let _ = self.jobs.send(Job {
            desired,
            policy,
            answer,
        });
        Convergence(received)
    }
}

/// A wish on its way.
#[derive(Debug)]
pub struct Convergence(oneshot::Receiver<Answer>);

impl Convergence {
    /// Waits until the host matches.
    ///
    /// # Errors
    /// What stood in the way.
    pub async fn done(self) -> Answer {
        self.0
            .await
            .unwrap_or_else(|_| Err(Arc::new(ReconcileError::Gone)))
    }
}

struct Worker {
    memberships: Memberships,
    sudoers: Sudoers,
}

impl Worker {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut waiting = vec![first];
            waiting.extend(jobs.try_iter());
            let Some(last) = waiting.last() else { continue };
            let answer = self
                .apply(&last.desired, last.policy.as_ref())
                .map_err(Arc::new);
            for job in waiting {
                // Nobody may be waiting any more; the work was done all the same.
                let _ = job.answer.send(answer.clone());
            }
        }
    }

    fn apply(
        &mut self,
        desired: &Desired,
        policy: Option<&Arc<Policy>>,
    ) -> Result<(), ReconcileError> {
        crash_point!("reconciler.begun");
        let mut errors = Vec::new();
        // sudo's rules first: they need no lock that somebody could sit on.
        let ruled = match policy {
            Some(policy) => self.sudoers.apply(policy, desired),
            None => self.sudoers.remove(),
        };
        errors.extend(ruled.err());
        crash_point!("reconciler.ruled");
        errors.extend(self.memberships.apply(desired).err());
        crash_point!("reconciler.done");
        ReconcileError::together(errors)
    }
}
