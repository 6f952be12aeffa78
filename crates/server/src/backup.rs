//! Backups of the database and their restore.
//!
//! A backup is a copy of one moment, so a job that waits in it may have run since. In the data directory of the backup,
//! the folders of the jobs show that: the engine finds a started attempt and never starts it again. In another data
//! directory, that is unknown, and the server ends every waiting job of the backup.

mod reconcile;
mod replaced_database;
mod restore;

use std::{fs, io, path::Path};

use trainyard_store::backup;

pub(crate) use self::reconcile::reconcile;
pub use self::restore::restore;
use crate::{
    data_dir::{DATABASE, file_error},
    failure::{Failure, ServeError},
};

/// Copies the database of a data directory to a new file. The server may run or be stopped.
///
/// Fails if there is no database, or if the file exists or cannot be written.
pub async fn make(data_dir: &Path, file: &Path) -> Result<(), ServeError> {
    let database = data_dir.join(DATABASE);
    fs::metadata(&database).map_err(file_error(&database))?;
    refuse_existing(file)?;
    backup::make(&database, file).await.map_err(Failure::from)?;
    Ok(())
}

/// A backup never overwrites a file, and never follows a symbolic link.
fn refuse_existing(file: &Path) -> Result<(), ServeError> {
    match fs::symlink_metadata(file) {
        Ok(_) => {
            let error = io::Error::new(
                io::ErrorKind::AlreadyExists,
                "exists already; choose another name, or delete the file first",
            );
            Err(ServeError::Files { path: file.to_owned(), error })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(file_error(file)(error)),
    }
}
