//! The key that a call came with, for calls that last: a stream ends when its key does.

use std::time::Duration;

use subtle::ConstantTimeEq as _;
use trainyard_domain::{access::Actor, id::KeyId, time::WallTime};
use trainyard_store::{CachedKey, KeyRow};

use crate::{App, failure::Failure};

/// How often a stream looks whether its key is still valid. The look is at memory alone.
const PERIOD: Duration = Duration::from_millis(250);

/// A valid key that a caller has sent.
#[derive(Clone)]
pub struct Credential {
    /// The id of the key.
    pub id: KeyId,
    lookup: String,
    hash: [u8; 32],
    /// The user, project and role of the key at the call.
    pub actor: Actor,
}

/// Shows neither the key nor its hash.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("id", &self.id).field("actor", &self.actor).finish_non_exhaustive()
    }
}

/// Why a key is not valid.
pub(super) enum Invalid {
    /// No row has it.
    Unknown,
    Expired,
}

/// Finds the row of a key.
///
/// Errors: those of the store.
pub(super) async fn find(app: &App, lookup: &str, hash: &[u8; 32]) -> Result<Result<CachedKey, Invalid>, Failure> {
    let Some(found) = app.store.key_candidates(lookup).await? else {
        return Ok(Err(Invalid::Unknown));
    };
    let (row, stored) = &*found;
    if !bool::from(stored.ct_eq(hash)) {
        return Ok(Err(Invalid::Unknown));
    }
    Ok(if has_expired(row, app.clock.now()) { Err(Invalid::Expired) } else { Ok(found) })
}

fn has_expired(row: &KeyRow, now: WallTime) -> bool {
    row.expires.is_some_and(|end| end <= now)
}

impl Credential {
    pub(super) fn new(id: KeyId, lookup: &str, hash: [u8; 32], actor: Actor) -> Self {
        Self { id, lookup: lookup.to_owned(), hash, actor }
    }

    /// Resolves when the key is revoked, expires or gets other rights, with the failure that says which of these.
    pub async fn ended(self, app: App) -> Failure {
        loop {
            match find(&app, &self.lookup, &self.hash).await {
                Ok(Ok(found)) if found.0.actor == self.actor => {}
                Ok(Ok(_)) => {
                    return Failure::Unauthorized("the user, project or role of the API key was changed".into());
                }
                Ok(Err(Invalid::Unknown)) => return Failure::Unauthorized("the API key was revoked".into()),
                Ok(Err(Invalid::Expired)) => return Failure::Unauthorized("the API key has expired".into()),
                Err(error) => tracing::debug!("cannot look whether the key of a stream is valid: {error}"),
            }
            tokio::time::sleep(PERIOD).await;
        }
    }
}
