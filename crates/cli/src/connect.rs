//! Choosing the server to call and the key to send.
//!
//! A key is sent only to its own server: the server of the same login, or the server of the same data directory. Only
//! `TRAINYARD_API_KEY` is sent to any server that the user names.

#[cfg(test)]
mod tests;

use std::{fs, path::Path};

use trainyard_api::Client;

use crate::{
    exit::Failure,
    login_file::{self, Login},
    options::GlobalOptions,
    paths,
};

/// A client for the server that the options, the environment, the login file or the data directory names.
pub(crate) fn client(options: &GlobalOptions) -> Result<Client, Failure> {
    let data_dir = options.data_dir.clone().unwrap_or_else(paths::default_data_dir);
    let sources = Sources {
        server: options.server.clone(),
        key: std::env::var("TRAINYARD_API_KEY").ok().filter(|key| !key.trim().is_empty()),
        login: login_file::read()?,
        local: Local::read(&data_dir),
        data_dir_named: options.data_dir.is_some(),
    };
    let target = choose(sources).map_err(Failure::Usage)?;
    Ok(Client::new(&target.server, &target.key)?)
}

/// The address of the server that `client` would call, even if no key is known for it.
pub(crate) fn address(options: &GlobalOptions) -> Result<String, Failure> {
    let data_dir = options.data_dir.clone().unwrap_or_else(paths::default_data_dir);
    let local = Local::read(&data_dir);
    let known = options.server.clone().or(local.url).or(login_file::read()?.map(|login| login.server));
    Ok(known.unwrap_or_else(|| paths::DEFAULT_ADDRESS.to_owned()))
}

/// Address and key in the data directory of this machine's server.
#[derive(Clone, Debug, Default)]
struct Local {
    url: Option<String>,
    key: Option<String>,
}

impl Local {
    /// Ignores files that do not exist or that this user cannot read.
    fn read(data_dir: &Path) -> Self {
        let text = |path| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        Self { url: text(paths::server_url_file(data_dir)), key: text(paths::admin_key_file(data_dir)) }
    }
}

/// Everything that can name a server or a key.
#[derive(Clone, Debug, Default)]
struct Sources {
    server: Option<String>,
    key: Option<String>,
    login: Option<Login>,
    local: Local,
    /// Whether `--data-dir` or its variable is set; then the local server takes precedence over the login.
    data_dir_named: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Target {
    server: String,
    key: String,
}

fn choose(sources: Sources) -> Result<Target, String> {
    let Sources { server, key, login, local, data_dir_named } = sources;
    let named = server.or_else(|| local.url.clone().filter(|_| data_dir_named));
    let server = named
        .or_else(|| login.as_ref().filter(|_| !data_dir_named).map(|login| login.server.clone()))
        .or_else(|| local.url.clone())
        .unwrap_or_else(|| paths::DEFAULT_ADDRESS.to_owned());
    let is_local = match &local.url {
        Some(url) => same(url, &server),
        None => same(paths::DEFAULT_ADDRESS, &server),
    };
    let login_key = login.filter(|login| same(&login.server, &server)).map(|login| login.key);
    let local_key = local.key.filter(|_| is_local);
    let saved_key = match data_dir_named {
        true => local_key.or(login_key),
        false => login_key.or(local_key),
    };
    match key.or(saved_key) {
        Some(key) => Ok(Target { server, key }),
        None => Err(format!(
            "no API key for {server}: set TRAINYARD_API_KEY, run `trainyard login {server}`, \
             or name the data directory of this machine's server with --data-dir"
        )),
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}
