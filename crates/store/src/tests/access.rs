//! API keys: finding, listing, revoking and replacing them, and the cache of valid keys.

use trainyard_domain::access::{Actor, Role};

use super::{ALL, World, at, key_id};
use crate::{KeyRow, PageRequest, StoreError};

fn key(n: u32, role: Role) -> KeyRow {
    KeyRow {
        id: key_id(n),
        name: format!("key {n}"),
        actor: Actor { user: "alice".to_owned(), project: "vision".to_owned(), role },
        created_by: "system".to_owned(),
        created: at(i64::from(n)),
        expires: None,
        last_used: None,
    }
}

fn hash(n: u32) -> [u8; 32] {
    let mut hash = [0xa5; 32];
    hash[28..].copy_from_slice(&n.to_be_bytes());
    hash
}

fn lookup(n: u32) -> String {
    format!("{n:08x}")
}

async fn insert(world: &World, row: &KeyRow, n: u32) -> Result<(), StoreError> {
    world.store.insert_key(row, &lookup(n), &hash(n)).await
}

#[tokio::test]
async fn a_key_is_found_by_its_public_part_with_its_hash() {
    let world = World::new().await;
    let row = KeyRow { expires: Some(at(99)), ..key(1, Role::Member) };
    insert(&world, &row, 1).await.unwrap();
    insert(&world, &key(2, Role::Viewer), 2).await.unwrap();
    let found = world.store.key_candidates(&lookup(1)).await.unwrap();
    assert_eq!(found.as_deref(), Some(&(row, hash(1))));
    let again = world.store.key_candidates(&lookup(1)).await.unwrap();
    assert_eq!(again, found);
    assert_eq!(world.store.key_candidates(&lookup(3)).await, Ok(None));
    assert_eq!(world.number("SELECT count(*) FROM users").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM projects").await, 1);
}

#[tokio::test]
async fn a_used_id_or_public_part_is_refused() {
    let world = World::new().await;
    insert(&world, &key(1, Role::Member), 1).await.unwrap();
    assert_eq!(insert(&world, &key(1, Role::Member), 2).await, Err(StoreError::Exists));
    let mut other = key(2, Role::Member);
    other.actor.user = "carol".to_owned();
    assert_eq!(insert(&world, &other, 1).await, Err(StoreError::Exists));
    let users = "SELECT count(*) FROM users";
    assert_eq!(world.number(users).await, 1, "the user of the refused key is not kept either");
}

#[tokio::test]
async fn keys_are_listed_newest_first() {
    let world = World::new().await;
    for n in 1..=5 {
        insert(&world, &key(n, Role::Member), n).await.unwrap();
    }
    let page = world.store.list_keys(PageRequest { number: 2, size: 2 }).await.unwrap();
    let found: Vec<_> = page.records.into_iter().map(|row| row.id).collect();
    assert_eq!((found, page.total), (vec![key_id(3), key_id(2)], 5));
}

#[tokio::test]
async fn the_last_valid_admin_key_stays() {
    let world = World::new().await;
    let delete = async |n, now| world.store.delete_key(&key_id(n), now).await;
    insert(&world, &key(1, Role::Admin), 1).await.unwrap();
    insert(&world, &KeyRow { expires: Some(at(100)), ..key(2, Role::Admin) }, 2).await.unwrap();
    insert(&world, &key(3, Role::Manager), 3).await.unwrap();

    assert_eq!(delete(9, at(50)).await, Err(StoreError::NotFound));
    assert_eq!(delete(1, at(100)).await, Err(StoreError::LastAdminKey), "the other one has expired");
    assert_eq!(delete(2, at(100)).await, Ok(()), "an expired key may be revoked");
    assert_eq!(delete(1, at(50)).await, Err(StoreError::LastAdminKey));
    assert_eq!(delete(3, at(50)).await, Ok(()));
    insert(&world, &KeyRow { expires: Some(at(100)), ..key(4, Role::Admin) }, 4).await.unwrap();
    assert_eq!(delete(1, at(0)).await, Err(StoreError::LastAdminKey), "the other one will expire");
    insert(&world, &KeyRow { expires: Some(at(99)), ..key(5, Role::Admin) }, 5).await.unwrap();
    assert_eq!(delete(5, at(50)).await, Ok(()), "another one is valid for longer");
    insert(&world, &key(6, Role::Admin), 6).await.unwrap();
    assert_eq!(delete(4, at(99)).await, Ok(()));
    assert_eq!(delete(1, at(99)).await, Ok(()));
    assert_eq!(world.store.key_candidates(&lookup(1)).await, Ok(None));
    assert_eq!(delete(6, at(99)).await, Err(StoreError::LastAdminKey));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_admin_keys_revoked_at_once_stays() {
    let world = World::new().await;
    insert(&world, &key(1, Role::Admin), 1).await.unwrap();
    insert(&world, &key(2, Role::Admin), 2).await.unwrap();
    let (one, two) = (key_id(1), key_id(2));
    let answers = tokio::join!(world.store.delete_key(&one, at(0)), world.store.delete_key(&two, at(0)));
    assert_eq!(answers, (Ok(()), Err(StoreError::LastAdminKey)));
}

#[tokio::test]
async fn a_reset_replaces_only_the_servers_own_key() {
    let world = World::new().await;
    let own = |n| KeyRow { name: "admin".to_owned(), ..key(n, Role::Admin) };
    insert(&world, &own(1), 1).await.unwrap();
    insert(&world, &key(2, Role::Admin), 2).await.unwrap();
    let mut namesake = own(3);
    namesake.actor.role = Role::Member;
    insert(&world, &namesake, 3).await.unwrap();

    let gone = world.store.replace_admin_key(&own(4), &lookup(4), &hash(4)).await;
    assert_eq!(gone, Ok(1));
    let left = world.store.list_keys(ALL).await.unwrap().records;
    let left: Vec<_> = left.into_iter().map(|row| row.id).collect();
    assert_eq!(left, [key_id(4), key_id(3), key_id(2)]);

    let clash = world.store.replace_admin_key(&own(5), &lookup(2), &hash(5)).await;
    assert_eq!(clash, Err(StoreError::Exists));
    let still = world.store.key_candidates(&lookup(4)).await.unwrap();
    assert!(still.is_some(), "a reset that fails revokes nothing");
}

#[tokio::test]
async fn the_last_use_is_recorded_once_an_hour() {
    const HOUR: i64 = 3_600_000;
    let world = World::new().await;
    insert(&world, &key(1, Role::Member), 1).await.unwrap();
    for (now, expected) in [(5, 5), (HOUR, 5), (HOUR + 5, HOUR + 5), (7, HOUR + 5)] {
        world.store.note_key_use(&key_id(1), at(now)).await.unwrap();
        let key = world.store.key_candidates(&lookup(1)).await.unwrap().unwrap();
        assert_eq!(key.0.last_used, Some(at(expected)), "used at {now}");
    }
    assert_eq!(world.store.note_key_use(&key_id(2), at(5)).await, Ok(()), "a key that was revoked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_revoked_key_is_never_found_again() {
    let world = World::new().await;
    for n in 0..200 {
        insert(&world, &key(n, Role::Member), n).await.unwrap();
        let revoked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (store, revoked) = (world.store.clone(), revoked.clone());
            asking.spawn(async move {
                loop {
                    let was_revoked = revoked.load(std::sync::atomic::Ordering::SeqCst);
                    match store.key_candidates(&lookup(n)).await.unwrap() {
                        Some(_) => assert!(!was_revoked, "key {n} was found after its revocation was answered"),
                        None => return,
                    }
                }
            });
        }
        world.store.delete_key(&key_id(n), at(0)).await.unwrap();
        revoked.store(true, std::sync::atomic::Ordering::SeqCst);
        asking.join_all().await;
    }
}

#[tokio::test]
async fn a_key_that_was_read_before_its_revocation_is_not_cached_after_it() {
    let world = World::new().await;
    insert(&world, &key(1, Role::Member), 1).await.unwrap();
    let read_before = world.store.key_candidates(&lookup(1)).await.unwrap().unwrap();
    world.store.delete_key(&key_id(1), at(0)).await.unwrap();
    world.store.key_cache().insert(&lookup(1), &read_before);
    assert_eq!(world.store.key_candidates(&lookup(1)).await, Ok(None));
}

#[tokio::test]
async fn a_key_stays_valid_if_its_revocation_is_undone() {
    let world = World::new().await;
    let own = |n| KeyRow { name: "admin".to_owned(), ..key(n, Role::Admin) };
    insert(&world, &own(1), 1).await.unwrap();
    insert(&world, &key(2, Role::Admin), 2).await.unwrap();
    assert!(world.store.key_candidates(&lookup(1)).await.unwrap().is_some());
    let clash = world.store.replace_admin_key(&own(3), &lookup(2), &hash(3)).await;
    assert_eq!(clash, Err(StoreError::Exists));
    for _ in 0..2 {
        let found = world.store.key_candidates(&lookup(1)).await.unwrap();
        assert_eq!(found.as_deref(), Some(&(own(1), hash(1))));
    }
    assert_eq!(world.store.delete_key(&key_id(1), at(0)).await, Ok(()));
    assert_eq!(world.store.key_candidates(&lookup(1)).await, Ok(None));
}
