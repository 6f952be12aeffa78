//! Whole copies of the database, of one moment, even while the server writes.
//!
//! A copy has its name only when it is complete and on the disk: until then it is a file `….unfinished`, which the next
//! attempt replaces.

use std::{io, path::Path};

use crate::{
    db::{self, Connection},
    error::StoreError,
    sql::{Sql, sql, statement},
};

/// Writes a durable copy of the database that a connection sees. `finish` may add to the file before it gets its name.
/// After an error nothing of the copy is left.
pub(crate) fn write(
    connection: &Connection,
    to: &Path,
    finish: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), StoreError> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    let unfinished = to.with_file_name(name);
    let written = write_unfinished(connection, &unfinished, finish).and_then(|()| {
        let named = std::fs::rename(&unfinished, to).and_then(|()| db::sync_directory_of(to));
        named.map_err(Failed::File)
    });
    written.map_err(|failed| {
        let _ = remove(&unfinished);
        match failed {
            Failed::File(error) => {
                StoreError::Unavailable(format!("cannot copy the database to {}: {error}", to.display()))
            }
            Failed::Database(error) => error,
        }
    })
}

enum Failed {
    File(io::Error),
    Database(StoreError),
}

fn write_unfinished(
    connection: &Connection,
    unfinished: &Path,
    finish: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), Failed> {
    const COPY: Sql = sql!("VACUUM INTO $1");
    remove(unfinished).map_err(Failed::File)?;
    // The database writes into this file. Its mode lets only the owner read it.
    let file = db::new_private_file(unfinished).map_err(Failed::File)?;
    let target = unfinished.to_str().ok_or_else(|| Failed::File(io::Error::other("its path is not UTF-8")))?;
    connection.execute(&statement(COPY).bind(target)).map_err(Failed::Database)?;
    finish(unfinished).and_then(|()| file.sync_all()).map_err(Failed::File)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
