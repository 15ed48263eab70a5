//! What the disk takes to keep a small file for certain.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use super::sample;

/// Writes a file anew, with fsync, so many times.
pub(super) fn run(count: usize) {
    for _ in 0..count {
        let before = Instant::now();
        let mut file = File::create("/etc/bench-sync").expect("a file can be made");
        file.write_all(&[b'x'; 4096])
            .and_then(|()| file.sync_all())
            .expect("a file can be written");
        sample("sync", before.elapsed());
    }
}
