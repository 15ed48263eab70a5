//! Waiting for jitd to give something, or to end it.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use crate::output;

/// After so long without an answer people are told what they wait for.
const A_MOMENT: Duration = Duration::from_secs(5);

/// The answer to a call that may change the host: jitd answers once it has, and gives a slow host
/// time for it (jitd(8), DEADLINES).
pub(super) async fn patiently<T>(asking: impl Future<Output = T>) -> T {
    let mut asking = std::pin::pin!(asking);
    if let Ok(answer) = timeout(A_MOMENT, &mut asking).await {
        return answer;
    }
    output::tell("jitd is still at it: on a busy host, giving may take up to 30 s.");
    asking.await
}
