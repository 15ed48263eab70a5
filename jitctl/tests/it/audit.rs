//! audit, audit verify, audit export.

mod following;
mod reading;
mod verifying;

use crate::record::{Record, life};
use crate::scene::World;

/// With these events.
async fn world_of(record: Record) -> World {
    let world = World::with(vec![]).await;
    world.shared.scene().record = record;
    world
}

/// With carol's elevation 42.
async fn world() -> World {
    world_of(Record::of(life())).await
}
