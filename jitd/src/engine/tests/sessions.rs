//! Sessions live as long as what opened them.

use std::time::Duration;

use super::*;
use crate::domain::session::SessionId;

fn opening(uid: u32, service: &str) -> Opening {
    Opening {
        uid,
        name: if uid == 0 { "root" } else { "carol" }.to_owned(),
        service: service.to_owned(),
        terminal: "/dev/pts/0".to_owned(),
        remote: String::new(),
        within: None,
        leader: 4711,
        since: None,
        given_by: None,
    }
}

impl Scene {
    async fn opens(&self, uid: u32, service: &str) -> Opened {
        let opening = opening(uid, service);
        self.engine.open_session(&opening).await.unwrap()
    }

    async fn root_opens_within(&self, session: SessionId) -> Opened {
        let opening = Opening {
            within: Some(session),
            ..opening(0, "su-l")
        };
        self.engine.open_session(&opening).await.unwrap()
    }

    /// carol has five minutes more of an elevation; gives the number of what extends it.
    async fn extended(&self, id: ElevationId) -> ElevationId {
        let more = RequestOptions {
            duration: Some(300),
            reason: Some("not done yet".to_owned()),
            ..RequestOptions::default()
        };
        let extension = self.engine.extend(&carol(), id, &more).await.unwrap();
        let approved = self.engine.approve(&alice(), extension, None, "").await;
        approved.unwrap();
        extension
    }

    /// carol holds `deploy` for ten minutes; gives its number.
    async fn carol_holds(&self) -> ElevationId {
        let id = self.requested(&carol()).await;
        self.engine.approve(&alice(), id, None, "").await.unwrap();
        id
    }
}

fn session_of(opened: &Opened) -> SessionId {
    match opened {
        Opened::Under { session, .. } => *session,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn without_an_elevation_none_is_opened() {
    let scene = Scene::new().await;
    let closed = |opened: &Opened| matches!(opened, Opened::Closed(_));
    assert!(closed(&scene.opens(1001, "sudo").await));
    scene.carol_holds().await;
    assert!(closed(&scene.opens(1001, "su").await), "of another service");
    scene.pass(600_000);
    assert!(closed(&scene.opens(1001, "sudo").await), "its time is up");
    assert!(scene.host.units().running.is_empty());
}

#[tokio::test]
async fn one_lasts_as_long_as_its_elevation_and_is_on_record_first() {
    let scene = Scene::new().await;
    let id = scene.carol_holds().await;
    scene.pass(60_000);
    let (go_on, held) = watch::channel(false);
    scene.host.units().held = Some(held);
    let engine = scene.engine.clone();
    let opening = tokio::spawn(async move { engine.open_session(&opening(1001, "sudo")).await });
    while scene.engine.running().await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(scene.host.units().running.is_empty(), "not on the host yet");
    go_on.send(true).unwrap();
    let opened = opening.await.unwrap().unwrap();
    let session = session_of(&opened);
    let lasts = scene.host.units().running[&session];
    assert_eq!(lasts, Duration::from_secs(540));
    let kept = scene.engine.sessions_of(id).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].command.as_str(), kept[0].closed_at),
        ("sudo -i", None)
    );
}

#[tokio::test]
async fn what_nothing_could_end_does_not_start() {
    let scene = Scene::new().await;
    let id = scene.carol_holds().await;
    scene.host.units().is_away = true;
    assert!(matches!(
        scene.opens(1001, "sudo").await,
        Opened::Refused(_)
    ));
    let kept = scene.engine.sessions_of(id).await.unwrap();
    assert!(kept[0].closed_at.is_some());
    assert!(scene.engine.running().await.is_empty());
}

