//! `policy show`: the policy with every default said.

use jitd_policy::show;

use super::load;
use crate::bus;
use crate::cli::ShowPolicy;
use crate::error::{Failure, Kind};
use crate::output::escape::escape_toml;
use crate::output::{self, json};

pub(super) async fn run(options: ShowPolicy) -> Result<(), Failure> {
    let text = match &options.path {
        Some(path) => show::toml(&load(path)?.policy),
        None => bus::policy().await?.show().await.map_err(|error| {
            let failure = bus::failure(error);
            match failure.kind() {
                Kind::NotAllowed => failure.hint("that of the files: jitctl policy show /etc/jitd"),
                _ => failure,
            }
        })?,
    };
    if !options.json {
        return output::print(&escape_toml(&text));
    }
    let value: serde_json::Value = toml::from_str(&text).map_err(|cause| {
        let cause = cause.message();
        Failure::new(Kind::Failed, format!("the policy is not TOML: {cause}"))
    })?;
    output::print(&json::document(&value)?)
}
