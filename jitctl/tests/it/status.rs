//! status.

use jitd_api::{Role, State, Status};
use serde_json::json;

use crate::scene::{World, elevation, role};

#[tokio::test]
async fn status_says_what_is_held_what_waits_and_what_can_be_asked_for() {
    let world = World::with(vec![]).await;
    let automatic = Role {
        name: "logs".into(),
        needs: Vec::new(),
        break_glass: true,
        ticket_required: true,
        ..role()
    };
    let emergency = Role {
        name: "root".into(),
        eligible: false,
        break_glass: true,
        ..role()
    };
    world.shared.scene().status = Status {
        user: "carol".into(),
        active: vec![elevation(42, State::Active)],
        scheduled: vec![elevation(44, State::Scheduled)],
        pending: vec![elevation(43, State::Pending)],
        roles: vec![role(), automatic, emergency],
        to_decide: 2,
        to_acknowledge: 1,
    };
    let ran = world.run(&["status"]).await.ended(0);
    for part in [
        "carol holds:\nID  STATE   ROLE    FOR    UNTIL",
        "\n42  active  deploy  1h30m  ",
        "\n\nScheduled:\nID  STATE      ROLE    FOR    UNTIL",
        "\n44  scheduled  deploy  1h30m  ",
        " (from ",
        "\n\nWaiting for a decision:\n",
        "\n\nYou may ask for (jitctl request ROLE):\n\
         ROLE    FOR  AT MOST  NEEDS                     REASON    TICKET    OPENS        DESCRIPTION\n\
         deploy  30m  2h       2 yes                     required  optional  sudo,sudo-i  Restart the web tier\n\
         logs    30m  2h       automatic or break-glass  required  required  sudo,sudo-i  Restart the web tier\n\
         root    30m  2h       break-glass alone         required  optional  sudo,sudo-i  Restart the web tier\n",
        "\n\nIn an emergency, without a decision: jitctl break-glass ROLE --reason TEXT\n",
        "\n\n2 requests wait for your decision: jitctl pending\n",
        "\n\n1 broken glass is to be acknowledged: jitctl pending\n",
    ] {
        assert!(ran.stdout.contains(part), "{part:?} in {}", ran.stdout);
    }
}

#[tokio::test]
async fn status_in_json() {
    let world = World::with(vec![]).await;
    world.shared.scene().status = Status {
        user: "carol".into(),
        active: vec![elevation(42, State::Active)],
        scheduled: vec![elevation(44, State::Scheduled)],
        pending: vec![elevation(43, State::Pending)],
        roles: vec![role()],
        to_decide: 2,
        to_acknowledge: 3,
    };
    let json = world.run(&["status", "--json"]).await.ended(0).json();
    assert_eq!(json["user"], "carol");
    assert_eq!(json["active"][0]["id"], 42);
    assert_eq!(json["scheduled"][0]["id"], 44);
    assert_eq!(json["pending"][0]["state"], "pending");
    assert_eq!(
        json["pending"][0]["needs"],
        json!(["1 of group:jit-approvers"])
    );
    assert_eq!(json["to_decide"], 2);
    assert_eq!(json["to_acknowledge"], 3);
    assert_eq!(
        json["roles"],
        json!([{
            "name": "deploy", "description": "Restart the web tier",
            "default_duration": 1800, "max_duration": 7200, "reason_required": true,
            "reason_choices": ["disk full"], "ticket_required": false, "ticket_pattern": null,
            "needs": ["2 of group:jit-approvers"], "eligible": true, "break_glass": false,
            "services": ["sudo", "sudo-i"],
        }])
    );
}

#[tokio::test]
async fn status_of_somebody_with_nothing() {
    let world = World::with(vec![]).await;
    world.shared.scene().status.user = "bob".into();
    let ran = world.run(&["status"]).await.ended(0);
    assert_eq!(
        ran.stdout,
        "bob holds nothing.\n\nThere is no role you may ask for.\n"
    );
}
