//! Backups are whole or refused, whichever of their bytes were changed or cut.

use super::{World, job, note, template, template_id};
use crate::{Store, StoreError, backup};

/// A backup of a database with a few rows, and its bytes.
async fn backup_of_templates() -> (World, std::path::PathBuf, Vec<u8>) {
    let world = World::new().await;
    for number in 1..40 {
        world.insert(&template(number, &format!("template {number}"))).await.unwrap();
    }
    world.store.insert_job(&job(1), &note("created"), None).await.unwrap();
    let file = world.directory.path().join("backup");
    backup::make(&world.path(), &file).await.unwrap();
    let bytes = std::fs::read(&file).unwrap();
    (world, file, bytes)
}

async fn refusal(file: &std::path::Path) -> String {
    match backup::check(file).await {
        Err(StoreError::NoBackup(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_backup_is_whole_and_can_be_restored() {
    let (world, file, bytes) = backup_of_templates().await;
    assert_eq!(backup::check(&file).await, Ok(()));
    assert_eq!(std::fs::read(&file).unwrap(), bytes, "the check changes nothing");
    let put = world.directory.path().join("put.db");
    backup::put(&file, &put).await.unwrap();
    // The restored file is a database without a checksum: it will change.
    assert_eq!(std::fs::metadata(&put).unwrap().len() % 4096, 0);
    let store = Store::open(&put).await.unwrap();
    assert_eq!(store.template(&template_id(39)).await, Ok(Some(template(39, "template 39"))));
    store.close().await;
}

#[tokio::test]
async fn a_backup_that_was_cut_anywhere_is_refused() {
    let (_world, file, bytes) = backup_of_templates().await;
    let pages = bytes.len() / 4096;
    let sealed = bytes.len() - pages * 4096;
    let whole = bytes.len();
    let mut lengths = vec![0, 1, 99, 100, 4096, 4097, whole / 2, whole - 1, whole - 2, whole - sealed - 1];
    lengths.extend((1..pages).map(|page| page * 4096));
    lengths.extend((1..pages).map(|page| page * 4096 + 2000));
    lengths.extend(whole - sealed + 1..whole);
    for length in lengths {
        std::fs::write(&file, &bytes[..length]).unwrap();
        let why = refusal(&file).await;
        assert!(
            ["is empty", "damaged", "not a Trainyard database"].iter().any(|word| why.contains(word)),
            "{length}: {why}"
        );
    }
    // Without its checksum it is a copy of a database like any other.
    std::fs::write(&file, &bytes[..whole - sealed]).unwrap();
    assert_eq!(backup::check(&file).await, Ok(()));
    std::fs::write(&file, [&bytes[..], b"\n"].concat()).unwrap();
    assert!(refusal(&file).await.contains("damaged"));
}

#[tokio::test]
async fn a_backup_with_a_changed_byte_is_refused() {
    let (_world, file, bytes) = backup_of_templates().await;
    let text = bytes.windows(15).position(|some| some == b"python train.py").unwrap();
    let places = [text, 30, 60, bytes.len() / 2, bytes.len() - 1, bytes.len() - 30, bytes.len() - 120];
    for place in places {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        std::fs::write(&file, changed).unwrap();
        let why = refusal(&file).await;
        assert!(why.contains("damaged"), "{place}: {why}");
    }
    for page in 0..bytes.len() / 4096 {
        let mut zeroed = bytes.clone();
        zeroed[page * 4096..(page + 1) * 4096].fill(0);
        std::fs::write(&file, zeroed).unwrap();
        let why = refusal(&file).await;
        assert!(why.contains("damaged"), "page {page}: {why}");
    }
}

#[tokio::test]
async fn other_files_are_refused() {
    let (world, file, bytes) = backup_of_templates().await;
    let dir = world.directory.path();
    assert!(refusal(dir).await.ends_with("is not a file"));
    assert!(refusal(&dir.join("missing")).await.contains("cannot be read: No such file"));

    let other = dir.join("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE a (n BIGINT)").unwrap();
    assert!(refusal(&other).await.ends_with("is not a Trainyard database"));
    connection.execute_batch("CREATE TABLE schema_migrations (version TEXT)").unwrap();
    assert!(refusal(&other).await.contains("is not a Trainyard database"));
    connection.execute_batch("DROP TABLE schema_migrations").unwrap();
    connection.execute_batch("CREATE TABLE schema_migrations (number BIGINT, name TEXT)").unwrap();
    connection.execute_batch("INSERT INTO schema_migrations VALUES (1, 'theirs')").unwrap();
    assert!(refusal(&other).await.ends_with("is not a Trainyard database"));
    connection.close().unwrap();

    std::fs::write(&other, &bytes[..bytes.len() / 4096 * 4096]).unwrap();
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    connection.execute_batch("DELETE FROM jobs").unwrap();
    assert!(refusal(&other).await.contains("belongs to one that is missing"));
    connection.execute_batch("INSERT INTO schema_migrations VALUES (99, 'later')").unwrap();
    let newer = backup::check(&other).await;
    assert!(matches!(newer, Err(StoreError::NewerDatabase { found: 99, .. })), "{newer:?}");
    connection.close().unwrap();
    assert_eq!(backup::check(&file).await, Ok(()));
}
