//! `org.jitd1.Policy`: what is in force.

use jitd_api::Error;

use super::wire;
use crate::engine::Engine;

pub(super) struct PolicyInterface {
    engine: Engine,
}

impl PolicyInterface {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[zbus::interface(name = "org.jitd1.Policy")]
impl PolicyInterface {
    /// The groups by which `pam_jit` knows managed people.
    fn managed(&self) -> Result<Vec<String>, Error> {
        Ok(self.engine.policy().map_err(wire::error)?.managed_groups())
    }
}
