//! The schema's versions: SQL files that are embedded here and applied once each, in order.
//!
//! A database of a newer program is refused before anything is written to it; an older one is copied first.

use std::path::{Path, PathBuf};

use sqlx::{Executor, SqliteConnection};

use crate::{
    backup, db,
    error::{StoreError, from_driver},
    rows::Fields,
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
];

/// Applies the steps that the database has not had yet.
pub(crate) async fn bring_up_to_date(
    connection: &mut SqliteConnection,
    path: &Path,
    migrations: &'static [Migration],
) -> Result<(), StoreError> {
    let known = newest(migrations);
    let found = current(connection).await?;
    if found > known {
        return Err(StoreError::NewerDatabase { found, known });
    }
    if found > 0 && found < known {
        copy_aside(connection, path, found).await?;
    }
    for migration in migrations.iter().filter(|step| step.number > found) {
        tracing::info!(number = migration.number, name = migration.name, "changing the schema");
        apply(connection, migration).await?;
    }
    Ok(())
}

/// The number of the last step.
pub(crate) fn newest(migrations: &[Migration]) -> i64 {
    migrations.last().map_or(0, |last| last.number)
}

/// The number of the last step that was applied, 0 for an empty file.
pub(crate) async fn current(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let find = "SELECT count(*) AS tables FROM sqlite_schema WHERE name = 'schema_migrations'";
    let tables = number(connection, find, "tables").await?;
    if tables == 0 {
        return Ok(0);
    }
    let last = "SELECT coalesce(max(number), 0) AS last FROM schema_migrations";
    number(connection, last, "last").await
}

/// Whether the steps that a database had are this program's own, as far as it knows them: other programs keep a table of
/// that name too.
pub(crate) async fn is_ours(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let select = "SELECT number, name FROM schema_migrations ORDER BY number";
    let rows = db::rows(connection, sqlx::query(select)).await?;
    let had = rows.iter().map(|row| {
        let fields = Fields::of("schema_migrations", row);
        Ok((fields.number("number")?, fields.text("name")?))
    });
    let had: Vec<(i64, String)> = had.collect::<Result<_, StoreError>>()?;
    Ok(had.iter().zip(MIGRATIONS).all(|((number, name), step)| *number == step.number && name == step.name))
}

async fn number(connection: &mut SqliteConnection, sql: &'static str, column: &'static str) -> Result<i64, StoreError> {
    match db::row(connection, sqlx::query(sql)).await? {
        Some(row) => Fields::of("schema", &row).number(column),
        None => Ok(0),
    }
}

/// One step in one transaction, its own record with it.
async fn apply(connection: &mut SqliteConnection, step: &Migration) -> Result<(), StoreError> {
    let mut transaction = sqlx::Connection::begin(connection).await.map_err(from_driver)?;
    let records = "CREATE TABLE IF NOT EXISTS schema_migrations \
        (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)";
    transaction.execute(records).await.map_err(from_driver)?;
    transaction.execute(sqlx::raw_sql(step.sql)).await.map_err(from_driver)?;
    let record = "INSERT INTO schema_migrations (number, name) VALUES ($1, $2)";
    transaction.execute(sqlx::query(record).bind(step.number).bind(step.name)).await.map_err(from_driver)?;
    transaction.commit().await.map_err(from_driver)
}

/// Where the copy of a database goes before the step after `found` changes it.
fn copy_path(path: &Path, found: i64) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".schema-{found}"));
    path.with_file_name(name)
}

async fn copy_aside(connection: &mut SqliteConnection, path: &Path, found: i64) -> Result<(), StoreError> {
    let copy = copy_path(path, found);
    backup::copy(connection, &copy, backup::Sealed::No).await?;
    tracing::info!(copy = %copy.display(), "the database was copied before its schema changes");
    Ok(())
}
