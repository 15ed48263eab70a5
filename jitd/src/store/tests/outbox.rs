//! What the logs have been told.

use super::*;
use crate::record::{Outbox as _, Told};

async fn with_events(folder: &TempDir, count: u64) -> Store {
    let store = store(folder);
    for id in 1..=count {
        let change = change(elevation(id, "carol", 1001), EventName::Requested);
        store.commit(vec![change], Seen::default()).await.unwrap();
    }
    store
}

/// On the database's own thread, which does not work while a test waits for it.
async fn note(store: &Store, told: Told) {
    let store = store.clone();
    let noted = tokio::task::spawn_blocking(move || store.note_told(told));
    noted.await.unwrap().unwrap();
}

#[tokio::test]
async fn how_far_the_logs_were_told_lasts() {
    let folder = TempDir::new().unwrap();
    let store = with_events(&folder, 3).await;
    let mut outbox = Outbox::of(&store).unwrap();
    assert_eq!(outbox.told().unwrap(), Told::default());
    let told = Told {
        journal: 3,
        syslog: 1,
    };
    note(&store, told).await;
    assert_eq!(outbox.told().unwrap(), told);
    drop((outbox, store));
    let store = super::store(&folder);
    let mut outbox = Outbox::of(&store).unwrap();
    assert_eq!(outbox.told().unwrap(), told);
    let untold = outbox.after(told.syslog, 8).unwrap();
    let untold: Vec<u64> = untold.iter().map(|event| event.seq).collect();
    assert_eq!(untold, [2, 3]);
    assert_eq!(outbox.after(0, 2).unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_told_of_a_record_that_is_no_more_does_not_count() {
    let folder = TempDir::new().unwrap();
    let store = with_events(&folder, 2).await;
    let far = Told {
        journal: 9,
        syslog: 9,
    };
    note(&store, far).await;
    let newest = Told {
        journal: 2,
        syslog: 2,
    };
    let mut outbox = Outbox::of(&store).unwrap();
    assert_eq!(outbox.told().unwrap(), newest);
}

#[tokio::test]
async fn what_is_committed_after_a_note_is_on_the_disk_as_ever() {
    let folder = TempDir::new().unwrap();
    let store = with_events(&folder, 1).await;
    note(&store, Told::default()).await;
    let full = store.synchronous().await.unwrap();
    assert_eq!(full, 2);
}
