//! Choosing the server to call and the key to send.
//!
//! Commands call the server of this machine over its Unix socket, where they need no key and no other process can take the
//! server's place. A saved key is sent only to its own server. Only `TRAINYARD_API_KEY` is sent to any server that the user
//! names. The admin key of a data directory is sent only over the socket in that directory.

#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use trainyard_api::{Access, Client, ClientError};

use crate::{
    exit::Failure,
    login_file::{self, Login},
    options::GlobalOptions,
    paths,
};

/// A client for the server that the options, the environment, the login file or this machine names.
pub(crate) fn client(options: &GlobalOptions) -> Result<Client, Failure> {
    let target = choose(Sources::read(options)?)?;
    let Target { address, key, key_if_refused } = &target;
    let (key, key_if_refused) = (key.as_deref(), key_if_refused.as_deref());
    Ok(Client::with_access(Access { address, key, key_if_refused })?)
}

/// The address of the server that `client` would call, even if no key is known for it.
pub(crate) fn address(options: &GlobalOptions) -> Result<String, Failure> {
    choose_address(&Sources::read(options)?)
}

/// What the data directory of this machine's server says about it.
#[derive(Clone, Debug, Default)]
struct Local {
    dir: PathBuf,
    /// The address of the server's socket, if its file exists.
    socket: Option<String>,
    /// The address on the network.
    url: Option<String>,
    key: Option<String>,
}

impl Local {
    /// Ignores files that do not exist or that this user cannot read.
    fn read(dir: PathBuf) -> Self {
        let text = |path| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        Self {
            socket: existing_socket(&paths::server_socket_file(&dir)),
            url: text(paths::server_url_file(&dir)),
            key: text(paths::admin_key_file(&dir)),
            dir,
        }
    }

    /// The socket, if this address is that of the same server.
    fn socket_of(&self, address: &str) -> Option<&String> {
        let names = [self.url.as_ref(), self.socket.as_ref()];
        let is_known = names.into_iter().flatten().any(|known| same(known, address));
        self.socket.as_ref().filter(|_| is_known)
    }
}

fn existing_socket(path: &Path) -> Option<String> {
    fs::symlink_metadata(path).is_ok().then(|| format!("unix:{}", path.display()))
}

/// Everything that can name a server or a key.
#[derive(Clone, Debug, Default)]
struct Sources {
    server: Option<String>,
    key: Option<String>,
    login: Option<Login>,
    local: Local,
    /// The socket for all accounts of this machine, if its file exists.
    public_socket: Option<String>,
    /// Whether `--data-dir` or its variable is set; then the local server takes precedence over the login.
    data_dir_named: bool,
}

impl Sources {
    fn read(options: &GlobalOptions) -> Result<Self, Failure> {
        let data_dir = options.data_dir.clone().unwrap_or_else(paths::default_data_dir);
        let data_dir = std::path::absolute(&data_dir).unwrap_or(data_dir);
        Ok(Self {
            server: options.server.clone(),
            key: std::env::var("TRAINYARD_API_KEY").ok().filter(|key| !key.trim().is_empty()),
            login: login_file::read()?,
            local: Local::read(data_dir),
            public_socket: existing_socket(Path::new(paths::PUBLIC_SOCKET)),
            data_dir_named: options.data_dir.is_some(),
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Target {
    address: String,
    key: Option<String>,
    key_if_refused: Option<String>,
}

fn choose(sources: Sources) -> Result<Target, Failure> {
    let address = choose_address(&sources)?;
    let Sources { key, login, local, data_dir_named, .. } = sources;
    let login_key = login.filter(|login| same(&login.server, &address)).map(|login| login.key);
    if let Some(socket) = local.socket_of(&address) {
        let key = key.or(login_key.filter(|_| !data_dir_named));
        // A key that the user chose is never exchanged for another one.
        let key_if_refused = local.key.clone().filter(|_| key.is_none());
        return Ok(Target { address: socket.clone(), key, key_if_refused });
    }
    match key.or(login_key) {
        None if !address.starts_with("unix:") => Err(Failure::Usage(format!(
            "no API key for {address}: set TRAINYARD_API_KEY, run `trainyard login {address}`, \
             or name the data directory of this machine's server with --data-dir"
        ))),
        key => Ok(Target { address, key, key_if_refused: None }),
    }
}

/// The server by the address that names it; `choose` takes its socket if that is known.
fn choose_address(sources: &Sources) -> Result<String, Failure> {
    let Sources { server, login, local, public_socket, data_dir_named, .. } = sources;
    let named = server.as_ref().or_else(|| local.socket.as_ref().filter(|_| *data_dir_named));
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let dir = local.dir.display();
    let missing = |why| Failure::Call(ClientError::Unreachable { address: "this machine".to_owned(), why });
    if *data_dir_named {
        return Err(missing(format!("no server runs on {dir}; start it with `trainyard serve --data-dir {dir}`")));
    }
    let known = login.as_ref().map(|login| &login.server).or(local.socket.as_ref()).or(public_socket.as_ref());
    known.cloned().ok_or_else(|| {
        missing(format!(
            "there is no server's socket in {dir} and none at {}; start a server with `trainyard serve`, or name one with \
             --server or `trainyard login URL`",
            paths::PUBLIC_SOCKET
        ))
    })
}

fn same(one: &str, other: &str) -> bool {
    if one.starts_with("unix:") {
        return one == other;
    }
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}
