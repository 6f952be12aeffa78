//! The storages that were added while the server ran.

use trainyard_domain::{
    id::CentreId,
    job_spec::{Storage, StorageType},
    time::Millis,
};

use crate::{
    Store, StoreError, db,
    rows::{Fields, Row},
    writer::{WriteConnection, statement},
};

/// A storage with who added it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageRow {
    /// The centre in which it lies.
    pub centre: CentreId,
    /// The storage.
    pub storage: Storage,
    /// Who added it.
    pub created_by: String,
    /// When.
    pub created: Millis,
}

impl Store {
    /// Keeps a storage whose id is new in its centre, else [`StoreError::Exists`].
    pub async fn insert_storage(&self, row: &StorageRow) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO storages (centre, id, name, kind, path, read_only, created_by, created) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        let row = row.clone();
        self.write(async move |on: &mut WriteConnection| {
            let storage = &row.storage;
            let query = statement(INSERT)
                .bind(row.centre.0)
                .bind(&storage.id)
                .bind(storage.name.clone())
                .bind(storage.kind.as_str())
                .bind(&storage.path)
                .bind(storage.read_only)
                .bind(&row.created_by)
                .bind(row.created);
            match on.execute(query).await? {
                1 => Ok(()),
                _ => Err(StoreError::Exists),
            }
        })
        .await
    }

    /// All of them, in the order in which they were added.
    pub async fn storages(&self) -> Result<Vec<StorageRow>, StoreError> {
        const SELECT: &str = "SELECT centre, id, name, kind, path, read_only, created_by, created FROM storages \
             ORDER BY created, id";
        db::rows(self.readers(), sqlx::query(SELECT)).await?.iter().map(storage_of).collect()
    }

    /// Forgets a storage; what lies in it stays.
    pub async fn delete_storage(&self, centre: CentreId, id: &str) -> Result<(), StoreError> {
        const DELETE: &str = "DELETE FROM storages WHERE centre = $1 AND id = $2";
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

fn storage_of(row: &Row) -> Result<StorageRow, StoreError> {
    let fields = Fields::of("storages", row);
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
