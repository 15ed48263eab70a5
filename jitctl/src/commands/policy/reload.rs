//! `policy reload`.

use jitd_api::Error;

use crate::bus;
use crate::cli::Reload;
use crate::error::{Failure, Kind};
use crate::output;
use crate::output::escape::escape;

pub(super) async fn run(options: &Reload) -> Result<(), Failure> {
    let policy = bus::policy().await?;
    let ended = policy.reload(options.yes).await.map_err(refused)?;
    output::print(&match ended {
        0 => "The policy is reloaded.".to_owned(),
        1 => "The policy is reloaded; 1 elevation that it no longer allows has ended.".to_owned(),
        more => format!(
            "The policy is reloaded; {more} elevations that it no longer allows have ended."
        ),
    })
}

fn refused(error: Error) -> Failure {
    if let Error::InvalidArgument(mistakes) = error {
        for mistake in mistakes.lines() {
            output::tell(&escape(mistake));
        }
        return Failure::new(
            Kind::Failed,
            "the policy has mistakes; the one that was in force stays in force",
        )
        .hint("jitctl policy check");
    }
    let failure = bus::failure(error);
    match failure.kind() {
        Kind::NotAllowed => failure.hint("sudo jitctl policy reload"),
        _ => failure,
    }
}
