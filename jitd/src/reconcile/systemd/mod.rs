//! systemd, which holds sessions together and ends them in time, also without jitd.
//!
//! Each session has a scope of its own (`systemd.scope(5)`): whatever is started in it stays in
//! it, by setsid, nohup and double forks too. `RuntimeMaxSec=` ends it. A login has one from
//! logind already, and leaving that would end it; the login ends with it.
//!
//! A scope that is empty is no session that is over: what was in it can have been moved (`kin`).
//! That is noticed (`watch`), and what has left is ended where it is (`hunt`).

mod cgroups;
mod ends;
mod hunt;
mod kin;
mod leader;
mod link;
mod manager;
mod moves;
mod recorder;
mod scopes;
mod sessions;
mod timers;
mod watch;
mod words;

pub use link::Systemd;
