//! The check of a file before it replaces a database: whether it is a whole Trainyard database of a schema that this
//! program knows.

use std::{fs, io, path::Path};

use super::checksum::{self, Checksum};
use crate::{
    StoreError,
    db::{self, Connection},
    rows::{Fields, Table, only_text},
    schema,
    sql::{Sql, sql, statement},
};

const VIOLATIONS: Table = Table { name: "the answer of the check", key: &[] };

/// Whether a file is a whole database with which this program can continue; changes nothing in it.
///
/// [`StoreError::NewerDatabase`], or [`StoreError::NoBackup`] with what is wrong.
pub async fn check(path: &Path) -> Result<(), StoreError> {
    let path = path.to_owned();
    db::blocking(move || check_file(&path)).await
}

fn check_file(path: &Path) -> Result<(), StoreError> {
    let refused = |why: &str| StoreError::NoBackup(format!("{} {why}", path.display()));
    let unreadable = |error: io::Error| refused(&format!("cannot be read: {error}"));
    let file = fs::metadata(path).map_err(unreadable)?;
    if !file.is_file() {
        return Err(refused("is not a file"));
    }
    if file.len() == 0 {
        return Err(refused("is empty"));
    }
    let length = match checksum::read(path).map_err(unreadable)? {
        Checksum::Right(length) => length,
        Checksum::None => file.len(),
        Checksum::Wrong => return Err(refused("is damaged: its content is not that of the time of the backup")),
    };
    let odd = |error: StoreError| {
        let why = match error {
            StoreError::Corrupt(why) => why,
            error => error.to_string(),
        };
        refused(&format!("is not a Trainyard database, or is damaged: {why}"))
    };
    let connection = Connection::open_for_reading(path).map_err(odd)?;
    let found = schema::current(&connection).map_err(odd)?;
    if found == 0 || !schema::is_ours(&connection).map_err(odd)? {
        return Err(refused("is not a Trainyard database"));
    }
    let known = schema::newest(schema::MIGRATIONS);
    if found > known {
        return Err(StoreError::NewerDatabase { found, known });
    }
    match damage(&connection, length).map_err(odd)? {
        Some(damage) => Err(refused(&format!("is damaged: {damage}"))),
        None => connection.close(),
    }
}

/// What is wrong with the pages and rows of a database that should be this many bytes long.
fn damage(connection: &Connection, length: u64) -> Result<Option<String>, StoreError> {
    const PAGES: Sql = sql!("PRAGMA page_count");
    const PAGE_SIZE: Sql = sql!("PRAGMA page_size");
    const PAGES_ARE_WHOLE: Sql = sql!("PRAGMA integrity_check(1)");
    const REFERENCES_ARE_WHOLE: Sql = sql!("PRAGMA foreign_key_check");
    // If the last page is short, SQLite takes the missing bytes for zeros and finds nothing wrong.
    let (count, size) = (connection.number(PAGES)?, connection.number(PAGE_SIZE)?);
    if u64::try_from(count.saturating_mul(size)) != Ok(length) {
        return Ok(Some(format!("it should have {count} pages of {size} bytes, and has {length} bytes")));
    }
    let verdict = connection.row(&statement(PAGES_ARE_WHOLE), only_text)?.flatten();
    if verdict.as_deref() != Some("ok") {
        return Ok(Some(verdict.unwrap_or_default()));
    }
    let violation =
        connection.row(&statement(REFERENCES_ARE_WHOLE), |row| Fields::of(&VIOLATIONS, row).text("table"))?;
    Ok(violation.map(|table| format!("a row of {table} belongs to one that is missing")))
}
