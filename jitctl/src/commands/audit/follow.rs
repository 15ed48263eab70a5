//! `audit --follow`: what happens from now on, through restarts of jitd.

use std::time::Duration;

use jitd_api::EventFilter;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::read::Printer;
use crate::error::{Failure, Kind};
use crate::record::event::Line;
use crate::record::stream::{self, Stream};
use crate::{bus, output};

/// How long to wait before knocking again at a jitd that went away.
const PAUSE: Duration = Duration::from_millis(100);

/// Goes on after the event with the number `after`, until Ctrl-C.
pub(super) async fn from(
    after: u64,
    filter: EventFilter,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        ended = follow(after, filter, printer) => ended,
        _ = interrupt.recv() => Err(Failure::interrupted()),
    }
}

async fn follow(mut after: u64, filter: EventFilter, printer: &mut Printer) -> Result<(), Failure> {
    printer.show()?;
    let mut away = false;
    loop {
        let filter = EventFilter {
            after: Some(after),
            last: None,
            follow: Some(true),
            ..filter.clone()
        };
        match Stream::open_again(&filter).await {
            Ok(stream) => {
                if away {
                    output::tell("jitd is back");
                }
                away = false;
                pass_on(stream, &mut after, printer).await?;
            }
            Err(failure) if failure.kind() == Kind::Unreachable => {}
            Err(failure) => return Err(failure),
        }
        if !away {
            output::tell("jitd went away; waiting for it to come back");
            away = true;
        }
        // While it goes, its name may still be there.
        sleep(PAUSE).await;
        bus::until_it_is_there().await?;
    }
}

/// Prints what comes, until the stream ends; `after` is then the number of the last one.
async fn pass_on(
    mut stream: Stream,
    after: &mut u64,
    printer: &mut Printer,
) -> Result<(), Failure> {
    while let Some(line) = stream.line().await? {
        match Line::read(line).map_err(|why| stream::nonsense(&why))? {
            Line::Event(event) => {
                printer.event(&event, line)?;
                *after = event.number("seq").unwrap_or(*after);
            }
            Line::End(_) => return Ok(()),
            Line::Error(why) => return Err(stream::broken(&why)),
        }
        if !stream.has_more() {
            printer.show()?;
        }
    }
    Ok(())
}
