//! API keys, and the users and projects that they name. Of a key's secret only its hash is here.
//!
//! A change that removes or changes a key's row also removes or invalidates the key in [`key_cache`].

mod key_cache;

use std::sync::Arc;

use trainyard_domain::{
    access::{Actor, Role},
    hex,
    id::KeyId,
    time::{Span, WallTime},
};

use crate::{
    Page, PageRequest, Store, StoreError, WriteConnection,
    rows::{Fields, Row, Table, only_number},
    sql::{Sql, sql, statement},
};
pub use key_cache::CachedKey;
pub(crate) use key_cache::KeyCache;

/// How stale the time of a key's last use may be: it is information for people, and a write per call would cost too much.
const LAST_USE_STEP: Span = Span::from_hours(1);

const KEYS: Table = Table { name: "api_keys", key: &["id"] };

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The id of the key; the text of the key does not contain it.
    pub id: KeyId,
    /// The purpose of the key, as its creator wrote it.
    pub name: String,
    /// The user, project and role of its calls.
    pub actor: Actor,
    /// The user that created the key.
    pub created_by: String,
    /// When the key was created, in Unix milliseconds.
    pub created: WallTime,
    /// When the key becomes invalid; `None` for a key without an end.
    pub expires: Option<WallTime>,
    /// When the key was last used, to the hour; only [`Store::note_key_use`] sets this.
    pub last_used: Option<WallTime>,
}

impl KeyRow {
    /// Whether a use now is worth a write.
    pub fn is_use_due(&self, now: WallTime) -> bool {
        self.last_used.is_none_or(|noted| noted <= now - LAST_USE_STEP)
    }
}

impl Store {
    /// Keeps a new key, and its user and project if they are new. `lookup` is the public part of its text.
    pub async fn insert_key(&self, row: &KeyRow, lookup: &str, hash: &[u8; 32]) -> Result<(), StoreError> {
        let key = NewKey::of(row, lookup, hash);
        self.write(async move |on: &mut WriteConnection| insert(on, &key).await).await
    }

    /// The key with this public part in its text, even if it has expired, with its hash, which the caller compares.
    pub async fn key_candidates(&self, lookup: &str) -> Result<Option<CachedKey>, StoreError> {
        const SELECT: Sql = sql!(
            "SELECT id, name, user_name, project, role, created_by, created, expires, last_used, hash \
             FROM api_keys WHERE lookup = $1"
        );
        if let Some(cached) = self.key_cache().get(lookup) {
            return Ok(Some(cached));
        }
        let read = |row: &Row<'_>| Ok(Arc::new((key_of(row)?, Fields::of(&KEYS, row).hash("hash")?)));
        let found = self.readers().row(statement(SELECT).bind(lookup), read).await?;
        if let Some(key) = &found {
            self.key_cache().insert(lookup, key);
        }
        Ok(found)
    }

    /// A page of all keys, newest first.
    pub async fn list_keys(&self, p: PageRequest) -> Result<Page<KeyRow>, StoreError> {
        const COUNT: Sql = sql!("SELECT count(*) AS total FROM api_keys");
        const SELECT: Sql = sql!(
            "SELECT id, name, user_name, project, role, created_by, created, expires, last_used \
             FROM api_keys ORDER BY created DESC, id DESC LIMIT $1 OFFSET $2"
        );
        let select = statement(SELECT).bind(p.limit()).bind(p.offset());
        self.readers().count_and_rows(statement(COUNT), select, key_of).await.map(Page::from)
    }

