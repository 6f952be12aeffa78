//! Backups of the database, and putting one back.
//!
//! A backup is a copy of one moment. What a server did after it is not in it, so a job that waits there may have run
//! since. In the data directory it was made in, the jobs' own folders say so: an attempt that has begun is found and
//! never begun again. In another one nobody can say, and then nothing that waits is run.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use trainyard_store::{StoreError, backup};

pub(crate) use self::settle::settle;
use crate::{DATABASE, ServeError, failure::Failure, lock};

mod settle;
mod since;

/// Where the database goes that a backup is put in place of; later ones have a number too.
const BEFORE: &str = "trainyard.db.before-restore";
/// What SQLite keeps beside its file; it would be read into whatever lies there next.
const BESIDE: [&str; 2] = ["trainyard.db-wal", "trainyard.db-shm"];
/// Copies the database of a data directory to a new file, whether its server runs or not.
///
/// # Errors
/// Where there is no database, where the file exists, or where it cannot be written.
pub async fn make(data_dir: &Path, file: &Path) -> Result<(), ServeError> {
    let database = data_dir.join(DATABASE);
    fs::metadata(&database).map_err(failed(&database))?;
    match fs::symlink_metadata(file) {
        Ok(_) => {
            let error = io::Error::new(io::ErrorKind::AlreadyExists, "exists; choose another name, or remove it first");
            return Err(ServeError::Files { path: file.to_owned(), error });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(file)(error)),
    }
    backup::make(&database, file).await.map_err(Failure::from)?;
    Ok(())
}

/// Puts a backup in place of a data directory's database, which is kept beside it; answers where. The server must be
/// stopped. The backup itself stays as it is.
///
/// # Errors
/// Where the directory is in use, or the file is no whole database that this program knows.
pub async fn restore(data_dir: &Path, file: &Path) -> Result<Option<PathBuf>, ServeError> {
    backup::check(file).await.map_err(Failure::from)?;
    let lock = lock::take(data_dir).await?;
    let database = data_dir.join(DATABASE);
    let before = new_name(data_dir).map_err(failed(data_dir))?;
    let had_one = fs::exists(&database).map_err(failed(&database))?;
    let is_whole = had_one && set_aside(data_dir, &before).await?;
    since::note(data_dir, is_whole.then_some(before.as_path())).map_err(failed(data_dir))?;
    // From here on there is no way back but the copies; each step may be repeated.
    for name in BESIDE {
        remove(&data_dir.join(name))?;
    }
    backup::put(file, &database).await.map_err(Failure::from)?;
    lock::release(&lock);
    Ok(had_one.then_some(before))
}

/// Keeps the database that is there: whole, with what its log holds that is not yet in its file. One that is damaged is
/// just what needs a restore, so it goes aside as it is; false for that.
async fn set_aside(data_dir: &Path, before: &Path) -> Result<bool, ServeError> {
    let database = data_dir.join(DATABASE);
    let Err(error) = backup::make(&database, before).await else { return Ok(true) };
    if !matches!(error, StoreError::Corrupt(_)) {
        return Err(Failure::from(error).into());
    }
    for (name, suffix) in BESIDE.into_iter().zip(["-wal", "-shm"]) {
        let mut aside = before.as_os_str().to_owned();
        aside.push(suffix);
        match fs::rename(data_dir.join(name), &aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&data_dir.join(name))(error)),
            _ => {}
        }
    }
    fs::rename(&database, before).map_err(failed(&database))?;
    Ok(false)
}

/// Whatever was kept before stays: it may be all that is left of what somebody misses.
fn new_name(data_dir: &Path) -> io::Result<PathBuf> {
    let mut name = data_dir.join(BEFORE);
    for number in 2_u32.. {
        if !fs::exists(&name)? {
            break;
        }
        name = data_dir.join(format!("{BEFORE}-{number}"));
    }
    Ok(name)
}

fn remove(path: &Path) -> Result<(), ServeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> ServeError {
    let path = path.to_owned();
    move |error| ServeError::Files { path: path.clone(), error }
}
