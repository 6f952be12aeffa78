//! Which server to call, and with which key.
//!
//! A key is sent only to the server it belongs to: the one it was remembered with, or the one in whose data directory it
//! lies. Only `TRAINYARD_API_KEY` goes wherever the command is told to go.

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

/// A client for the server that the command line, the environment, the login or this machine names.
pub(crate) fn client(options: &GlobalOptions) -> Result<Client, Failure> {
    let data_dir = options.data_dir.clone().unwrap_or_else(paths::default_data_dir);
    let found = Found {
        server: options.server.clone(),
        key: std::env::var("TRAINYARD_API_KEY").ok().filter(|key| !key.trim().is_empty()),
        login: login_file::read()?,
        local: Local::read(&data_dir),
        local_wanted: options.data_dir.is_some(),
    };
    let target = choose(found).map_err(Failure::Usage)?;
    Ok(Client::new(&target.server, &target.key)?)
}

/// Address of the server that would be called, whether there is a key for it or not.
pub(crate) fn address(options: &GlobalOptions) -> Result<String, Failure> {
    let data_dir = options.data_dir.clone().unwrap_or_else(paths::default_data_dir);
    let local = Local::read(&data_dir);
    let known = options.server.clone().or(local.url).or(login_file::read()?.map(|login| login.server));
    Ok(known.unwrap_or_else(|| paths::DEFAULT_ADDRESS.to_owned()))
}

/// What the files of this machine's own server say.
#[derive(Clone, Debug, Default)]
struct Local {
    url: Option<String>,
    key: Option<String>,
}

impl Local {
    /// Files that are absent or not for this user say nothing.
    fn read(data_dir: &Path) -> Self {
        let text = |path| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
        Self { url: text(paths::server_url_file(data_dir)), key: text(paths::admin_key_file(data_dir)) }
    }
}

/// Everything that may name a server or a key.
#[derive(Clone, Debug, Default)]
struct Found {
    server: Option<String>,
    key: Option<String>,
    login: Option<Login>,
    local: Local,
    local_wanted: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Target {
    server: String,
    key: String,
}

fn choose(found: Found) -> Result<Target, String> {
    let Found { server, key, login, local, local_wanted } = found;
    let wanted = server.or_else(|| local.url.clone().filter(|_| local_wanted));
    let server = wanted
        .or_else(|| login.as_ref().filter(|_| !local_wanted).map(|login| login.server.clone()))
        .or_else(|| local.url.clone())
        .unwrap_or_else(|| paths::DEFAULT_ADDRESS.to_owned());
    let is_local = match &local.url {
        Some(url) => same(url, &server),
        None => same(paths::DEFAULT_ADDRESS, &server),
    };
    let login_key = login.filter(|login| same(&login.server, &server)).map(|login| login.key);
    let local_key = local.key.filter(|_| is_local);
    let kept = match local_wanted {
        true => local_key.or(login_key),
        false => login_key.or(local_key),
    };
    match key.or(kept) {
        Some(key) => Ok(Target { server, key }),
        None => Err(format!(
            "there is no API key for {server}: set TRAINYARD_API_KEY, run `trainyard login {server}`, \
             or name the data directory of this machine's server with --data-dir"
        )),
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}
