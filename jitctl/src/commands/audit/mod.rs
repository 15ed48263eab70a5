//! `audit`: the record, read, verified and kept.

mod export;
mod follow;
mod keep;
mod new_file;
mod read;
mod verify;

use jiff::Zoned;

use crate::args::Moment;
use crate::cli::{Audit, AuditCommand};
use crate::error::{Failure, Kind};

/// `audit`.
pub(crate) async fn run(options: Audit) -> Result<(), Failure> {
    match options.command {
        None => read::run(options.read).await,
        Some(AuditCommand::Verify(options)) => verify::run(options).await,
        Some(AuditCommand::Export(options)) => export::run(options).await,
        Some(AuditCommand::Archive(options)) => keep::archive(options).await,
        Some(AuditCommand::Backup(options)) => keep::backup(options).await,
    }
}

/// A time in milliseconds since the Unix epoch, where one is given.
fn time(option: &str, moment: Option<Moment>, now: &Zoned) -> Result<Option<i64>, Failure> {
    let Some(moment) = moment else {
        return Ok(None);
    };
    let outside = || {
        Failure::new(
            Kind::Usage,
            format!("{option} lies outside of the calendar"),
        )
    };
    moment.since(now).map(Some).ok_or_else(outside)
}
