//! Backups of the database, and putting one back.
//!
//! A backup is a copy of one moment. What a server did after it is not in it, so a job that waits there may have run
//! since. In the data directory it was made in, the jobs' own folders say so: an attempt that has begun is found and
//! never begun again. In another one nobody can say, and then nothing that waits is run.

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

/// Copies the database of a data directory to a new file, whether its server runs or not.
///
/// # Errors
/// Where there is no database, where the file exists, or where it cannot be written.
pub async fn make(data_dir: &Path, file: &Path) -> Result<(), ServeError> {
    let database = data_dir.join(DATABASE);
    fs::metadata(&database).map_err(file_error(&database))?;
    match fs::symlink_metadata(file) {
        Ok(_) => {
            let error = io::Error::new(io::ErrorKind::AlreadyExists, "exists; choose another name, or remove it first");
            return Err(ServeError::Files { path: file.to_owned(), error });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(file_error(file)(error)),
    }
    backup::make(&database, file).await.map_err(Failure::from)?;
    Ok(())
}
