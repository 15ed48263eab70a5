//! systemd, which holds sessions together and ends them in time, also without jitd.
//!
//! Each session has a scope of its own (`systemd.scope(5)`): whatever is started in it stays in
//! it, by setsid, nohup and double forks too. `RuntimeMaxSec=` ends it. A login has one from
//! logind already, and leaving that would end it; it is ended through logind.

mod cgroups;
mod ends;
mod leader;
mod link;
mod manager;
mod moves;
mod recorder;
mod scopes;
mod sessions;
mod timers;

pub use link::Systemd;
