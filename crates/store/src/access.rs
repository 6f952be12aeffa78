//! API keys, and the users and projects that they name. Of a key's secret only its hash is here.
//!
//! Whatever removes or changes a key's row must say so to [`known`] too.

mod key_cache;

use std::sync::Arc;

use trainyard_domain::{
    access::{Actor, Role},
    hex,
    id::KeyId,
    time::Millis,
};

use crate::{
    Page, PageRequest, Store, StoreError, db,
    list::{self, Sql},
    rows::{Fields, Row},
    writer::{WriteConnection, statement},
};
pub use key_cache::CachedKey;
pub(crate) use key_cache::KeyCache;

/// How stale the time of a key's last use may be: it is for people, and a write per request would be dear.
const LAST_USE_STEP_MS: i64 = 60 * 60 * 1000;

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyId,
    /// What it is for.
    pub name: String,
    /// Who acts with it.
    pub actor: Actor,
    /// The user who made it.
    pub created_by: String,
    /// When it was made.
    pub created: Millis,
    /// From when on it is no longer valid; `None` is without end.
    pub expires: Option<Millis>,
    /// When it was last used, to the hour; only [`Store::note_key_use`] sets it.
    pub last_used: Option<Millis>,
}

impl KeyRow {
    /// Whether a use now is worth noting, so that a caller need not ask the writer each time.
    pub fn is_use_news(&self, now: Millis) -> bool {
        self.last_used.is_none_or(|noted| noted <= now.saturating_sub(LAST_USE_STEP_MS))
    }
}

impl Store {
    /// Keeps a new key, and its user and project where they are new. `lookup` is the public part of its text.
    pub async fn insert_key(&self, row: &KeyRow, lookup: &str, hash: &[u8; 32]) -> Result<(), StoreError> {
        let key = NewKey::of(row, lookup, hash);
        self.write(async move |on: &mut WriteConnection| insert(on, &key).await).await
    }

    /// The key whose text has this public part, with its hash, which the caller compares; expired ones too.
    pub async fn key_candidates(&self, lookup: &str) -> Result<Option<CachedKey>, StoreError> {
        if let Some(known) = self.key_cache().get(lookup) {
            return Ok(Some(known));
        }
        const SELECT: &str = "SELECT id, name, user_name, project, role, created_by, created, expires, last_used, \
             hash FROM api_keys WHERE lookup = $1";
        let row = db::row(self.readers(), sqlx::query(SELECT).bind(lookup)).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let key = Arc::new((key_of(&row)?, Fields::of("api_keys", &row).hash("hash")?));
        self.key_cache().keep(lookup, &key);
        Ok(Some(key))
    }

    /// A page of all keys, newest first.
    pub async fn list_keys(&self, p: PageRequest) -> Result<Page<KeyRow>, StoreError> {
        let count = Sql::new("SELECT count(*) AS total FROM api_keys");
        let mut select = Sql::new(
            "SELECT id, name, user_name, project, role, created_by, created, expires, last_used \
             FROM api_keys ORDER BY created DESC, id DESC",
        );
        list::push_limit(&mut select, p);
        list::page(self, count, select, key_of).await
    }

    /// Revokes a key. The last admin key that is valid at `now` is kept: [`StoreError::LastAdminKey`].
    pub async fn delete_key(&self, id: &KeyId, now: Millis) -> Result<(), StoreError> {
        const OTHERS: &str = "SELECT count(*) AS others FROM api_keys \
             WHERE role = 'admin' AND id <> $1 AND (expires IS NULL OR expires > $2)";
        const FIND: &str = "SELECT role, expires FROM api_keys WHERE id = $1";
        let (id, known) = (id.clone(), Arc::clone(self.key_cache()));
        self.write_anyway(async move |on: &mut WriteConnection| {
            let Some(row) = on.row(statement(FIND).bind(id.as_str())).await? else {
                return Err(StoreError::NotFound);
            };
            let key = Fields::of("api_keys", &row);
            let expires: Option<i64> = key.get("expires")?;
            let is_valid_admin =
                key.word("role", Role::parse)? == Role::Admin && expires.is_none_or(|expires| expires > now);
            let others = on.row(statement(OTHERS).bind(id.as_str()).bind(now)).await?;
            let others: i64 = match &others {
                Some(row) => Fields::of("api_keys", row).number("others")?,
                None => 0,
            };
            if is_valid_admin && others == 0 {
                return Err(StoreError::LastAdminKey);
            }
            remove(on, &known, &id).await
        })
        .await
    }

