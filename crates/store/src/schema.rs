//! The schema's versions: SQL files that are embedded here and run once each, in order.
//!
//! A database of a newer program is refused before anything is written to it; an older one is copied first. The table
//! `schema_migrations` names the steps that a database has had.

use std::path::{Path, PathBuf};

use crate::{
    copy,
    db::Connection,
    error::StoreError,
    rows::{Fields, Table},
    sql::{Sql, sql, statement},
};

/// One step: its number (from 1, without gaps), its name and its statements.
pub(crate) struct Migration {
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// Every step that this program knows.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "first", sql: include_str!("../../../migrations/0001_first.sql") },
    Migration { number: 2, name: "templates", sql: include_str!("../../../migrations/0002_templates.sql") },
    Migration { number: 3, name: "identity", sql: include_str!("../../../migrations/0003_identity.sql") },
    Migration { number: 4, name: "queue", sql: include_str!("../../../migrations/0004_queue.sql") },
    Migration { number: 5, name: "storages", sql: include_str!("../../../migrations/0005_storages.sql") },
    Migration { number: 6, name: "centre_engines", sql: include_str!("../../../migrations/0006_centre_engines.sql") },
    Migration { number: 7, name: "pool_uids", sql: include_str!("../../../migrations/0007_pool_uids.sql") },
    Migration { number: 8, name: "secrets", sql: include_str!("../../../migrations/0008_secrets.sql") },
];

const STEPS: Table = Table { name: "schema_migrations", key: &["number"] };

/// Runs the steps that the database has not had yet.
pub(crate) fn bring_up_to_date(
    connection: &Connection,
    path: &Path,
    migrations: &'static [Migration],
) -> Result<(), StoreError> {
    let known = newest(migrations);
    let found = current(connection)?;
    if found > known {
        return Err(StoreError::NewerDatabase { found, known });
    }
    if found > 0 && found < known {
        copy_before_change(connection, path, found)?;
    }
    for migration in migrations.iter().filter(|step| step.number > found) {
        tracing::info!(number = migration.number, name = migration.name, "changing the schema");
        apply(connection, migration)?;
    }
    Ok(())
}

/// The number of the last step.
pub(crate) fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |last| last.number)
}

/// The number of the last step that a database has had, 0 for an empty file.
pub(crate) fn current(connection: &Connection) -> Result<i64, StoreError> {
    const TABLES: Sql = sql!("SELECT count(*) AS tables FROM sqlite_schema WHERE name = 'schema_migrations'");
    const LAST: Sql = sql!("SELECT coalesce(max(number), 0) AS last FROM schema_migrations");
    if connection.number(TABLES)? == 0 {
        return Ok(0);
    }
    connection.number(LAST)
}

/// Whether the steps that a database has had are this program's own, as far as it knows them: other programs keep a table
/// of that name too.
pub(crate) fn is_ours(connection: &Connection) -> Result<bool, StoreError> {
    const SELECT: Sql = sql!("SELECT number, name FROM schema_migrations ORDER BY number");
    let mut had = Vec::new();
    connection.each_row(&statement(SELECT), |row| {
        let fields = Fields::of(&STEPS, row);
        had.push((fields.number("number")?, fields.text("name")?));
        Ok(())
    })?;
    let is_same = |(had, step): (&(i64, String), &Migration)| had.0 == step.number && had.1 == step.name;
    Ok(had.iter().zip(MIGRATIONS).all(is_same))
}

/// Runs one step and records it, in one transaction.
fn apply(connection: &Connection, step: &Migration) -> Result<(), StoreError> {
    const CREATE: Sql =
        sql!("CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)");
    const RECORD: Sql = sql!("INSERT INTO schema_migrations (number, name) VALUES ($1, $2)");
    connection.transaction(|on| {
        on.control(CREATE)?;
        on.run_file(step.sql)?;
        on.execute(&statement(RECORD).bind(step.number).bind(step.name))?;
        Ok(())
    })
}

/// The path of the copy that is made before the step after `found` changes a database.
fn copy_path(path: &Path, found: i64) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".schema-{found}"));
    path.with_file_name(name)
}

fn copy_before_change(connection: &Connection, path: &Path, found: i64) -> Result<(), StoreError> {
    let copy = copy_path(path, found);
    copy::write(connection, &copy, |_| Ok(()))?;
    tracing::info!(copy = %copy.display(), "the database was copied before its schema changes");
    Ok(())
}