#[tokio::test]
async fn each_way_to_end_ends_them() {
    for way in ["expiry", "end", "revoke", "policy"] {
        let scene = Scene::new().await;
        let id = scene.carol_holds().await;
        let session = session_of(&scene.opens(1001, "sudo").await);
        match way {
            "expiry" => {
                scene.pass(600_000);
                scene.engine.do_what_is_due().await.unwrap();
            }
            "end" => drop(scene.engine.end(&carol(), None).await.unwrap()),
            "revoke" => drop(scene.engine.revoke(&alice(), id, "lost").await.unwrap()),
            _ => scene.engine.withdraw(None).await.unwrap(),
        }
        assert_eq!(scene.host.units().ended, [session.0], "{way}");
        scene.engine.look_after(session).await.unwrap();
        assert!(scene.engine.running().await.is_empty(), "{way}");
        let names = scene.engine.shared.store.event_names().await.unwrap();
        assert_eq!(names.last().unwrap(), "session.ended", "{way}");
    }
}

#[tokio::test]
async fn one_that_ends_while_it_is_opened_is_ended_and_refused() {
    let scene = Scene::new().await;
    scene.carol_holds().await;
    let (go_on, held) = watch::channel(false);
    scene.host.units().held = Some(held);
    let engine = scene.engine.clone();
    let opening = tokio::spawn(async move { engine.open_session(&opening(1001, "sudo")).await });
    while scene.engine.running().await.is_empty() {
        tokio::task::yield_now().await;
    }
    scene.engine.end(&carol(), None).await.unwrap();
    // What systemd says of it while there is nothing yet.
    scene.engine.look_after(SessionId(1)).await.unwrap();
    go_on.send(true).unwrap();
    let opened = opening.await.unwrap().unwrap();
    assert!(matches!(opened, Opened::Refused(_)), "{opened:?}");
    assert!(scene.host.units().running.is_empty());
}

#[tokio::test]
async fn root_within_a_session_belongs_to_it_and_elsewhere_to_nobody() {
    let scene = Scene::new().await;
    assert_eq!(scene.opens(0, "su-l").await, Opened::Free);
    let id = scene.carol_holds().await;
    let outer = session_of(&scene.opens(1001, "sudo").await);
    let opened = scene.root_opens_within(outer).await;
    assert!(matches!(opened, Opened::Under { elevation, .. } if elevation == id));
    let inner = session_of(&opened);
    // Nobody is left in the outer one; what it started still belongs to it.
    scene.host.units().running.remove(&outer);
    scene.engine.look_after(outer).await.unwrap();
    let last = session_of(&scene.root_opens_within(outer).await);
    scene.engine.end(&carol(), None).await.unwrap();
    assert_eq!(scene.host.units().ended, [inner.0, last.0]);
    for session in [outer, SessionId(99)] {
        let opened = scene.root_opens_within(session).await;
        assert!(matches!(opened, Opened::Closed(_)));
    }
}

#[tokio::test]
async fn an_extension_moves_the_end_of_what_runs() {
    let scene = Scene::new().await;
    let id = scene.carol_holds().await;
    let session = session_of(&scene.opens(1001, "sudo").await);
    let extension = scene.extended(id).await;
    others_go_on().await;
    let moved = (session.0, Duration::from_secs(900));
    assert_eq!(scene.host.units().prolonged, [moved]);

    scene.pass(599_000);
    scene.engine.do_what_is_due().await.unwrap();
    scene.pass(1_000);
    scene.engine.do_what_is_due().await.unwrap();
    assert!(scene.host.units().ended.is_empty(), "it goes on");
    assert_eq!(scene.engine.running().await[0].under, extension);
    for elevation in [id, extension] {
        let kept = scene.engine.sessions_of(elevation).await.unwrap();
        assert_eq!(kept.len(), 1, "under {elevation}");
    }
    scene.pass(299_999);
    scene.engine.do_what_is_due().await.unwrap();
    assert!(scene.host.units().ended.is_empty());
    scene.pass(1);
    scene.engine.do_what_is_due().await.unwrap();
    assert_eq!(scene.host.units().ended, [session.0]);
}

