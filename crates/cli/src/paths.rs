//! Paths and addresses on this machine: the data directory of the server, the login file, the cache of the demo.

use std::{
    env,
    path::{Path, PathBuf},
};

/// Address on which a server listens by default.
pub(crate) const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8470";

/// The data directory that a server uses by default.
pub(crate) fn default_data_dir() -> PathBuf {
    match rustix::process::geteuid().is_root() {
        true => PathBuf::from("/var/lib/trainyard"),
        false => home().join(".local/share/trainyard"),
    }
}

/// The file in which `login` saves the server and the key.
pub(crate) fn login_file() -> PathBuf {
    xdg("XDG_CONFIG_HOME", ".config").join("trainyard/login.toml")
}

/// The directory for files that the demo can create again at any time.
pub(crate) fn cache_dir() -> PathBuf {
    xdg("XDG_CACHE_HOME", ".cache").join("trainyard")
}

/// The file to which a server writes its address once it listens.
pub(crate) fn server_url_file(data_dir: &Path) -> PathBuf {
    data_dir.join("server.url")
}

/// The file with the admin key of a server.
pub(crate) fn admin_key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.key")
}

fn xdg(variable: &str, below_home: &str) -> PathBuf {
    let set = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    set.unwrap_or_else(|| home().join(below_home))
}

fn home() -> PathBuf {
    env::home_dir().filter(|home| !home.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("/"))
}
