//! `jitctl`, the command line of just-in-time privilege.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    jitctl::main()
}