#[tokio::test]
async fn a_move_that_failed_is_tried_again() {
    let scene = Scene::new().await;
    let id = scene.carol_holds().await;
    let session = session_of(&scene.opens(1001, "sudo").await);
    scene.host.units().is_away = true;
    scene.extended(id).await;
    others_go_on().await;
    assert!(!scene.engine.matches(), "nobody else would end it");
    scene.host.units().is_away = false;
    assert!(scene.engine.reconcile().await);
    while scene.host.units().prolonged.is_empty() {
        tokio::task::yield_now().await;
    }
    let moved = (session.0, Duration::from_secs(900));
    assert_eq!(scene.host.units().prolonged, [moved]);
}

#[tokio::test]
async fn of_two_moves_the_later_one_comes_last() {
    let scene = Scene::new().await;
    let mut last = scene.carol_holds().await;
    session_of(&scene.opens(1001, "sudo").await);
    let (go_on, held) = watch::channel(false);
    scene.host.units().held = Some(held);
    for _ in 0..2 {
        last = scene.extended(last).await;
    }
    others_go_on().await;
    assert_eq!(scene.host.units().moves, 1, "the other one waits");
    go_on.send(true).unwrap();
    others_go_on().await;
    let lasts: Vec<_> = scene.host.units().prolonged.iter().map(|it| it.1).collect();
    assert_eq!(lasts, [900, 1200].map(Duration::from_secs));
}

#[tokio::test]
async fn after_a_restart_what_is_over_is_ended_and_what_is_gone_is_closed() {
    let mut scene = Scene::new().await;
    scene.carol_holds().await;
    let stays = session_of(&scene.opens(1001, "sudo").await);
    let gone = session_of(&scene.opens(1001, "sudo").await);
    scene.host.units().running.remove(&gone);
    scene.restart().await;
    scene.engine.resume_sessions().await.unwrap();
    let running = scene.engine.running().await;
    assert_eq!(
        running.iter().map(|one| one.id).collect::<Vec<_>>(),
        [stays]
    );
    assert!(scene.host.units().ended.is_empty());
    assert!(
        scene.host.units().prolonged.is_empty(),
        "it has the time it had"
    );

    scene.pass(600_000);
    scene.restart().await;
    scene.engine.do_what_is_due().await.unwrap();
    scene.engine.resume_sessions().await.unwrap();
    assert_eq!(scene.host.units().ended, [stays.0]);
}

#[tokio::test]
async fn what_is_on_no_record_is_ended_at_the_next_start() {
    let mut scene = Scene::new().await;
    scene
        .host
        .units()
        .running
        .insert(SessionId(7), Duration::ZERO);
    scene.restart().await;
    scene.engine.resume_sessions().await.unwrap();
    assert!(scene.host.units().running.is_empty());
}

#[tokio::test]
async fn after_a_reboot_none_is_left() {
    let mut scene = Scene::new().await;
    scene.carol_holds().await;
    scene.opens(1001, "sudo").await;
    scene.clock.0.lock().unwrap().boot_id = BootId("second".to_owned());
    scene.pass(600_000);
    scene.restart().await;
    scene.engine.do_what_is_due().await.unwrap();
    // Under the old name there could be somebody else's login.
    assert!(scene.host.units().ended.is_empty());
    scene.engine.resume_sessions().await.unwrap();
    assert!(scene.host.units().ended.is_empty());
    assert!(scene.engine.running().await.is_empty());
}

#[tokio::test]
async fn there_is_a_most() {
    let scene = Scene::new().await;
    scene.carol_holds().await;
    for _ in 0..256 {
        session_of(&scene.opens(1001, "sudo").await);
    }
    let opened = scene.opens(1001, "sudo").await;
    assert!(matches!(opened, Opened::Refused(_)), "{opened:?}");
}

#[tokio::test]
async fn a_timer_is_set_for_each_end_and_taken_away() {
    let scene = Scene::new().await;
    scene.carol_holds().await;
    let timers = scene.host.units().timers.clone();
    assert_eq!(timers.len(), 1);
    let now = scene.clock.now();
    let end = (now.wall.0 + 600_000 + 999) / 1000;
    assert_eq!(timers.get(&end), Some(&600_000));
    scene.engine.end(&carol(), None).await.unwrap();
    assert!(scene.host.units().timers.is_empty());
}