    /// Puts a new admin key in place of those with the same name and user; answers how many went.
    ///
    /// That is the server's own key, which is lost or has leaked. Other admins' keys stay: they belong to people, who
    /// can be asked, and the new key can revoke them.
    pub async fn replace_admin_key(&self, row: &KeyRow, lookup: &str, hash: &[u8; 32]) -> Result<u64, StoreError> {
        const FIND: &str = "SELECT id FROM api_keys WHERE role = 'admin' AND name = $1 AND user_name = $2 LIMIT 1";
        let (key, known) = (NewKey::of(row, lookup, hash), Arc::clone(self.key_cache()));
        self.write_anyway(async move |on: &mut WriteConnection| {
            let mut gone = 0;
            while let Some(row) = on.row(statement(FIND).bind(&key.row.name).bind(&key.row.actor.user)).await? {
                remove(on, &known, &Fields::of("api_keys", &row).parsed("id")?).await?;
                gone += 1;
            }
            insert(on, &key).await?;
            Ok(gone)
        })
        .await
    }

    /// Notes that a key was used, unless that was noted within the last hour.
    pub async fn note_key_use(&self, id: &KeyId, now: Millis) -> Result<(), StoreError> {
        const UPDATE: &str = "UPDATE api_keys SET last_used = $1 \
             WHERE id = $2 AND (last_used IS NULL OR last_used <= $3)";
        let key = id.clone();
        let noted = self.write(async move |on: &mut WriteConnection| {
            let before = now.saturating_sub(LAST_USE_STEP_MS);
            // No row: it was noted already, or the key was revoked meanwhile. Both are fine.
            on.execute(statement(UPDATE).bind(now).bind(key.as_str()).bind(before)).await?;
            Ok(())
        });
        noted.await?;
        self.key_cache().forget(id);
        Ok(())
    }
}

struct NewKey {
    row: KeyRow,
    lookup: String,
    hash: String,
}

impl NewKey {
    fn of(row: &KeyRow, lookup: &str, hash: &[u8; 32]) -> Self {
        Self { row: row.clone(), lookup: lookup.to_owned(), hash: hex::encode(hash) }
    }
}

/// Takes a key away that exists, from those that are kept in memory first.
async fn remove(on: &mut WriteConnection, known: &KeyCache, id: &KeyId) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM api_keys WHERE id = $1";
    known.remove(id);
    match on.execute(statement(DELETE).bind(id.as_str())).await? {
        1 => Ok(()),
        _ => Err(StoreError::NotFound),
    }
}

async fn insert(on: &mut WriteConnection, key: &NewKey) -> Result<(), StoreError> {
    const USER: &str = "INSERT INTO users (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    const PROJECT: &str = "INSERT INTO projects (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    const KEY: &str = "INSERT INTO api_keys \
         (id, lookup, hash, name, user_name, project, role, created_by, created, expires) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    let row = &key.row;
    // No row touched: the user or project is known already.
    on.execute(statement(USER).bind(&row.actor.user).bind(row.created)).await?;
    on.execute(statement(PROJECT).bind(&row.actor.project).bind(row.created)).await?;
    let query = statement(KEY)
        .bind(row.id.as_str())
        .bind(&key.lookup)
        .bind(&key.hash)
        .bind(&row.name)
        .bind(&row.actor.user)
        .bind(&row.actor.project)
        .bind(row.actor.role.as_str())
        .bind(&row.created_by)
        .bind(row.created)
        .bind(row.expires);
    match on.execute(query).await? {
        1 => Ok(()),
        _ => Err(StoreError::Exists),
    }
}

fn key_of(row: &Row) -> Result<KeyRow, StoreError> {
    let fields = Fields::of("api_keys", row);
    Ok(KeyRow {
        id: fields.parsed("id")?,
        name: fields.text("name")?,
        actor: Actor {
            user: fields.text("user_name")?,
            project: fields.text("project")?,
            role: fields.word("role", Role::parse)?,
        },
        created_by: fields.text("created_by")?,
        created: fields.number("created")?,
        expires: fields.get("expires")?,
        last_used: fields.get("last_used")?,
    })
}
