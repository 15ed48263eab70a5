//! The PAM module of jitd: asks whether an active elevation opens a service to
//! the person who is at it, and refuses them if not.
//!
//! It is a guest in everyone's sudo and sshd. What it leaves behind is nothing:
//! no thread, child, descriptor, signal handler or environment variable, no
//! lasting state in libc, no output but the few lines a refused person reads.
//! Root and people who are not managed pass before any call is made.
//!
//! The way through, top down:
//!
//! | room | question |
//! |---|---|
//! | `hooks` | libpam's entry points |
//! | `visit` | one call: gather the situation, judge it, tell |
//! | `arguments` | what does the PAM line say? |
//! | `person` | who is this about? |
//! | `managed` | are they subject to just-in-time access? |
//! | `session` | is it still in the session in which it was started? |
//! | `gate` | what does jitd say? |
//! | `judge` | so: let by or refuse? |
//! | `verdict` | and which PAM code says so in this stage? |
//! | `text` | what does a refused person read? |
//! | `syslog` | what does the log say? |

mod arguments;
mod directory;
mod gate;
mod hooks;
mod judge;
mod managed;
mod person;
mod session;
mod syslog;
mod text;
mod verdict;
mod visit;
