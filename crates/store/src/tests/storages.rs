//! Storages that users added while the server ran.

use trainyard_domain::{
    id::CentreId,
    job_spec::{Storage, StorageType},
};

use super::{World, at};
use crate::{StorageRow, StoreError};

fn row(centre: i64, id: &str, created: i64) -> StorageRow {
    let storage = Storage {
        id: id.to_owned(),
        name: (created > 1).then(|| "名".to_owned()),
        kind: StorageType::Performance,
        path: "/data/nas".to_owned(),
        read_only: created > 1,
    };
    StorageRow { centre: CentreId(centre), storage, created_by: "admin".to_owned(), created: at(created) }
}

#[tokio::test]
async fn an_id_names_one_storage_of_a_centre_until_it_is_deleted() {
    let world = World::new().await;
    let rows = [row(1, "s", 1), row(2, "s", 2), row(1, "t", 3)];
    for row in &rows {
        world.store.insert_storage(row).await.unwrap();
    }
    assert!(matches!(world.store.insert_storage(&row(1, "s", 9)).await, Err(StoreError::Exists)));
    let world = world.reopened().await;
    assert_eq!(world.store.storages().await.unwrap().rows, rows);
    world.store.delete_storage(CentreId(1), "s").await.unwrap();
    assert!(matches!(world.store.delete_storage(CentreId(1), "s").await, Err(StoreError::NotFound)));
    assert_eq!(world.store.storages().await.unwrap().rows, rows[1..]);
}
