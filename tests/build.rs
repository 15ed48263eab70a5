//! Links `pam_time` without `libgcc_s`.

use std::path::Path;
use std::{env, fs};

/// What is measured in `pam_time` is what PAM modules add to programs such as
/// sudo, which do not have `libgcc_s` loaded: a module that needs it brings it
/// along, at a cost. Every Rust program has it, unless the linker finds another
/// file of its name first.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = env::var("OUT_DIR")?;
    let script = Path::new(&folder).join("libgcc_s.so");
    fs::write(script, "GROUP ( -lgcc_eh -lc )\n")?;
    println!("cargo::rustc-link-arg-bin=pam_time=-L{folder}");
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
