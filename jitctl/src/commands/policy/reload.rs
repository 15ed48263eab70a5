//! `policy reload`.

use jitd_api::Error;

use crate::bus;
use crate::error::{Failure, Kind};
use crate::output;
use crate::output::escape::escape;

pub(super) async fn run() -> Result<(), Failure> {
    bus::policy().await?.reload().await.map_err(refused)?;
    output::print("The policy is reloaded.")
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
