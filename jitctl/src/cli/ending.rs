//! What goes with the commands that make an elevation be over.

use clap::{ArgGroup, Args, ValueHint};

use super::help;
use crate::args;

/// What goes with `cancel`.
#[derive(Debug, Args)]
#[command(after_help = help::of("cancel"))]
pub struct Cancel {
    /// Its number
    #[arg(value_name = "ID", value_parser = args::id)]
    pub id: u64,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `end`.
#[derive(Debug, Args)]
#[command(after_help = help::of("end"))]
pub struct End {
    /// Its number; everything you hold without it
    #[arg(value_name = "ID", value_parser = args::id)]
    pub id: Option<u64>,
    /// Print one JSON document: an array of what ended
    #[arg(long)]
    pub json: bool,
}

/// What goes with `revoke`.
#[derive(Debug, Args)]
#[command(after_help = help::of("revoke"))]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["id", "user", "role", "all"]))]
pub struct Revoke {
    /// Its number
    #[arg(value_name = "ID", value_parser = args::id, conflicts_with_all = ["user", "role", "all"])]
    pub id: Option<u64>,
    /// All of this person
    #[arg(long, value_name = "USER", value_parser = args::name, value_hint = ValueHint::Username)]
    pub user: Option<String>,
    /// All of this role
    #[arg(long, value_name = "ROLE", value_parser = args::name)]
    pub role: Option<String>,
    /// All of everybody
    #[arg(long, conflicts_with_all = ["user", "role"])]
    pub all: bool,
    /// Why; the holder and the record show it
    #[arg(long, value_name = "TEXT", value_parser = args::comment)]
    pub comment: String,
    /// Print one JSON document: an array of what ended
    #[arg(long)]
    pub json: bool,
}
