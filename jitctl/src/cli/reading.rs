//! What goes with the commands that look.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};
use jitd_api::{MAX_LIST, State};

use super::help;
use crate::args::{self, Moment};

/// What goes with `status`.
#[derive(Debug, Args)]
#[command(after_help = help::of("status"))]
pub struct Status {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `list`.
#[derive(Debug, Args)]
#[command(after_help = help::of("list"))]
pub struct List {
    /// Only those in this state
    #[arg(long, value_name = "STATE", value_parser = state())]
    pub state: Option<State>,
    /// Only those of this person
    #[arg(long, value_name = "USER", value_parser = args::name, value_hint = ValueHint::Username)]
    pub user: Option<String>,
    /// Only those of this role
    #[arg(long, value_name = "ROLE", value_parser = args::name)]
    pub role: Option<String>,
    /// Only those asked for since then: 17:30, "2026-12-01 09:00", RFC 3339, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// At most so many, the newest; 100 without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_LIST)))]
    pub limit: Option<u32>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `pending`.
#[derive(Debug, Args)]
#[command(after_help = help::of("pending"))]
pub struct Pending {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `show`.
#[derive(Debug, Args)]
#[command(after_help = help::of("show"))]
pub struct Show {
    /// Its number
    #[arg(value_name = "ID", value_parser = args::id)]
    pub id: u64,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

fn state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.map(State::as_str))
        .try_map(|word: String| word.parse::<State>())
}
