//! What jitd tells about a period.

use jitd_api::{Elevation, ElevationsProxy, Error, EventFilter, Filter, MAX_LIST};

use super::chain::{Chain, Following};
use super::record::Noted;
use super::spans::Span;
use super::{Scope, life};
use crate::bus;
use crate::error::Failure;
use crate::record::event::Line;
use crate::record::stream::{self, Stream};

/// All that was told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) scope: Scope,
    /// Newest first.
    pub(crate) elevations: Vec<Elevation>,
    pub(crate) noted: Noted,
    pub(crate) chain: Chain,
    /// When the first event happened that is still in the record, where earlier ones are not.
    pub(crate) cut: Option<i64>,
}

/// Everything about a period, or what is about `own` where no more may be read.
pub(crate) async fn gather(period: Span, own: &str) -> Result<Told, Failure> {
    let audit = bus::audit().await?;
    let scope = match audit.read(&of_another()).await {
        Ok(_) => Scope::Everybody,
        Err(Error::NotAllowed(_)) => Scope::Own(own.to_owned()),
        Err(error) => return Err(bus::failure(error)),
    };
    let elevations = elevations(&bus::elevations().await?, period, &scope).await?;
    let held = elevations
        .iter()
        .filter_map(|elevation| life::held(elevation, period.to));
    // Sessions that were opened before the period may reach into it.
    let from = held.map(|span| span.from).fold(period.from, i64::min);
    let filter = EventFilter {
        // The chain is whole or not, not a stretch of it.
        since: matches!(scope, Scope::Own(_)).then_some(from),
        ..EventFilter::default()
    };
    let mut stream = Stream::open(&filter).await?;
    let (mut noted, mut following) = (Noted::default(), Following::default());
    let mut first = None;
    let end = loop {
        let line = stream.line().await?.ok_or_else(stream::cut)?;
        match Line::read(line).map_err(|why| stream::nonsense(&why))? {
            Line::Event(event) => {
                if scope == Scope::Everybody {
                    following.event(&event);
                    first.get_or_insert_with(|| (event.number("seq"), event.at()));
                }
                noted.event(&event, period);
            }
            Line::End(end) => break end,
            Line::Error(why) => return Err(stream::broken(&why)),
        }
    };
    let chain = match scope {
        Scope::Everybody => following.end(end),
        Scope::Own(_) => Chain::NotChecked,
    };
    Ok(Told {
        scope,
        elevations,
        noted,
        chain,
        cut: first.and_then(|(seq, at)| at.filter(|_| seq != Some(1))),
    })
}

/// What is about root is for those who may read all.
fn of_another() -> EventFilter {
    EventFilter {
        user: Some("root".to_owned()),
        last: Some(0),
        ..EventFilter::default()
    }
}

/// Those that were asked for before the end of the period and not over before it began, page by
/// page.
async fn elevations(
    jitd: &ElevationsProxy<'_>,
    period: Span,
    scope: &Scope,
) -> Result<Vec<Elevation>, Failure> {
    let mut filter = Filter {
        user: match scope {
            Scope::Everybody => None,
            // An approver may see what others ask of them, and none of what was done with it.
            Scope::Own(name) => Some(name.clone()),
        },
        until: Some(period.to),
        not_over_before: Some(period.from),
        limit: Some(MAX_LIST),
        ..Filter::default()
    };
    let mut all = Vec::new();
    loop {
        let page = jitd.list(&filter).await.map_err(bus::failure)?;
        let more = page.len() >= MAX_LIST as usize;
        filter.before = page.last().map(|elevation| elevation.id);
        all.extend(page);
        if !more {
            return Ok(all);
        }
    }
}
