//! What goes with the commands that show what was done.

use clap::{Args, ValueHint};
use jitd_api::MAX_LIST;

use super::help;
use crate::args::{self, Moment};

/// What goes with `sessions`.
#[derive(Debug, Args)]
#[command(after_help = help::of("sessions"))]
pub struct Sessions {
    /// Only those of this person
    #[arg(long, value_name = "USER", value_parser = args::name, value_hint = ValueHint::Username)]
    pub user: Option<String>,
    /// Only those under this elevation
    #[arg(long, value_name = "ID", value_parser = args::id)]
    pub elevation: Option<u64>,
    /// Only those opened since then: 17:30, "2026-12-01 09:00", RFC 3339, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// Only those with a smaller number: for what comes after the last line
    #[arg(long, value_name = "SESSION", value_parser = args::id)]
    pub before: Option<u64>,
    /// Only those that are running
    #[arg(long)]
    pub running: bool,
    /// At most so many, the newest; 100 without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_LIST)))]
    pub limit: Option<u32>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `replay`.
#[derive(Debug, Args)]
#[command(after_help = help::of("replay"))]
pub struct Replay {
    /// Its number, as jitctl sessions shows it
    #[arg(value_name = "SESSION", value_parser = args::id)]
    pub session: u64,
    /// So many times as fast
    #[arg(long, value_name = "N", value_parser = positive)]
    pub speed: Option<f64>,
    /// Wait at most so many seconds where nothing happened
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub max_wait: Option<f64>,
    /// Show what was typed and piped in, too
    #[arg(long)]
    pub input: bool,
    /// Print it as plain text at once: nothing in it can act on your terminal
    #[arg(long, conflicts_with_all = ["speed", "max_wait"])]
    pub text: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok();
    number
        .filter(|number: &f64| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "expected a number greater than 0".to_owned())
}
