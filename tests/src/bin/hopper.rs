//! A process that is never where one looks: it forks and exits all the time. Tests run it in a
//! throwaway machine.
//!
//! `hopper FILE` appends a byte to FILE every 300 µs, each by another process, of which each is in a
//! session of its own and ends when the next one has begun. `hopper FILE NUMBER` does it so many
//! times; without NUMBER it goes on for two minutes.
#![allow(unsafe_code, reason = "it forks")]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::Duration;

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, fork, setsid};

const PACE: Duration = Duration::from_micros(300);
/// Two minutes.
const MOST: u64 = 400_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("hopper FILE [NUMBER]")?;
    let most = arguments.next().map_or(Ok(MOST), |number| number.parse())?;
    for asked in [Signal::SIGHUP, Signal::SIGTERM] {
        // SAFETY: ignoring a signal runs nothing.
        unsafe { signal(asked, SigHandler::SigIgn) }?;
    }
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    hop(file, most)
}

fn hop(mut file: File, most: u64) -> Result<(), Box<dyn std::error::Error>> {
    for _ in 0..most {
        // SAFETY: there is one thread, and the child goes on as its parent would.
        match unsafe { fork() }? {
            ForkResult::Parent { .. } => return Ok(()),
            ForkResult::Child => {
                // One that was made by another is never a leader already.
                let _ = setsid();
                file.write_all(b".")?;
                std::thread::sleep(PACE);
            }
        }
    }
    Ok(())
}
