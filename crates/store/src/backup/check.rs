//! The look at a file before it is put in place of a database: whether it is one of ours, of a version that this program
//! knows, and whole.

use std::{fs, io, path::Path};

use sqlx::{Connection as _, SqliteConnection};

use super::{
    checksum::{self, Seal},
    open,
};
use crate::{StoreError, db, error::from_driver, rows::Fields, schema};

/// Whether a file is a whole database that this program can go on with; changes nothing of it.
///
/// [`StoreError::NewerDatabase`], or [`StoreError::NoBackup`] with what is wrong.
pub async fn check(path: &Path) -> Result<(), StoreError> {
    let refused = |why: &str| StoreError::NoBackup(format!("{} {why}", path.display()));
    let unreadable = |error: io::Error| refused(&format!("cannot be read: {error}"));
    let file = fs::metadata(path).map_err(unreadable)?;
    if !file.is_file() {
        return Err(refused("is no file"));
    }
    if file.len() == 0 {
        return Err(refused("is empty"));
    }
    let length = match checksum::read(path).map_err(unreadable)? {
        Seal::Whole(length) => length,
        Seal::None => file.len(),
        Seal::Broken => return Err(refused("is damaged: it is not what it was when the backup was made")),
    };
    let odd = |error: &StoreError| refused(&format!("is no database of Trainyard, or damaged: {error}"));
    let mut connection = open(path).await.map_err(|error| odd(&error))?;
    let found = schema::current(&mut connection).await.map_err(|error| odd(&error))?;
    if found == 0 || !schema::is_ours(&mut connection).await.map_err(|error| odd(&error))? {
        return Err(refused("is no database of Trainyard"));
    }
    let known = schema::newest(schema::MIGRATIONS);
    if found > known {
        return Err(StoreError::NewerDatabase { found, known });
    }
    match damage(&mut connection, length).await.map_err(|error| odd(&error))? {
        Some(damage) => Err(refused(&format!("is damaged: {damage}"))),
        None => connection.close().await.map_err(from_driver),
    }
}

/// What is wrong with the pages and rows of a database whose file should have so many bytes.
async fn damage(connection: &mut SqliteConnection, length: u64) -> Result<Option<String>, StoreError> {
    // Where the last page is short, SQLite takes what is missing for zeros and finds nothing wrong.
    let count = number(connection, "PRAGMA page_count", "page_count").await?;
    let size = number(connection, "PRAGMA page_size", "page_size").await?;
    if u64::try_from(count.saturating_mul(size)) != Ok(length) {
        return Ok(Some(format!("it should have {count} pages of {size} bytes, and has {length} bytes")));
    }
    let checked = db::row(&mut *connection, sqlx::query("PRAGMA integrity_check(1)")).await?;
    let verdict = checked.map(|row| Fields::of("the check", &row).text("integrity_check")).transpose()?;
    if verdict.as_deref() != Some("ok") {
        return Ok(Some(verdict.unwrap_or_default()));
    }
    let alone = db::row(&mut *connection, sqlx::query("PRAGMA foreign_key_check")).await?;
    let alone = alone.map(|row| Fields::of("the check", &row).text("table")).transpose()?;
    Ok(alone.map(|table| format!("a row of {table} belongs to one that is missing")))
}

async fn number(
    connection: &mut SqliteConnection,
    query: &'static str,
    column: &'static str,
) -> Result<i64, StoreError> {
    let row = db::row(connection, sqlx::query(query)).await?;
    row.map_or(Ok(0), |row| Fields::of("the file", &row).number(column))
}
