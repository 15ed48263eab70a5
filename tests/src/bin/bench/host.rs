//! The machine that measures.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use crate::numbers::Series;
use crate::report::{Figures, Row, Unit};

/// Processors, kernel and disk, for whoever compares with another run.
pub(crate) fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    let cores = available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} × {model}, Linux {}, machines on {}",
        kernel.trim(),
        disk()
    )
}

/// The load averages, which tell how quiet it was.
pub(crate) fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// What the disk takes to keep a small file for certain.
pub(crate) fn sync_row(series: &Series) -> Row {
    let samples = series.samples("sync").scaled(1e-6);
    Row::new(
        "writing 4 KB and fsync, for comparison",
        Figures::of(&samples, Unit::Milliseconds),
    )
}

fn disk() -> String {
    let output = Command::new("findmnt")
        .args(["--noheadings", "--output", "SOURCE,FSTYPE", "--target", "."])
        .output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    said.unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
