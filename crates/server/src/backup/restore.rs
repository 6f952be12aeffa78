//! Putting a backup in place of a database, so that whoever is killed in the middle of it can begin again.
//!
//! At every moment the database's name leads to a whole one: the old one with all that was committed to it, then the
//! backup.

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

/// Where the database goes that a backup is put in place of; later ones have a number too.
const BEFORE: &str = "trainyard.db.before-restore";
/// The backup's copy until it is put in place.
const PREPARED: &str = "trainyard.db.restored";
/// What SQLite keeps beside its file: the newest commits, and an index of them.
const LOG: &str = "-wal";
const INDEX: &str = "-shm";

/// Puts a backup in place of a data directory's database, which is kept beside it; answers where. The server must be
/// stopped. The backup itself stays as it is.
///
/// # Errors
/// Where the directory is in use, or the file is no whole database that this program knows.
pub async fn restore(data_dir: &Path, file: &Path) -> Result<Option<PathBuf>, ServeError> {
    backup::check(file).await.map_err(Failure::from)?;
    let lock = lock::acquire(data_dir).await?;
    let (database, prepared) = (data_dir.join(DATABASE), data_dir.join(PREPARED));
    backup::put(file, &prepared).await.map_err(Failure::from)?;
    let (mut kept, mut is_whole) = (Vec::new(), false);
    if fs::exists(&database).map_err(file_error(&database))? {
        kept = names(data_dir).map_err(file_error(data_dir))?;
        if is_in_place(&prepared, &database).map_err(file_error(&database))? {
            // An earlier beginning had come to its end but for its last word; what it has kept is the last that is there.
            remove(&prepared)?;
            lock::release(&lock);
            kept.pop();
            return Ok(kept.pop());
        }
        if let Some(before) = kept.last() {
            is_whole = keep(&database, before).await?;
        }
    }
    let told = kept.last().filter(|_| is_whole);
    replaced_database::record(data_dir, told.map(PathBuf::as_path)).map_err(file_error(data_dir))?;
    // It would be read into whatever lies there next.
    remove(&beside(&database, LOG))?;
    remove(&beside(&database, INDEX))?;
    fs::rename(&prepared, &database).map_err(file_error(&database))?;
    File::open(data_dir).and_then(|dir| dir.sync_all()).map_err(file_error(data_dir))?;
    lock::release(&lock);
    Ok(kept.pop())
}

/// All names under which databases were kept, in order, and then a new one. Whatever was kept before stays: it may be all
/// that is left of what somebody misses.
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

/// Copies a whole database to this name, and brings all that was committed to it into its own file. A damaged one, which
/// is just what needs a restore, keeps its file, under this name too, and what lies beside it goes along; false for that.
async fn keep(database: &Path, before: &Path) -> Result<bool, ServeError> {
    match backup::make(database, before).await {
        Ok(()) => {
            backup::fold(database).await.map_err(Failure::from)?;
            return Ok(true);
        }
        Err(StoreError::Corrupt(why)) => {
            tracing::warn!("the database that is there is damaged ({why}); it is kept as it lies");
        }
        Err(error) => return Err(Failure::from(error).into()),
    }
    fs::hard_link(database, before).map_err(file_error(before))?;
    match fs::rename(beside(database, LOG), beside(before, LOG)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error(before)(error)),
        _ => Ok(false),
    }
}

/// Whether the database is just what would be put in its place.
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
