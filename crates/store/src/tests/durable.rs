//! The files on the disk: after a kill, after a close, and their permissions.

use std::os::unix::fs::PermissionsExt;

use super::{World, job, job_id, note, template};
use crate::{
    PageRequest, Scope, Store, StoreError, TemplateFilter, WriteConnection,
    rows::only_number,
    sql::{sql, statement},
};

/// A kill leaves the files of a process as they are at that moment, so a copy of the files simulates a kill.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answered_changes_survive_a_kill() {
    let world = World::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = world.store.clone();
        tasks.spawn(async move {
            let one = template(n, &format!("t{n}"));
            store.insert_template(&one, &one.name).await.unwrap();
            store.insert_job(&job(n), &note("created"), None).await.unwrap();
        });
    }
    tasks.join_all().await;

    let after = tempfile::tempdir().unwrap();
    for file in ["trainyard.db", "trainyard.db-wal"] {
        std::fs::copy(world.directory.path().join(file), after.path().join(file)).unwrap();
    }
    let store = Store::open(&after.path().join("trainyard.db")).await.unwrap();
    let list = TemplateFilter::of(Scope::All);
    let page = store.list_templates(&list, PageRequest { number: 1, size: 1 }).await.unwrap();
    assert_eq!(page.total, 100);
    for n in 0..100 {
        assert_eq!(store.job(&job_id(n)).await, Ok(Some(job(n))));
    }
    let connection = rusqlite::Connection::open(after.path().join("trainyard.db")).unwrap();
    let checked: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(checked, "ok");
}

#[tokio::test]
async fn an_answered_change_is_synced() {
    let world = World::new().await;
    let settings = world.store.write(async |on: &mut WriteConnection| {
        let mut found = Vec::new();
        for pragma in [sql!("PRAGMA synchronous"), sql!("PRAGMA foreign_keys"), sql!("PRAGMA busy_timeout")] {
            found.push(on.row(statement(pragma), only_number).await?.unwrap());
        }
        Ok(found)
    });
    assert_eq!(settings.await, Ok(vec![2, 1, 5000]));
    let mode: String = world.connection().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn readers_cannot_write() {
    let world = World::new().await;
    let written = world.store.readers().run(|on| on.execute(&statement(sql!("DELETE FROM templates")))).await;
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trainyard.db");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = Store::open(&path).await.unwrap();
    store.insert_template(&template(1, "a"), "a").await.unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        files += 1;
    }
    assert_eq!(files, 3, "the file, its log and the log's index");
}

#[tokio::test]
async fn a_closed_database_is_one_file() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    world.store.template(&super::template_id(1)).await.unwrap();
    world.store.close().await;
    let files: Vec<_> = std::fs::read_dir(world.directory.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(files, ["trainyard.db"]);
}

#[tokio::test]
async fn a_store_dropped_without_close_has_kept_everything() {
    let World { directory, store } = World::new().await;
    store.insert_template(&template(1, "a"), "a").await.unwrap();
    drop(store);
    let store = Store::open(&directory.path().join("trainyard.db")).await.unwrap();
    assert_eq!(store.template(&super::template_id(1)).await, Ok(Some(template(1, "a"))));
}

#[tokio::test]
async fn another_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trainyard.db");
    let text = "this is a letter to my aunt, long enough to have been a database, but it is none\n".repeat(9);
    std::fs::write(&path, &text).unwrap();
    let opened = Store::open(&path).await.err();
    assert!(matches!(opened, Some(StoreError::Corrupt(_))), "{opened:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let nowhere = Store::open(&directory.path().join("no/such/place.db")).await.err();
    assert!(matches!(nowhere, Some(StoreError::Unavailable(_))), "{nowhere:?}");
}

#[tokio::test]
async fn a_damaged_row_is_named_without_its_value() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    world.store.insert_job(&job(1), &note("created"), None).await.unwrap();
    let unreadable = |table, id: &str, column, why: &str| StoreError::UnreadableRow {
        table,
        id: id.to_owned(),
        column,
        why: why.to_owned(),
    };
    world.change_row("UPDATE templates SET visibility = 'secret'");
    let found = world.store.template(&super::template_id(1)).await;
    assert_eq!(found, Err(unreadable("templates", super::template_id(1).as_str(), "visibility", "an unknown word")));
    world.change_row("UPDATE jobs SET state = '{'");
    let found = world.store.job(&job_id(1)).await;
    let why = "EOF while parsing an object at line 1 column 1";
    assert_eq!(found, Err(unreadable("jobs", job_id(1).as_str(), "state", why)));
    world.change_row(r#"UPDATE jobs SET state = '{"state": "running", "since": "the \"secret\" word"}'"#);
    let found = world.store.job(&job_id(1)).await.unwrap_err().to_string();
    assert!(found.contains("column state: ") && !found.contains("secret"), "{found}");
}

/// The space that the end of a job needs is reserved before the disk is full, as blocks of the files themselves.
#[tokio::test]
async fn a_database_reserves_space_for_changes_on_a_full_disk() {
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new().await;
    // The writer reserves after it has opened the database and after each change: the next change comes after that. The
    // first time, reads of the opening can still use pages that keep the file from growing.
    world.store.ready().await.unwrap();
    world.store.ready().await.unwrap();
    let pages = world.number("PRAGMA freelist_count").await;
    assert!(pages > 100, "{pages} pages are free");
    let log = world.directory.path().join("trainyard.db-wal");
    for file in [world.path(), log] {
        let file = std::fs::metadata(file).unwrap();
        assert!(file.blocks() * 512 >= file.size(), "no page of it is a hole");
        assert!(file.blocks() * 512 >= 1 << 20, "{} blocks", file.blocks());
    }
    // The reserve is renewed after it was used.
    for number in 1..150 {
        let mut one = template(number, &format!("t{number}"));
        one.content.insert("startCommand".to_owned(), "x".repeat(10_000).into());
        world.insert(&one).await.unwrap();
    }
    world.store.ready().await.unwrap();
    assert!(world.number("PRAGMA freelist_count").await > 100);
    let world = world.reopened().await;
    world.store.ready().await.unwrap();
    assert!(world.number("PRAGMA freelist_count").await > 100);
}

/// A read that uses old pages keeps new ones from their place in the file, where they have blocks of their own.
#[tokio::test]
async fn reserved_pages_reach_the_file_once_a_long_read_has_ended() {
    let world = World::new().await;
    world.store.ready().await.unwrap();
    world.store.ready().await.unwrap();
    let reader = world.connection();
    reader.execute_batch("BEGIN; SELECT count(*) FROM templates").unwrap();
    for number in 1..150 {
        let mut one = template(number, &format!("t{number}"));
        one.content.insert("startCommand".to_owned(), "x".repeat(10_000).into());
        world.insert(&one).await.unwrap();
    }
    let is_whole = async || {
        let pages = u64::try_from(world.number("PRAGMA page_count").await).unwrap();
        std::fs::metadata(world.path()).unwrap().len() >= pages * 4096
    };
    world.store.ready().await.unwrap();
    assert!(!is_whole().await, "the read does not keep the file from growing: the test shows nothing");
    reader.execute_batch("ROLLBACK").unwrap();
    world.store.ready().await.unwrap();
    world.store.ready().await.unwrap();
    assert!(is_whole().await);
}
