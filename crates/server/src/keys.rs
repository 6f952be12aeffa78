//! API keys: their form, authentication by a key, their creation and revocation, and the first admin key.
//!
//! A key's text is `tyk_`, eight hexadecimal digits for the look-up, `_`, and 32 random bytes in hexadecimal digits.
//! The store holds only the look-up digits and the SHA-256 of the whole text.

mod credential;

pub use credential::Credential;

use std::{
    borrow::Cow,
    io::{IsTerminal as _, Write as _},
    path::Path,
};

use sha2::{Digest as _, Sha256};
use trainyard_domain::{
    access::{Action, Actor, Role},
    fault::{Fault, FaultCode},
    hex,
    id::KeyId,
    text::{Name, ShortName},
    time::WallTime,
};
use trainyard_store::{KeyRow, Page, PageRequest, Store, StoreError};

use crate::{
    App,
    accounts::{ADMIN_USER, DEFAULT_PROJECT},
    app::allow,
    clock::{Clock, new_id, random},
    data_dir::{ADMIN_KEY_FILE, DATABASE, lock, write_private},
    failure::Failure,
};

const PREFIX: &str = "tyk_";

/// The text of a key. `Debug` prints stars.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl KeyText {
    fn new() -> Result<Self, getrandom::Error> {
        Ok(Self(format!("{PREFIX}{}_{}", hex::encode(&random::<4>()?), hex::encode(&random::<32>()?))))
    }

    /// The secret text, for the response of the creation and for the admin key's file.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn lookup(&self) -> &str {
        lookup(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

fn lookup(text: &str) -> Option<&str> {
    let (lookup, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    (hex::decode::<4>(lookup).is_some() && hex::decode::<32>(secret).is_some()).then_some(lookup)
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The credential of a caller that sent this key.
///
/// Errors: `Unauthorized`, with the same message for an unknown, a revoked and an expired key.
pub async fn authenticate(app: &App, text: &str) -> Result<Credential, Failure> {
    const REFUSED: Failure = Failure::Unauthorized(Cow::Borrowed("the API key is unknown, expired or revoked"));
    let Some(lookup) = lookup(text) else {
        return Err(REFUSED);
    };
    let sent = hash(text);
    let Ok(found) = credential::find(app, lookup, &sent).await? else {
        return Err(REFUSED);
    };
    let (row, now) = (&found.0, app.clock.now());
    if row.is_use_due(now)
        && let Err(error) = app.store.note_key_use(&row.id, now).await
    {
        // The key is valid even if its use cannot be written, for example because the disk is full.
        tracing::warn!(key = %row.id, "cannot write the time of the key's last use: {error}");
    }
    Ok(Credential::new(row.id.clone(), lookup, sent, row.actor.clone()))
}

/// The fields of a new key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The purpose of the key, in the admin's words.
    pub name: Name,
    /// The user that the key belongs to.
    pub user: ShortName,
    /// The project in which the key works.
    pub project: ShortName,
    /// The role that decides what the key may do.
    pub role: Role,
    /// The time from which the key is refused; `None` for a key that does not expire.
    pub expires: Option<WallTime>,
}

/// Creates a key. The returned text is stored nowhere.
///
/// Errors: `Forbidden`, `BadBody` if the jobs of this user would run as root.
pub async fn create(app: &App, actor: &Actor, new: NewKey) -> Result<(KeyText, KeyRow), Failure> {
    allow(actor, Action::ManageKeys)?;
    if let Some(message) = app.centres.refuses_other_users().filter(|_| new.user.as_str() != actor.user) {
        let fault = Fault { path: "user".to_owned(), code: FaultCode::NotSupported, message };
        return Err(Failure::BadBody(vec![fault]));
    }
    let text = KeyText::new()?;
    let now = app.clock.now();
    let row = KeyRow {
        id: KeyId::from_random(new_id(now)?),
        name: new.name.as_str().to_owned(),
        actor: Actor { user: new.user.as_str().to_owned(), project: new.project.as_str().to_owned(), role: new.role },
        created_by: actor.user.clone(),
        created: now,
        expires: new.expires,
        last_used: None,
    };
    app.store.insert_key(&row, text.lookup(), &hash(text.reveal())).await?;
    Ok((text, row))
}

/// A page of all keys, without their texts.
///
/// Errors: `Forbidden`.
pub async fn list(app: &App, actor: &Actor, page: PageRequest) -> Result<Page<KeyRow>, Failure> {
    allow(actor, Action::ManageKeys)?;
    Ok(app.store.list_keys(page).await?)
}

/// Revokes a key; the next call with it is refused.
///
/// Errors: `Forbidden`, `NotFound`, `LastAdminKey`.
pub async fn revoke(app: &App, actor: &Actor, id: &str) -> Result<(), Failure> {
    allow(actor, Action::ManageKeys)?;
    let missing = || Failure::not_found("key", id);
    let key: KeyId = id.parse().map_err(|_| missing())?;
    match app.store.delete_key(&key, app.clock.now()).await {
        Err(StoreError::NotFound) => Err(missing()),
        other => Ok(other?),
    }
}

fn first_admin(clock: &Clock) -> Result<(KeyText, KeyRow), Failure> {
    let now = clock.now();
    let row = KeyRow {
        id: KeyId::from_random(new_id(now)?),
        name: "first admin key".to_owned(),
        actor: Actor { user: ADMIN_USER.to_owned(), project: DEFAULT_PROJECT.to_owned(), role: Role::Admin },
        created_by: "system".to_owned(),
        created: now,
        expires: None,
        last_used: None,
    };
    Ok((KeyText::new()?, row))
}

/// Creates the first admin key if the server has no keys at all, and writes it to the data directory.
///
/// Fails if the store or the file cannot be written.
pub async fn ensure_admin(store: &Store, clock: &Clock, data_dir: &Path) -> Result<(), Failure> {
    let keys = store.list_keys(PageRequest { number: 1, size: 1 }).await?;
    if keys.total > 0 {
        return Ok(());
    }
    let (text, row) = first_admin(clock)?;
    // The file first: a stored key without its file would lock out the admin. A file without its stored key does no
    // harm, since the next start replaces it.
    write_admin_key(data_dir, &text)?;
    store.insert_key(&row, text.lookup(), &hash(text.reveal())).await?;
    let path = data_dir.join(ADMIN_KEY_FILE);
    tracing::info!("created the first admin key in {}", path.display());
    if std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr(), "the first admin key: {}", text.reveal());
    }
    Ok(())
}

/// Replaces the first admin key of a stopped server and returns the path of its file.
///
/// Fails if a server runs on the data directory, or if the directory cannot be written.
pub async fn reset_admin(data_dir: &Path) -> Result<std::path::PathBuf, Failure> {
    let clock = Clock::system();
    let _lock = lock::acquire(data_dir).await.map_err(|error| Failure::Unavailable(error.to_string()))?;
    let store = Store::open(&data_dir.join(DATABASE)).await?;
    let (text, row) = first_admin(&clock)?;
    store.replace_admin_key(&row, text.lookup(), &hash(text.reveal())).await?;
    store.close().await;
    write_admin_key(data_dir, &text)?;
    Ok(data_dir.join(ADMIN_KEY_FILE))
}

/// Writes the only plain-text copy of the key.
fn write_admin_key(data_dir: &Path, text: &KeyText) -> Result<(), Failure> {
    let path = data_dir.join(ADMIN_KEY_FILE);
    let written = write_private(&path, text.reveal());
    written.map_err(|error| Failure::Internal(format!("cannot write {}: {error}", path.display())))
}
