//! Which PAM services sudo and su use on this host.

use std::path::Path;

use crate::pam::folder::{Files, service_name};

/// The services of sudo and su where nobody has said otherwise. One that may include another
/// comes after it.
pub const SERVICES: [&str; 4] = ["sudo", "su", "sudo-i", "su-l"];

/// The programs that use a service, below the root.
const SUDO: &[&str] = &["usr/bin/sudo", "usr/bin/sudo-rs", "usr/lib/cargo/bin/sudo"];
const SU: &[&str] = &["usr/bin/su", "bin/su", "usr/bin/su-rs"];

/// The services that are gated: those of [`SERVICES`] of which there is a file or the program,
/// and those that sudoers names.
#[must_use]
pub fn used(root: &Path, files: &Files, named: &[String]) -> Vec<String> {
    let is_used = |service: &&str| {
        let programs = if is_of_sudo(service) { SUDO } else { SU };
        files.of_service(service).is_some() || programs.iter().any(|it| root.join(it).exists())
    };
    let usual = SERVICES.iter().filter(|service| is_used(service));
    let mut services: Vec<_> = usual.map(|service| (*service).to_owned()).collect();
    for service in named.iter().map(|service| service_name(service)) {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    services
}

/// Whether it is sudo that uses it. What sudoers names is.
#[must_use]
pub fn is_of_sudo(service: &str) -> bool {
    !["su", "su-l"].contains(&service)
}
