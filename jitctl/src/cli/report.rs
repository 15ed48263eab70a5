//! What goes with `report`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};

use super::help;
use crate::args::Moment;

/// What goes with `report`.
#[derive(Debug, Args)]
#[command(
    after_help = help::of("report"),
    group = ArgGroup::new("form").required(true).args(["html", "json", "csv"])
)]
pub struct Report {
    /// From then on: 30d for thirty days ago, 17:30, "2026-12-01 09:00" or RFC 3339
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub since: Moment,
    /// Up to then; now without it
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,
    /// Write one page of HTML into this file; - for stdout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// Write CSV, a row for each elevation, into this file or to stdout
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", value_hint = ValueHint::FilePath)]
    pub csv: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl From<PathBuf> for To {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" {
            Self::Stdout
        } else {
            Self::File(path)
        }
    }
}
