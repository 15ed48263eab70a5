//! What is to be recorded is opened with its recording, and ends with it.

use std::time::Duration;

use super::*;
use crate::domain::session::SessionId;
use crate::store::{About, SessionQuery};

const FOLDER: &str = "/var/log/jitd/recordings/00/00/01";

fn opening(uid: u32, service: &str, within: Option<SessionId>) -> Opening {
    Opening {
        uid,
        name: if uid == 0 { "root" } else { "carol" }.to_owned(),
        service: service.to_owned(),
        terminal: String::new(),
        remote: String::new(),
        within,
        leader: 4711,
        since: None,
        given_by: None,
    }
}

impl Scene {
    /// carol holds the role that is recorded.
    async fn watched() -> (Self, ElevationId) {
        let scene = Self::new().await;
        let asked = RequestOptions::default();
        let id = scene.engine.request(&carol(), "watched", &asked).await;
        let id = id.unwrap();
        scene.engine.approve(&alice(), id, None, "").await.unwrap();
        (scene, id)
    }

    async fn carol_deploys(&self) -> ElevationId {
        let id = self.requested(&carol()).await;
        self.engine.approve(&alice(), id, None, "").await.unwrap();
        id
    }

    async fn opens_in(&self, uid: u32, service: &str, within: Option<SessionId>) -> Opened {
        let opening = opening(uid, service, within);
        self.engine.open_session(&opening).await.unwrap()
    }

    async fn opened_recorded(&self) -> SessionId {
        self.host.units().recording = Some(FOLDER.to_owned());
        match self.opens_in(1001, "sudo-i", None).await {
            Opened::Under { session, .. } => session,
            other => panic!("{other:?}"),
        }
    }

    async fn last_event(&self, name: &'static str) -> String {
        let events = self.engine.shared.store.events(name).await.unwrap();
        events.last().unwrap().clone()
    }
}

#[tokio::test]
async fn what_is_not_recorded_is_not_opened() {
    let (scene, id) = Scene::watched().await;
    let opened = scene.opens_in(1001, "sudo-i", None).await;
    let Opened::Unrecorded(why) = opened else {
        panic!("{opened:?}");
    };
    assert!(why.contains("role watched is to be recorded"), "{why}");
    assert!(scene.engine.sessions_of(id).await.unwrap().is_empty());
    let event = scene.last_event("session.refused").await;
    assert!(event.contains("keeps no I/O log"), "{event}");
    // A role that does not demand it goes by none.
    scene.carol_deploys().await;
    assert!(matches!(
        scene.opens_in(1001, "sudo", None).await,
        Opened::Under { .. }
    ));
}

#[tokio::test]
async fn the_session_knows_its_recording_and_so_does_the_record() {
    let (scene, id) = Scene::watched().await;
    scene.opened_recorded().await;
    let session = scene.engine.sessions_of(id).await.unwrap().remove(0);
    let recording = session.recording.unwrap();
    assert_eq!(
        (recording.folder.as_str(), recording.recorder),
        (FOLDER, 4711)
    );
    let event = scene.last_event("session.opened").await;
    assert!(event.contains(FOLDER), "{event}");
}

#[tokio::test]
async fn what_outlives_its_recording_is_ended() {
    let (scene, _) = Scene::watched().await;
    let (over, is_over) = watch::channel(false);
    scene.host.units().recording_over = Some(is_over);
    let session = scene.opened_recorded().await;
    // What root in it opens elsewhere is seen there alone.
    let inner = scene.opens_in(0, "su-l", Some(session)).await;
    let Opened::Under { session: inner, .. } = inner else {
        panic!("{inner:?}");
    };
    others_go_on().await;
    assert!(scene.host.units().ended.is_empty());
    over.send(true).unwrap();
    others_go_on().await;
    let mut ended = scene.host.units().ended.clone();
    ended.sort_unstable();
    assert_eq!(ended, [session.0, inner.0]);
    scene.engine.look_after(session).await.unwrap();
    let event = scene.last_event("session.closed").await;
    assert!(event.contains("its recording was over"), "{event}");
}

#[tokio::test]
async fn after_a_restart_what_is_not_recorded_any_more_is_ended() {
    let (mut scene, _) = Scene::watched().await;
    let session = scene.opened_recorded().await;
    let (_over, is_over) = watch::channel(true);
    scene.host.units().recording_over = Some(is_over);
    scene.restart().await;
    scene.engine.resume_sessions().await.unwrap();
    others_go_on().await;
    assert_eq!(scene.host.units().ended, [session.0]);
}

#[tokio::test]
async fn only_root_and_auditors_may_see_one() {
    let (scene, _) = Scene::watched().await;
    let session = scene.opened_recorded().await;
    let refused = scene.engine.read_recording(&carol(), session).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("only root and auditors"), "{refused}");
    let event = scene.last_event("attempt.refused").await;
    assert!(event.contains("read a recording"), "{event}");
    // It is not there; nobody is told that it was read.
    let missing = scene.engine.read_recording(&root(), session).await;
    let missing = missing.unwrap_err().to_string();
    assert!(missing.contains(FOLDER), "{missing}");
    let read = scene.engine.shared.store.events("recording.read").await;
    assert!(read.unwrap().is_empty());
}

#[tokio::test]
async fn sessions_are_listed_newest_first_and_by_what_is_asked() {
    let (scene, watched) = Scene::watched().await;
    let first = scene.opened_recorded().await;
    scene.pass(1_000);
    let deploy = scene.carol_deploys().await;
    scene.opens_in(1001, "sudo", None).await;
    let everything = SessionQuery {
        about: About::All,
        user: None,
        elevation: None,
        since: None,
        before: None,
        running: false,
        limit: 10,
    };
    let ids = async |query: &SessionQuery| {
        let found = scene.engine.find_sessions(query.clone()).await.unwrap();
        let ids = found.iter().map(|(session, of)| (session.id.0, of.id));
        ids.collect::<Vec<_>>()
    };
    let both = [(2, deploy), (1, watched)];
    assert_eq!(ids(&everything).await, both);
    let one = |narrow: &dyn Fn(&mut SessionQuery)| {
        let mut query = everything.clone();
        narrow(&mut query);
        query
    };
    for (query, expected) in [
        (one(&|it| it.limit = 1), &both[..1]),
        (one(&|it| it.before = Some(SessionId(2))), &both[1..]),
        (one(&|it| it.elevation = Some(watched)), &both[1..]),
        (one(&|it| it.since = Some(Wall(1_001_000))), &both[..1]),
        (one(&|it| it.user = Some("carol".to_owned())), &both),
        (one(&|it| it.user = Some("dave".to_owned())), &[]),
        (
            one(&|it| it.about = About::Account("carol".to_owned(), 1001)),
            &both,
        ),
        (
            one(&|it| it.about = About::Account("carol".to_owned(), 1009)),
            &[],
        ),
    ] {
        assert_eq!(ids(&query).await, expected, "{query:?}");
    }
    scene.host.units().running.remove(&first);
    scene.engine.look_after(first).await.unwrap();
    let running = one(&|it| it.running = true);
    assert_eq!(ids(&running).await, &both[..1]);
    let lasts = scene.host.units().running[&SessionId(2)];
    assert!(lasts > Duration::ZERO);
}
