//! The sender of a call: its rights, and the credential that proves them.

use std::{fmt, ops::Deref};

use trainyard_domain::{access::Actor, id::KeyId};

use crate::{
    App,
    accounts::Origin,
    failure::Failure,
    keys::{self, Credential},
};

/// The sender of a call. It dereferences to the actor, which has the rights.
#[derive(Clone, Debug)]
pub struct Caller {
    actor: Actor,
    proof: Proof,
    /// Where the call came from, if the server knows it.
    pub origin: Option<Origin>,
}

/// What a caller proved its identity with.
#[derive(Clone, Debug)]
enum Proof {
    Key(Credential),
    /// The name of an account of this host.
    Account(String),
}

/// The identity that a caller proved, for records and counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The API key with this id.
    Key(KeyId),
    /// The account of this host with this name.
    Account(String),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key {id}"),
            Self::Account(name) => write!(f, "account {name}"),
        }
    }
}

impl Deref for Caller {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.actor
    }
}

impl Caller {
    /// The caller with this API key.
    ///
    /// Errors: `Unauthorized`.
    pub async fn by_key(app: &App, key: &str, origin: Option<Origin>) -> Result<Self, Failure> {
        let credential = keys::authenticate(app, key).await?;
        Ok(Self { actor: credential.actor.clone(), proof: Proof::Key(credential), origin })
    }

    /// The caller without a key, by the account of its process; `None` for a caller from the network.
    ///
    /// Errors: `Unauthorized`, with what to do.
    pub async fn by_account(app: &App, origin: Option<Origin>) -> Result<Option<Self>, Failure> {
        let Some(Origin::Local(peer)) = &origin else { return Ok(None) };
        let (actor, account) = app.accounts.actor(peer).await?;
        Ok(Some(Self { actor, proof: Proof::Account(account), origin }))
    }

    /// The identity that the caller proved.
    pub fn identity(&self) -> Identity {
        match &self.proof {
            Proof::Key(credential) => Identity::Key(credential.id.clone()),
            Proof::Account(name) => Identity::Account(name.clone()),
        }
    }

    /// Resolves when the caller loses its rights, with the failure that says why. An account has its rights for as long as
    /// the server runs.
    pub async fn ended(self, app: App) -> Failure {
        match self.proof {
            Proof::Key(credential) => credential.ended(app).await,
            Proof::Account(_) => std::future::pending().await,
        }
    }
}
