//! What goes with the commands of approvers.

use clap::Args;

use super::help;
use crate::args::{self, Seconds};

/// What goes with `approve`.
#[derive(Debug, Args)]
#[command(after_help = help::of("approve"))]
pub struct Approve {
    /// Its number
    #[arg(value_name = "ID", value_parser = args::id)]
    pub id: u64,
    /// Grant less time than was asked for
    #[arg(long = "for", value_name = "SHORTER")]
    pub length: Option<Seconds>,
    /// What to say with it
    #[arg(long, value_name = "TEXT", value_parser = args::text)]
    pub comment: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `deny`.
#[derive(Debug, Args)]
#[command(after_help = help::of("deny"))]
pub struct Deny {
    /// Its number
    #[arg(value_name = "ID", value_parser = args::id)]
    pub id: u64,
    /// Why not; the person who asked reads it
    #[arg(long, value_name = "TEXT", value_parser = args::comment)]
    pub comment: String,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `acknowledge`.
#[derive(Debug, Args)]
#[command(after_help = help::of("acknowledge"))]
pub struct Acknowledge {
    /// Its number
    #[arg(value_name = "ID", value_parser = args::id)]
    pub id: u64,
    /// What to say with it
    #[arg(long, value_name = "TEXT", value_parser = args::text)]
    pub comment: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