#[tokio::test]
async fn warnings_go_where_the_sessions_are() {
    let scene = Scene::new().await;
    scene.carol_holds().await;
    scene.pass(301_000);
    scene.engine.warn().await;
    session_of(&scene.opens(1001, "sudo").await);
    scene.pass(240_000);
    scene.engine.warn().await;
    let said = scene.said.0.lock().unwrap();
    assert_eq!(said.len(), 2);
    assert!(!said[0].1.contains("pts"), "{said:?}");
    assert!(said[1].1.ends_with(" (/dev/pts/1)"), "{said:?}");
}

#[tokio::test]
async fn its_events_say_where_it_was_and_how_long() {
    let scene = Scene::new().await;
    let id = scene.carol_holds().await;
    let first = session_of(&scene.opens(1001, "sudo").await);
    scene.host.units().is_away = true;
    assert!(matches!(
        scene.opens(1001, "sudo").await,
        Opened::Refused(_)
    ));
    scene.host.units().is_away = false;
    let third = session_of(&scene.opens(1001, "sudo").await);
    scene.pass(61_999);
    scene.host.units().running.remove(&first);
    scene.engine.look_after(first).await.unwrap();
    scene.extended(id).await;
    scene.pass(538_001);
    scene.tick().await;
    scene.engine.end(&carol(), None).await.unwrap();
    scene.engine.look_after(third).await.unwrap();
    let told = |verb: &str, id: u64, session: u64, more: &str| {
        let whose = format!("id={id} user=carol uid=1001 role=deploy");
        let place = "service=sudo terminal=/dev/pts/0 command=sudo -i";
        format!("session.{verb} {whose} session={session} {place}{more}")
    };
    let expected = [
        told("opened", 1, 1, ""),
        told("opened", 1, 2, ""),
        told("refused", 1, 2, " because=systemd: away"),
        told("opened", 1, 3, ""),
        told("closed", 1, 1, " lasted=61"),
        told("extended", 2, 3, ""),
        told("ended", 2, 3, " lasted=600"),
    ];
    assert_eq!(scene.told("session.%"), expected);
}

#[tokio::test]
async fn what_was_moved_out_of_its_scope_is_ended_and_on_record_once() {
    let scene = Scene::new().await;
    scene.carol_holds().await;
    let stays = session_of(&scene.opens(1001, "sudo").await);
    let moved = session_of(&scene.opens(1001, "sudo").await);
    let unit = "user@1001.service".to_owned();
    scene.host.units().astray.insert(moved, unit);
    // Something of it is left, and is told of more than once.
    scene.host.units().ended.clear();
    scene.engine.look_after(moved).await.unwrap();
    assert_eq!(scene.host.units().ended, [moved.0]);
    scene.engine.look_after(moved).await.unwrap();
    let running = scene.engine.running().await;
    assert_eq!(running.len(), 1, "{running:?}");
    assert_eq!(running[0].id, stays);
    let place = "service=sudo terminal=/dev/pts/0 command=sudo -i";
    let told = |verb: &str, more: &str| {
        format!("session.{verb} id=1 user=carol uid=1001 role=deploy session=2 {place}{more}")
    };
    assert_eq!(
        scene.told("session.%")[2..],
        [
            told("escaped", " unit=user@1001.service"),
            told("closed", " because=it was moved out of its scope lasted=0"),
        ]
    );
}

#[tokio::test]
async fn who_cannot_be_warned_holds_up_no_end() {
    let scene = Scene::new().await;
    scene.carol_holds().await;
    let session = session_of(&scene.opens(1001, "sudo").await);
    scene.host.units().is_blind = true;
    scene.pass(301_000);
    scene.engine.begin_to_warn();
    others_go_on().await;
    scene.pass(299_000);
    scene.engine.do_what_is_due().await.unwrap();
    assert_eq!(scene.host.units().ended, [session.0]);
    assert!(scene.said.0.lock().unwrap().is_empty());
}
