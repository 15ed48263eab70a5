//! Where things are on a host.

/// The policy.
pub const POLICY: &str = "/etc/jitd";
/// The database's folder; `StateDirectory=` of the unit.
pub const STATE: &str = "/var/lib/jitd";
/// The database.
pub const DATABASE: &str = "/var/lib/jitd/jitd.db";
/// Where the account files are.
pub const ETC: &str = "/etc";
/// Where drop-ins for nss-systemd(8) are, which a boot takes away.
pub const USERDB: &str = "/run/userdb";
/// Where others than jitd keep accounts in files of their own, on hosts that have them:
/// userdbd(8) and libnss-extrausers.
pub const MORE_ACCOUNTS: [&str; 2] = ["/etc/userdb", "/var/lib/extrausers"];
/// The sudoers file of ours.
pub const SUDOERS: &str = "/etc/sudoers.d/jitd";
/// What the daemon shows of itself to the second enforcer.
pub const TURNS: &str = "/run/jitd/turns";
