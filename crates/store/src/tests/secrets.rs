//! Secrets: one for each project, user and name, and which of them a caller may list.

use super::{ALL, World, at};
use crate::{SecretPlace, SecretRow, SecretScopes, StoreError};

const MOST: u64 = 4;

fn place(project: &str, user: Option<&str>, name: &str) -> SecretPlace {
    SecretPlace { project: project.to_owned(), user: user.map(str::to_owned), name: name.to_owned() }
}

fn row(place: SecretPlace, by: &str, time: i64) -> SecretRow {
    let (key_id, by) = ("0a1b2c3d".to_owned(), by.to_owned());
    SecretRow { place, key_id, created_by: by.clone(), created: at(time), updated_by: by, updated: at(time) }
}

async fn keep(world: &World, row: &SecretRow, sealed: &str) -> Result<(), StoreError> {
    world.store.insert_secret(row, sealed, MOST).await
}

#[tokio::test]
async fn a_secret_is_kept_by_project_user_and_name_until_it_is_deleted() {
    let world = World::new().await;
    let rows = [
        row(place("vision", None, "wandb"), "alice", 1),
        row(place("vision", Some("alice"), "wandb"), "alice", 2),
        row(place("vision", Some("bob"), "wandb"), "bob", 3),
        row(place("speech", None, "wandb"), "bob", 4),
    ];
    for (number, row) in rows.iter().enumerate() {
        keep(&world, row, &format!("1:{number}")).await.unwrap();
    }
    assert_eq!(keep(&world, &rows[0], "1:other").await, Err(StoreError::Exists));
    let world = world.reopened().await;
    for (number, row) in rows.iter().enumerate() {
        let found = world.store.secret(&row.place).await.unwrap();
        assert_eq!(found, Some((row.clone(), format!("1:{number}"))));
    }
    assert_eq!(world.store.secret(&place("speech", Some("bob"), "wandb")).await.unwrap(), None);
    world.store.delete_secret(&rows[1].place).await.unwrap();
    assert_eq!(world.store.delete_secret(&rows[1].place).await, Err(StoreError::NotFound));
    let left = [&rows[3], &rows[0], &rows[2]].map(Clone::clone);
    assert_eq!(world.store.secrets(&SecretScopes::All).await.unwrap(), left);
}

#[tokio::test]
async fn a_replaced_text_keeps_its_creation() {
    let world = World::new().await;
    let first = row(place("vision", None, "wandb"), "alice", 1);
    let second = SecretRow { key_id: "other".to_owned(), ..row(first.place.clone(), "bob", 9) };
    assert_eq!(world.store.replace_secret(&second, "1:new").await, Err(StoreError::NotFound));
    keep(&world, &first, "1:old").await.unwrap();
    world.store.replace_secret(&second, "1:new").await.unwrap();
    let expected = SecretRow { created_by: "alice".to_owned(), created: at(1), ..second };
    assert_eq!(world.store.secret(&first.place).await.unwrap(), Some((expected, "1:new".to_owned())));
}

#[tokio::test]
async fn a_project_has_at_most_so_many_secrets() {
    let world = World::new().await;
    for number in 0..MOST {
        keep(&world, &row(place("vision", None, &format!("s{number}")), "alice", 1), "1:").await.unwrap();
    }
    let more = row(place("vision", Some("bob"), "more"), "bob", 1);
    assert_eq!(keep(&world, &more, "1:").await, Err(StoreError::TooMany));
    let existing = row(place("vision", None, "s1"), "alice", 1);
    assert_eq!(keep(&world, &existing, "1:").await, Err(StoreError::Exists));
    keep(&world, &row(place("speech", None, "more"), "bob", 1), "1:").await.unwrap();
    world.store.delete_secret(&existing.place).await.unwrap();
    keep(&world, &more, "1:").await.unwrap();
}

#[tokio::test]
async fn a_list_shows_the_secrets_of_a_scope() {
    let world = World::new().await;
    let all = [
        place("speech", None, "a"),
        place("vision", None, "a"),
        place("vision", Some("alice"), "b"),
        place("vision", Some("bob"), "b"),
    ];
    for one in &all {
        keep(&world, &row(one.clone(), "alice", 1), "1:").await.unwrap();
    }
    let user = |user: &str| SecretScopes::User { project: "vision".to_owned(), user: user.to_owned() };
    for (of, expected) in [
        (SecretScopes::All, vec![0, 1, 2, 3]),
        (SecretScopes::Project("vision".to_owned()), vec![1, 2, 3]),
        (user("alice"), vec![1, 2]),
        (user("bob"), vec![1, 3]),
        (user("carol"), vec![1]),
        (user(""), vec![1]),
    ] {
        let page = world.store.list_secrets(&of, ALL).await.unwrap();
        let places: Vec<_> = page.records.into_iter().map(|row| row.place).collect();
        let expected: Vec<_> = expected.into_iter().map(|at: usize| all[at].clone()).collect();
        assert_eq!((places, page.total), (expected.clone(), expected.len() as u64), "{of:?}");
    }
}
