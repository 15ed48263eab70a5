//! What systemd says by itself: that a job is over, and that a unit has gone.

use futures_util::stream::select;
use futures_util::{Stream, StreamExt};
use zbus::message::{Message, Type};
use zbus::wire::OwnedObjectPath;
use zbus::{Connection, MatchRule, MessageStream};

use super::manager::ManagerProxy;

const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const JOB_REMOVED: &str = "JobRemoved";
const UNIT_REMOVED: &str = "UnitRemoved";

/// What it says.
pub(super) enum Word {
    /// The unit of a job that is over, and how it ended.
    JobRemoved(String, String),
    /// The unit that has gone.
    UnitRemoved(String),
}

/// All of it, as it comes.
pub(super) struct Words(Said);

type Said = Box<dyn Stream<Item = Message> + Send + Sync + Unpin>;

impl Words {
    /// Nobody else can say anything there; signals come without being asked for.
    ///
    /// # Errors
    /// The connection has broken.
    pub(super) async fn without_bus(connection: &Connection) -> zbus::Result<Self> {
        let hear = async |member| {
            let rule = MatchRule::builder().msg_type(Type::Signal);
            let rule = rule.interface(MANAGER).member(member).build()?;
            MessageStream::for_match_rule(rule, connection, None).await
        };
        let said = select(hear(JOB_REMOVED).await?, hear(UNIT_REMOVED).await?);
        let said = said.filter_map(|said| std::future::ready(said.ok()));
        Ok(Self(Box::new(said)))
    }

    /// Only from who has systemd's name.
    ///
    /// # Errors
    /// The connection has broken.
    pub(super) async fn over_the_bus(systemd: &ManagerProxy<'static>) -> zbus::Result<Self> {
        let jobs = systemd.inner().receive_signal(JOB_REMOVED).await?;
        let units = systemd.inner().receive_signal(UNIT_REMOVED).await?;
        Ok(Self(Box::new(select(jobs, units))))
    }

    /// The next word; nothing once there is no more to hear.
    pub(super) async fn next(&mut self) -> Option<Word> {
        loop {
            let said = self.0.next().await?;
            let word = understood(&said);
            if word.is_some() {
                return word;
            }
        }
    }
}

fn understood(said: &Message) -> Option<Word> {
    let (header, body) = (said.header(), said.body());
    if header.member()?.as_str() == JOB_REMOVED {
        let job: (u32, OwnedObjectPath, String, String) = body.deserialize().ok()?;
        return Some(Word::JobRemoved(job.2, job.3));
    }
    let unit: (String, OwnedObjectPath) = body.deserialize().ok()?;
    Some(Word::UnitRemoved(unit.0))
}
