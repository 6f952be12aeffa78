//! Backups: whole copies of the database that carry a checksum, and the checks of one before it is restored.
//!
//! A backup is of one moment even while a server writes; restoring one replaces the database in one step.

mod check;
mod checksum;

pub use check::check;

use std::{collections::BTreeMap, path::Path};

use trainyard_domain::{id::JobId, job::Status};

use crate::{
    Store, StoreError, WriteConnection, copy,
    db::{self, Connection},
    rows::{Fields, Table, only_number},
    sql::{Sql, sql, statement},
};

const JOBS: Table = Table { name: "jobs", key: &["id"] };
const DATA_DIRECTORY: Table = Table { name: "data_directory", key: &[] };

/// Copies the database at `path` to a new file, also while a server uses it. The copy is of one moment, in one file, has a
/// checksum, and is on the disk when this returns. After an error nothing of it is left.
pub async fn make(path: &Path, to: &Path) -> Result<(), StoreError> {
    let (path, to) = (path.to_owned(), to.to_owned());
    db::blocking(move || {
        let connection = Connection::open_for_reading(&path)?;
        copy::write(&connection, &to, checksum::append)?;
        connection.close()
    })
    .await
}

/// Replaces the database at `to` by a copy of a backup, in one step: at any moment the file is the old or the new one, whole.
pub async fn put(backup: &Path, to: &Path) -> Result<(), StoreError> {
    let (backup, to) = (backup.to_owned(), to.to_owned());
    db::blocking(move || {
        let connection = Connection::open_for_reading(&backup)?;
        copy::write(&connection, &to, |_| Ok(()))?;
        connection.close()
    })
    .await
}

/// Moves the log beside a database into its file, which then holds all that was committed. No other process may have the
/// database open.
pub async fn fold(path: &Path) -> Result<(), StoreError> {
    const CHECKPOINT: Sql = sql!("PRAGMA wal_checkpoint(TRUNCATE)");
    let path = path.to_owned();
    db::blocking(move || {
        let connection = Connection::open_plainly(&path)?;
        // The first column says whether another connection prevented it.
        let is_blocked = connection.row(&statement(CHECKPOINT), only_number)?;
        if is_blocked.is_some_and(|blocked| blocked != 0) {
            return Err(StoreError::Unavailable(format!("another process has {} open", path.display())));
        }
        connection.close()
    })
    .await
}

/// The states of these jobs in a database that no server uses; jobs that it does not have are left out.
pub async fn statuses(path: &Path, jobs: &[JobId]) -> Result<BTreeMap<JobId, Status>, StoreError> {
    const SELECT: Sql = sql!("SELECT id, status FROM jobs WHERE id = $1");
    let (path, jobs) = (path.to_owned(), jobs.to_vec());
    db::blocking(move || {
        let connection = Connection::open_for_reading(&path)?;
        let mut found = BTreeMap::new();
        for job in jobs {
            let select = statement(SELECT).bind(job.as_str());
            let status = connection.row(&select, |row| Fields::of(&JOBS, row).word("status", Status::parse))?;
            found.extend(status.map(|status| (job.clone(), status)));
        }
        connection.close()?;
        Ok(found)
    })
    .await
}

impl Store {
    /// The data directory that this database belongs to, by the name that [`Store::belong_to`] gave; `None` for a new one.
    pub async fn belongs_to(&self) -> Result<Option<String>, StoreError> {
        const SELECT: Sql = sql!("SELECT identity FROM data_directory");
        self.readers().row(statement(SELECT), |row| Fields::of(&DATA_DIRECTORY, row).text("identity")).await
    }

    /// Records that this database belongs to the data directory of this name from now on, and to no other.
    pub async fn belong_to(&self, identity: &str) -> Result<(), StoreError> {
        const DELETE: Sql = sql!("DELETE FROM data_directory");
        const INSERT: Sql = sql!("INSERT INTO data_directory (identity) VALUES ($1)");
        let identity = identity.to_owned();
        self.write_anyway(async move |on: &mut WriteConnection| {
            on.execute(statement(DELETE)).await?;
            on.execute(statement(INSERT).bind(&identity)).await?;
            Ok(())
        })
        .await
    }
}
