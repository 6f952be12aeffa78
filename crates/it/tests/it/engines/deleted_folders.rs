//! The folders of deleted jobs: each gets its turn, and one that cannot be deleted is shown and tried again.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use trainyard_engine::Deletion;

use super::World;

fn folder(name: &str) -> PathBuf {
    Path::new("/fake/deleted").join(name)
}

async fn shown(world: &World, key: &str) -> Value {
    let request = world.host.request(reqwest::Method::GET, "/v1/aidc/list", key);
    world.host.send(request).await.ok()[0]["blockedFolders"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_folder_delays_no_other() {
    let world = World::server_placed().await;
    world.fake().leave_folder(folder("a"), vec![Deletion::Unfinished; 3]);
    world.fake().leave_folder(folder("b"), []);
    assert!(world.host.cleaner_pass().await, "the huge folder needs another turn");
    world.fake().leave_folder(folder("c"), []);
    assert!(world.host.cleaner_pass().await);
    assert_eq!(world.fake().deletions(), ["a", "b", "a", "c"].map(folder));
    assert!(world.host.cleaner_pass().await);
    assert!(!world.host.cleaner_pass().await);
    assert_eq!(world.fake().deletions()[4..], ["a", "a"].map(folder));
    assert_eq!(shown(&world, &world.host.admin).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_deleted_is_shown_to_administrators_and_tried_again() {
    let world = World::server_placed().await;
    let blocked = || Deletion::Blocked("/fake/deleted/a/work: a file system is mounted there".to_owned());
    world.fake().leave_folder(folder("a"), vec![blocked(); 4]);
    let member = world.host.key("ann", "vision", "member").await;
    assert!(!world.host.cleaner_pass().await);
    let found = shown(&world, &world.host.admin).await;
    assert_eq!(found[0]["path"], "/fake/deleted/a");
    assert_eq!(found[0]["reason"], "/fake/deleted/a/work: a file system is mounted there");
    assert!(found[0]["sinceTimeMs"].is_i64() && found[0]["sinceTime"].is_string(), "{found}");
    assert_eq!(shown(&world, &member).await, Value::Null);

    // The pauses double. A pass before the next try does nothing and still shows the folder.
    for (seconds, tries) in [(59, 1), (2, 2), (119, 2), (2, 3), (239, 3), (2, 4)] {
        world.wait_seconds(seconds).await;
        assert!(!world.host.cleaner_pass().await);
        assert_eq!(world.fake().deletions().len(), tries, "after another {seconds} s");
        assert_eq!(shown(&world, &world.host.admin).await, found);
    }
    world.wait_seconds(3600).await;
    assert!(!world.host.cleaner_pass().await);
    assert_eq!(world.fake().deletions().len(), 5);
    assert_eq!(shown(&world, &world.host.admin).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_tries_every_folder_again() {
    let world = World::server_placed().await;
    world.fake().leave_folder(folder("a"), [Deletion::Blocked("busy".to_owned())]);
    world.host.cleaner_pass().await;
    let world = world.restarted().await;
    world.host.cleaner_pass().await;
    assert_eq!(world.fake().deletions().len(), 2);
    assert_eq!(shown(&world, &world.host.admin).await, json!(null));
}
