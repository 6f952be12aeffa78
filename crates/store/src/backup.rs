//! Copies of the database that are whole and of one moment, whoever writes meanwhile; and the look at one before it is
//! put in place of another.

mod check;
mod checksum;

pub use check::check;

use std::{collections::BTreeMap, io, path::Path};

use sqlx::{ConnectOptions as _, Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use trainyard_domain::{id::JobId, job::Status};

use crate::{
    Store, StoreError, db,
    error::from_driver,
    rows::Fields,
    writer::{WriteConnection, statement},
};

/// Copies the database at `path` to a new file, also while a server uses it: the copy is of one moment, in one piece,
/// sealed, and on the disk when this returns. Nothing is left where it fails.
pub async fn make(path: &Path, to: &Path) -> Result<(), StoreError> {
    copy_file(path, to, Sealed::Yes).await
}

/// Puts a copy of a backup in place of the database at `to`, in one step; what is there afterwards is the old one or
/// the whole new one.
pub async fn put(backup: &Path, to: &Path) -> Result<(), StoreError> {
    copy_file(backup, to, Sealed::No).await
}

/// Brings what lies in the log beside a database into its file, which then holds all that was committed. Nobody else may
/// have it open.
pub async fn fold(path: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(db::LOCK_PATIENCE);
    let mut connection = options.connect().await.map_err(from_driver)?;
    let row = db::row(&mut connection, sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")).await?;
    let is_held_up = row.map(|row| Fields::of("the checkpoint", &row).number::<i64>("busy")).transpose()?;
    if is_held_up.is_some_and(|busy| busy != 0) {
        return Err(StoreError::Unavailable(format!("somebody else has {} open", path.display())));
    }
    connection.close().await.map_err(from_driver)
}

async fn copy_file(path: &Path, to: &Path, sealed: Sealed) -> Result<(), StoreError> {
    let mut connection = open(path).await?;
    copy(&mut connection, to, sealed).await?;
    connection.close().await.map_err(from_driver)
}

/// What a database that no server uses says of these jobs; those that it does not know are left out.
pub async fn statuses(path: &Path, jobs: &[JobId]) -> Result<BTreeMap<JobId, Status>, StoreError> {
    const SELECT: &str = "SELECT id, status FROM jobs WHERE id = $1";
    let mut connection = open(path).await?;
    let mut found = BTreeMap::new();
    for job in jobs {
        if let Some(row) = db::row(&mut connection, sqlx::query(SELECT).bind(job.as_str())).await? {
            found.insert(job.clone(), Fields::of("jobs", &row).word("status", Status::parse)?);
        }
    }
    connection.close().await.map_err(from_driver)?;
    Ok(found)
}

async fn open(path: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(db::LOCK_PATIENCE);
    options.connect().await.map_err(from_driver)
}

/// Whether a copy is one that may travel, and then tells itself whether it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sealed {
    Yes,
    No,
}

/// Writes a whole, durable copy of what a connection sees; one of an attempt that was broken off is replaced.
pub(crate) async fn copy(connection: &mut SqliteConnection, to: &Path, sealed: Sealed) -> Result<(), StoreError> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".unfinished");
    let unfinished = to.with_file_name(name);
    let failed =
        |error: io::Error| StoreError::Unavailable(format!("cannot copy the database to {}: {error}", to.display()));
    let written = async {
        remove(&unfinished).map_err(failed)?;
        let file = db::new_private_file(&unfinished).map_err(failed)?;
        let Some(target) = unfinished.to_str() else {
            return Err(failed(io::Error::other("its path is not UTF-8")));
        };
        connection.execute(sqlx::query("VACUUM INTO $1").bind(target)).await.map_err(from_driver)?;
        if sealed == Sealed::Yes {
            checksum::put_on(&unfinished).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        std::fs::rename(&unfinished, to).map_err(failed)?;
        db::sync_directory_of(to).map_err(failed)
    };
    let written = written.await;
    if written.is_err() {
        let _ = remove(&unfinished);
    }
    written
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

impl Store {
    /// The data directory that this database belongs to, by the name that [`Store::belong_to`] gave; `None` for a new one.
    pub async fn belongs_to(&self) -> Result<Option<String>, StoreError> {
        const SELECT: &str = "SELECT identity FROM data_directory";
        let row = db::row(self.readers(), sqlx::query(SELECT)).await?;
        row.map(|row| Fields::of("data_directory", &row).text("identity")).transpose()
    }

    /// Says that this database belongs to the data directory of this name from now on, and to no other.
    pub async fn belong_to(&self, identity: &str) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM data_directory";
        const INSERT: &str = "INSERT INTO data_directory (identity) VALUES ($1)";
        let identity = identity.to_owned();
        self.write_anyway(async move |on: &mut WriteConnection| {
            on.execute(statement(DELETE)).await?;
            on.execute(statement(INSERT).bind(&identity)).await?;
            Ok(())
        })
        .await
    }
}
