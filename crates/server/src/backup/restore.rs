//! Replaces the database with a backup. A restore that is killed at any step can be run again.
//!
//! Invariant: at every moment the file of the database is whole: the old database with all its commits,
//! then the backup.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use trainyard_store::{StoreError, backup};

use super::replaced_database;
use crate::{
    data_dir::{DATABASE, file_error, lock},
    failure::{Failure, ServeError},
};

/// The name under which the replaced database is kept; later ones get a number.
const BEFORE: &str = "trainyard.db.before-restore";
/// The copy of the backup before it replaces the database.
const PREPARED: &str = "trainyard.db.restored";
/// The files of SQLite beside the database: the log of the newest commits, and its index.
const LOG: &str = "-wal";
const INDEX: &str = "-shm";

/// Replaces the database of a data directory with a backup and returns the file in which the old database is kept. The
/// server must be stopped. The backup does not change.
///
/// Fails if a server uses the directory, or if the file is not a whole database of a known version.
pub async fn restore(data_dir: &Path, file: &Path) -> Result<Option<PathBuf>, ServeError> {
    backup::check(file).await.map_err(Failure::from)?;
    let lock = lock::acquire(data_dir).await?;
    let (database, prepared) = (data_dir.join(DATABASE), data_dir.join(PREPARED));
    backup::put(file, &prepared).await.map_err(Failure::from)?;
    let (mut kept, mut is_whole) = (Vec::new(), false);
    if fs::exists(&database).map_err(file_error(&database))? {
        kept = names(data_dir).map_err(file_error(data_dir))?;
        if is_in_place(&prepared, &database).map_err(file_error(&database))? {
            // An earlier restore was killed just before it returned; the last existing file is the database that it
            // kept.
            remove(&prepared)?;
            lock::release(&lock);
            kept.pop();
            return Ok(kept.pop());
        }
        if let Some(before) = kept.last() {
            is_whole = keep(&database, before).await?;
        }
    }
    let replaced = kept.last().filter(|_| is_whole);
    replaced_database::record(data_dir, replaced.map(PathBuf::as_path)).map_err(file_error(data_dir))?;
    // SQLite would apply an old log to the new database.
    remove(&beside(&database, LOG))?;
    remove(&beside(&database, INDEX))?;
    fs::rename(&prepared, &database).map_err(file_error(&database))?;
    File::open(data_dir).and_then(|dir| dir.sync_all()).map_err(file_error(data_dir))?;
    lock::release(&lock);
    Ok(kept.pop())
}

/// All names under which databases were kept, in order, and then a new name. Kept databases stay: each may be the only
/// copy of data that a user misses.
fn names(data_dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = vec![data_dir.join(BEFORE)];
    for number in 2_u32.. {
        if let Some(last) = all.last()
            && !fs::exists(last)?
        {
            break;
        }
        all.push(data_dir.join(format!("{BEFORE}-{number}")));
    }
    Ok(all)
}

/// Copies a whole database to this name and folds its log into its file. A damaged database, the usual reason for a
/// restore, cannot be copied: its file gets this name as a second name, its log moves along, and the result is false.
async fn keep(database: &Path, before: &Path) -> Result<bool, ServeError> {
    match backup::make(database, before).await {
        Ok(()) => {
            backup::fold(database).await.map_err(Failure::from)?;
            return Ok(true);
        }
        Err(StoreError::Corrupt(why)) => {
            tracing::warn!("the current database is damaged ({why}); its files are kept unchanged");
        }
        Err(error) => return Err(Failure::from(error).into()),
    }
    fs::hard_link(database, before).map_err(file_error(before))?;
    match fs::rename(beside(database, LOG), beside(before, LOG)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(before)(error)),
        _ => Ok(false),
    }
}

/// Whether the database already equals the prepared backup.
fn is_in_place(one: &Path, other: &Path) -> io::Result<bool> {
    let has_log = fs::metadata(beside(other, LOG)).is_ok_and(|log| log.len() > 0);
    if has_log || fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (io::BufReader::new(File::open(one)?), io::BufReader::new(File::open(other)?));
    loop {
        use io::BufRead as _;
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let length = left.len().min(right.len());
        if length == 0 {
            return Ok(left.len() == right.len());
        }
        if left.get(..length) != right.get(..length) {
            return Ok(false);
        }
        one.consume(length);
        other.consume(length);
    }
}

fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    name.into()
}

fn remove(path: &Path) -> Result<(), ServeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(path)(error)),
        _ => Ok(()),
    }
}