    /// Revokes a key, unless the time with a valid admin key became shorter: [`StoreError::LastAdminKey`]. So an admin key
    /// that is valid at `now` goes only if another one is valid for at least as long.
    pub async fn delete_key(&self, id: &KeyId, now: WallTime) -> Result<(), StoreError> {
        const OTHERS: Sql = sql!(
            "SELECT count(*) AS others FROM api_keys \
             WHERE role = 'admin' AND id <> $1 AND (expires IS NULL OR expires >= $2)"
        );
        const FIND: Sql = sql!("SELECT id, role, expires FROM api_keys WHERE id = $1");
        let (id, cache) = (id.clone(), Arc::clone(self.key_cache()));
        self.write_anyway(async move |on: &mut WriteConnection| {
            // Until when the key lets an admin in. A row that cannot be read lets no call pass, so it may be deleted.
            let valid_until = |row: &Row<'_>| {
                let key = Fields::of(&KEYS, row);
                let is_admin = key.word("role", Role::parse).is_ok_and(|role| role == Role::Admin);
                let expires = key.optional::<WallTime>("expires");
                let valid = expires.ok().filter(|expires| is_admin && expires.is_none_or(|expires| expires > now));
                Ok(valid.map(|expires| expires.unwrap_or(WallTime::from_ms(i64::MAX))))
            };
            let Some(valid_until) = on.row(statement(FIND).bind(id.as_str()), valid_until).await? else {
                return Err(StoreError::NotFound);
            };
            if let Some(end) = valid_until {
                let others = on.row(statement(OTHERS).bind(id.as_str()).bind(end), only_number).await?;
                if others.unwrap_or(0) == 0 {
                    return Err(StoreError::LastAdminKey);
                }
            }
            remove(on, &cache, &id).await
        })
        .await
    }

    /// Replaces the admin keys with the same name and user by a new one; returns how many it replaced.
    ///
    /// Used for the server's own key, after it was lost or leaked. The keys of other admins stay; the new key can
    /// revoke them.
    pub async fn replace_admin_key(&self, row: &KeyRow, lookup: &str, hash: &[u8; 32]) -> Result<u64, StoreError> {
        const FIND: Sql = sql!("SELECT id FROM api_keys WHERE role = 'admin' AND name = $1 AND user_name = $2 LIMIT 1");
        let (key, cache) = (NewKey::of(row, lookup, hash), Arc::clone(self.key_cache()));
        self.write_anyway(async move |on: &mut WriteConnection| {
            let find = || statement(FIND).bind(&key.row.name).bind(&key.row.actor.user);
            let mut replaced = 0;
            while let Some(id) = on.row(find(), |row| Fields::of(&KEYS, row).parsed("id")).await? {
                remove(on, &cache, &id).await?;
                replaced += 1;
            }
            insert(on, &key).await?;
            Ok(replaced)
        })
        .await
    }

    /// Writes down that a key was used, unless that was done within the last hour.
    pub async fn note_key_use(&self, id: &KeyId, now: WallTime) -> Result<(), StoreError> {
        const UPDATE: Sql =
            sql!("UPDATE api_keys SET last_used = $1 WHERE id = $2 AND (last_used IS NULL OR last_used <= $3)");
        let key = id.clone();
        let noted = self.write(async move |on: &mut WriteConnection| {
            let before = now - LAST_USE_STEP;
            // No row: another call did it, or the key was revoked meanwhile. Both are fine.
            on.execute(statement(UPDATE).bind(now).bind(key.as_str()).bind(before)).await?;
            Ok(())
        });
        noted.await?;
        self.key_cache().invalidate(id);
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

/// Removes a key that exists, from the cache first.
async fn remove(on: &mut WriteConnection, cache: &KeyCache, id: &KeyId) -> Result<(), StoreError> {
    const DELETE: Sql = sql!("DELETE FROM api_keys WHERE id = $1");
    cache.remove(id);
    match on.execute(statement(DELETE).bind(id.as_str())).await? {
        1 => Ok(()),
        _ => Err(StoreError::NotFound),
    }
}

async fn insert(on: &mut WriteConnection, key: &NewKey) -> Result<(), StoreError> {
    const USER: Sql = sql!("INSERT INTO users (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
    const PROJECT: Sql = sql!("INSERT INTO projects (name, created) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
    const KEY: Sql = sql!(
        "INSERT INTO api_keys (id, lookup, hash, name, user_name, project, role, created_by, created, expires) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"
    );
    let row = &key.row;
    // No row changed: the user or project exists already.
    on.execute(statement(USER).bind(&row.actor.user).bind(row.created)).await?;
    on.execute(statement(PROJECT).bind(&row.actor.project).bind(row.created)).await?;
    let insert = statement(KEY)
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
    match on.execute(insert).await? {
        1 => Ok(()),
        _ => Err(StoreError::Exists),
    }
}

fn key_of(row: &Row<'_>) -> Result<KeyRow, StoreError> {
    let fields = Fields::of(&KEYS, row);
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
        expires: fields.optional("expires")?,
        last_used: fields.optional("last_used")?,
    })
}
