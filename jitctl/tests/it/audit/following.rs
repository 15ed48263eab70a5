//! audit --follow.

use std::io::Write;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use super::world;
use crate::fake::{Service, Shared};
use crate::record::{Record, life};
use crate::scene::{DEADLINE, World, jitctl};

struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn start(world: &World, arguments: &[&str]) -> Self {
        let mut child = jitctl(world.bus.address(), arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        let line = timeout(DEADLINE, self.lines.next_line())
            .await
            .expect("a line in time");
        line.unwrap().expect("a line")
    }
}

/// One more event, for those who follow too.
fn happens(shared: &Shared) {
    let mut scene = shared.scene();
    let events = life().into_iter().chain(std::iter::repeat_with(
        || json!({ "event": "clock.stepped", "step": "7" }),
    ));
    let all = Record::of(events.take(scene.record.events.len() + 1).collect());
    scene.record.events = all.events;
    let line = scene.record.events.last().unwrap().clone() + "\n";
    scene
        .record
        .followers
        .retain_mut(|follower| follower.write_all(line.as_bytes()).is_ok());
}

async fn followed(shared: &Shared) {
    timeout(DEADLINE, async {
        while shared.scene().record.followers.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it follows in time");
}

#[tokio::test]
async fn what_happens_is_shown_when_it_happens_and_ctrl_c_ends_it() {
    let world = world().await;
    let mut following = Following::start(&world, &["audit", "--follow", "--last", "1"]);
    assert!(following.line().await.starts_with("TIME "));
    assert!(following.line().await.contains(" elevation.released "));
    followed(&world.shared).await;
    assert_eq!(world.last_call(), "read after=6 follow=true");
    happens(&world.shared);
    assert!(following.line().await.contains(" 7    clock.stepped "));

    let pid = following.child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(sent.unwrap().success());
    let output = timeout(DEADLINE, following.child.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[tokio::test]
async fn a_restart_of_jitd_loses_nothing_and_doubles_nothing() {
    let world = world().await;
    let arguments = ["audit", "--follow", "--format", "json", "--user", "carol"];
    let mut following = Following::start(&world, &arguments);
    for _ in 0..6 {
        following.line().await;
    }
    followed(&world.shared).await;
    happens(&world.shared);
    assert!(following.line().await.contains("\"seq\":7,"));
    let World {
        bus,
        shared,
        mut service,
    } = world;
    for round in 0..3 {
        service.stop().await;
        shared.scene().record.followers.clear();
        // While jitd is away, and nobody is told.
        happens(&shared);
        service = Service::start(bus.address(), shared.clone()).await;
        followed(&shared).await;
        let before = 7 + 2 * round;
        assert_eq!(
            shared.scene().calls.last().unwrap().clone(),
            format!("read after={before} user=carol follow=true")
        );
        happens(&shared);
        for seq in [before + 1, before + 2] {
            let line = following.line().await;
            assert!(line.contains(&format!("\"seq\":{seq},")), "{seq}: {line}");
        }
    }
    following.child.kill().await.unwrap();
}
