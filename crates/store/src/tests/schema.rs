//! Steps of the schema: each runs once, after a copy; newer ones are refused.

use std::path::Path;

use super::{World, template, template_id};
use crate::{
    Store, StoreError,
    db::{self, Connection},
    schema::{MIGRATIONS, Migration, bring_up_to_date},
};

const FIRST: Migration =
    Migration { number: 1, name: "first", sql: "CREATE TABLE a (n BIGINT);\nINSERT INTO a VALUES (1);" };
const SECOND: Migration =
    Migration { number: 2, name: "second", sql: "INSERT INTO a VALUES (2);\nCREATE TABLE b (n BIGINT);" };
const BROKEN: Migration =
    Migration { number: 2, name: "broken", sql: "INSERT INTO a VALUES (3);\nCREATE TABLE a (n BIGINT);" };

#[test]
fn steps_are_numbered_without_gaps() {
    for (number, step) in (1..).zip(MIGRATIONS) {
        assert_eq!(step.number, number);
        assert!(step.sql.is_ascii());
    }
}

/// Types that another database has too, and that the driver reads back as they were written.
#[tokio::test]
async fn columns_have_portable_types() {
    let world = World::new().await;
    let ask = "SELECT m.name AS owner, c.name AS col, c.type AS kind \
        FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'";
    let connection = world.connection();
    let mut ask = connection.prepare(ask).unwrap();
    let columns = ask.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let columns: Vec<(String, String, String)> = columns.map(Result::unwrap).collect();
    assert!(columns.len() > 50);
    for (table, column, kind) in columns {
        let is_portable = ["TEXT", "BIGINT", "BOOLEAN", "DOUBLE PRECISION"].contains(&kind.as_str());
        assert!(is_portable, "{table}.{column} is {kind}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused_untouched() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    world.change_row("INSERT INTO schema_migrations (number, name) VALUES (99, 'later')");
    world.store.close().await;
    let before = std::fs::read(world.path()).unwrap();

    let opened = Store::open(&world.path()).await.err().unwrap();
    let known = MIGRATIONS.last().unwrap().number;
    assert_eq!(opened, StoreError::NewerDatabase { found: 99, known });
    assert!(opened.to_string().contains("newer version"), "{opened}");
    assert_eq!(std::fs::read(world.path()).unwrap(), before);
}

#[tokio::test]
async fn a_second_start_changes_nothing() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    let world = world.reopened().await;
    assert_eq!(world.store.template(&template_id(1)).await, Ok(Some(template(1, "a"))));
    let steps = world.number("SELECT count(*) FROM schema_migrations").await;
    assert_eq!(usize::try_from(steps), Ok(MIGRATIONS.len()));
    let files = std::fs::read_dir(world.directory.path()).unwrap();
    let copies = files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("schema"));
    assert_eq!(copies.count(), 0);
}

#[test]
fn an_older_database_is_copied_before_it_is_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.db");
    db::prepare_file(&path).unwrap();
    let connection = Connection::open_for_writing(&path).unwrap();
    bring_up_to_date(&connection, &path, &[FIRST]).unwrap();
    let copy = directory.path().join("t.db.schema-1");
    assert!(!copy.exists(), "a new database needs no copy");

    let broken = bring_up_to_date(&connection, &path, &[FIRST, BROKEN]);
    assert!(matches!(broken, Err(StoreError::Bug(_))), "{broken:?}");
    assert_eq!(numbers(&path, "SELECT n FROM a"), [1], "the step is undone whole");

    bring_up_to_date(&connection, &path, &[FIRST, SECOND]).unwrap();
    assert_eq!(numbers(&path, "SELECT n FROM a ORDER BY n"), [1, 2]);
    let steps = "SELECT number FROM schema_migrations ORDER BY number";
    assert_eq!(numbers(&path, steps), [1, 2]);

    let mode = std::os::unix::fs::PermissionsExt::mode(&copy.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(numbers(&copy, "SELECT n FROM a"), [1]);
    assert_eq!(numbers(&copy, steps), [1]);
}

fn numbers(path: &Path, sql: &str) -> Vec<i64> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut select = connection.prepare(sql).unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}
