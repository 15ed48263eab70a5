//! Links the module without `libgcc_s`, unless `PAM_JIT_LIBGCC=shared` says otherwise.

use std::path::Path;
use std::{env, fs};

/// The unwinder is all that the module needs of `libgcc_s`, and few programs that load the module
/// have that library already: bringing it along took a quarter of what an unmanaged person's sudo
/// pays. The linker finds this script by its name first, and takes the unwinder from `libgcc_eh`,
/// which is linked in. That one needs glibc 2.35, as old as Debian 12 and younger than RHEL 9: what
/// is to run there is built with the shared one.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-env-changed=PAM_JIT_LIBGCC");
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("PAM_JIT_LIBGCC").is_ok_and(|libgcc| libgcc == "shared") {
        return Ok(());
    }
    let folder = env::var("OUT_DIR")?;
    let script = Path::new(&folder).join("libgcc_s.so");
    fs::write(script, "GROUP ( -lgcc_eh -lc )\n")?;
    println!("cargo::rustc-cdylib-link-arg=-L{folder}");
    Ok(())
}
