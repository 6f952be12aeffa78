//! Accounts of this host: the user of a call that came over a Unix socket without an API key.
//!
//! Two kinds of sockets lead here. Only the server's own user and root can reach the socket in the data directory: they are
//! the administrator. Every account can reach the socket that the configuration names: the configuration maps accounts to
//! users. A process in another PID namespace, such as a worker or a container, must send a key on both.

#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc};

use tokio::sync::OnceCell;
use trainyard_domain::{
    access::{Actor, Role},
    text::ShortName,
};
use trainyard_engine::peer::{self, Peer};

use crate::{
    config::{AccountConfig, AccountTable, EVERY_OTHER},
    failure::Failure,
};

/// The user of the administrator and of the first admin key.
pub(crate) const ADMIN_USER: &str = "admin";
/// The project of calls for which nothing names another one.
pub(crate) const DEFAULT_PROJECT: &str = "default";

/// The reason why no account is the administrator while jobs run as the server's own user and are not isolated.
const NOT_APART: &str = "jobs of this server run as its own user and are not isolated (`trainyard centre show`), so an \
                         account proves nothing; send an API key, such as the one in admin.key of the data directory";

/// Which accounts may call without a key.
#[derive(Clone, Debug)]
pub struct Accounts {
    own_uid: u32,
    table: AccountTable,
    jobs_are_apart: bool,
}

/// Which of the server's sockets a process has connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The socket in the data directory.
    DataDir,
    /// A socket that every account can reach.
    Public,
}

/// Where a connection comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// An address of the network.
    Network(SocketAddr),
    /// A process of this host, over a Unix socket.
    Local(Arc<LocalPeer>),
}

/// The process at the other end of a connection over a Unix socket.
#[derive(Debug)]
pub struct LocalPeer {
    peer: Peer,
    door: Door,
    name: OnceCell<String>,
}

impl LocalPeer {
    /// The process that has connected to a socket of this kind.
    pub fn new(peer: Peer, door: Door) -> Self {
        Self { peer, door, name: OnceCell::new() }
    }

    /// The user id of its account.
    pub fn uid(&self) -> u32 {
        self.peer.uid
    }

    /// The name of its account, or `uid …` for a user id without a name.
    async fn account(&self) -> Result<&str, Failure> {
        let uid = self.uid();
        let look_up = async || {
            let found = tokio::task::spawn_blocking(move || peer::account_name(uid)).await;
            let found = found.unwrap_or_else(|error| Err(io::Error::other(error)));
            let found = found.map_err(|error| {
                Failure::Unavailable(format!("the host cannot say which account has uid {uid}: {error}"))
            })?;
            Ok(found.unwrap_or_else(|| format!("uid {uid}")))
        };
        self.name.get_or_try_init(look_up).await.map(String::as_str)
    }
}

impl Accounts {
    /// The accounts of a configuration. Jobs are apart if no job can reach the socket in the data directory.
    pub fn new(table: &AccountTable, jobs_are_apart: bool) -> Self {
        Self { own_uid: peer::own_uid(), table: table.clone(), jobs_are_apart }
    }

    /// The actor of a call without a key, and the name of the account.
    ///
    /// Errors: `Unauthorized` with what to do, or `Unavailable` if the host cannot name the account.
    pub async fn actor(&self, peer: &LocalPeer) -> Result<(Actor, String), Failure> {
        if !peer.peer.shares_pid_namespace {
            let why = "a process in another PID namespace, such as a job or a container, must send an API key";
            return Err(Failure::Unauthorized(why.into()));
        }
        if peer.uid() == self.own_uid && !self.jobs_are_apart {
            return Err(Failure::Unauthorized(NOT_APART.into()));
        }
        let account = peer.account().await?;
        self.decide(peer, account)
            .map(|actor| (actor, account.to_owned()))
            .map_err(|why| Failure::Unauthorized(why.into()))
    }

    fn decide(&self, peer: &LocalPeer, account: &str) -> Result<Actor, String> {
        let entry = self.table.get(account);
        let owns_server = peer.uid() == self.own_uid || peer.uid() == 0;
        if peer.door == Door::DataDir && owns_server {
            return Ok(actor(entry.unwrap_or(&AccountConfig::default()), ADMIN_USER, Role::Admin));
        }
        let entry = match entry {
            Some(entry) => entry,
            None if owns_server => {
                return Err(format!(
                    "{account} is the administrator only on the socket in the data directory; name that directory with \
                     --data-dir, or send an API key"
                ));
            }
            None => self.table.get(EVERY_OTHER).ok_or_else(|| unmapped(account))?,
        };
        if entry.user.is_none() && ShortName::parse(account).is_err() {
            return Err(unmapped(account));
        }
        Ok(actor(entry, account, Role::Member))
    }
}

fn actor(entry: &AccountConfig, user: &str, role: Role) -> Actor {
    Actor {
        user: entry.user.as_deref().unwrap_or(user).to_owned(),
        project: entry.project.as_deref().unwrap_or(DEFAULT_PROJECT).to_owned(),
        role: entry.role.unwrap_or(role),
    }
}

fn unmapped(account: &str) -> String {
    format!(
        "the account {account} has no user on this server; send an API key, or ask the administrator to map {account} in \
         [accounts] of the configuration"
    )
}
