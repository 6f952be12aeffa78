//! The storages that users added while the server ran; those of the configuration have no rows.

use trainyard_domain::{
    id::CentreId,
    job_spec::{Storage, StorageType},
    time::WallTime,
};

use crate::{
    Store, StoreError, WriteConnection,
    rows::{Fields, Row, Table},
    sql::{Sql, sql, statement},
};

const STORAGES: Table = Table { name: "storages", key: &["centre", "id"] };

/// A storage, with the user that added it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageRow {
    /// The centre that has the storage.
    pub centre: CentreId,
    /// The id, path and kind of the storage.
    pub storage: Storage,
    /// The user that added the storage.
    pub created_by: String,
    /// When the storage was added, in Unix milliseconds.
    pub created: WallTime,
}

/// All storages of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Storages {
    /// Those that can be read.
    pub rows: Vec<StorageRow>,
    /// The directories of the others: no job mounts them, and jobs must not see them either.
    pub unreadable: Vec<UnreadableStorage>,
}

/// The directory of a storage whose row cannot be read as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableStorage {
    /// Its path on the hosts of the centre.
    pub path: String,
    /// Whether jobs may only read it; where the row does not say it, they may.
    pub read_only: bool,
}

impl Store {
    /// Keeps a storage. If its centre has one with the same id: [`StoreError::Exists`].
    pub async fn insert_storage(&self, row: &StorageRow) -> Result<(), StoreError> {
        const INSERT: Sql = sql!(
            "INSERT INTO storages (centre, id, name, kind, path, read_only, created_by, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"
        );
        let row = row.clone();
        self.write(async move |on: &mut WriteConnection| {
            let storage = &row.storage;
            let insert = statement(INSERT)
                .bind(row.centre.0)
                .bind(&storage.id)
                .bind(&storage.name)
                .bind(storage.kind.as_str())
                .bind(&storage.path)
                .bind(storage.read_only)
                .bind(&row.created_by)
                .bind(row.created);
            match on.execute(insert).await? {
                1 => Ok(()),
                _ => Err(StoreError::Exists),
            }
        })
        .await
    }

    /// All storages with rows, in the order in which they were added. The log names those that cannot be read once.
    pub async fn storages(&self) -> Result<Storages, StoreError> {
        const SELECT: Sql = sql!(
            "SELECT centre, id, name, kind, path, read_only, created_by, created FROM storages ORDER BY created, id"
        );
        let read = |row: &Row<'_>| Ok((storage_of(row), directory_of(row)));
        let mut all = Storages::default();
        for (storage, directory) in self.readers().rows(statement(SELECT), read).await? {
            match storage {
                Ok(storage) => all.rows.push(storage),
                Err(error) => {
                    self.unreadable().report(&error);
                    all.unreadable.extend(directory);
                }
            }
        }
        Ok(all)
    }

    /// Removes the row of a storage; its files stay.
    pub async fn delete_storage(&self, centre: CentreId, id: &str) -> Result<(), StoreError> {
        const DELETE: Sql = sql!("DELETE FROM storages WHERE centre = $1 AND id = $2");
        let id = id.to_owned();
        self.write(async move |on: &mut WriteConnection| {
            match on.execute(statement(DELETE).bind(centre.0).bind(&id)).await? {
                1 => Ok(()),
                _ => Err(StoreError::NotFound),
            }
        })
        .await
    }
}

fn directory_of(row: &Row<'_>) -> Option<UnreadableStorage> {
    let fields = Fields::of(&STORAGES, row);
    Some(UnreadableStorage { path: fields.text("path").ok()?, read_only: fields.get("read_only").unwrap_or(true) })
}

fn storage_of(row: &Row<'_>) -> Result<StorageRow, StoreError> {
    let fields = Fields::of(&STORAGES, row);
    Ok(StorageRow {
        centre: CentreId(fields.number("centre")?),
        storage: Storage {
            id: fields.text("id")?,
            name: fields.get("name")?,
            kind: fields.word("kind", StorageType::parse)?,
            path: fields.text("path")?,
            read_only: fields.get("read_only")?,
        },
        created_by: fields.text("created_by")?,
        created: fields.number("created")?,
    })
}
