//! Where things lie on this machine: the server's data directory, the login file, the demo's cache.

use std::{
    env,
    path::{Path, PathBuf},
};

/// Address that a server listens on unless told otherwise.
pub(crate) const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8470";

/// The data directory of a server started without naming one.
pub(crate) fn default_data_dir() -> PathBuf {
    match rustix::process::geteuid().is_root() {
        true => PathBuf::from("/var/lib/trainyard"),
        false => home().join(".local/share/trainyard"),
    }
}

/// The file in which `login` remembers server and key.
pub(crate) fn login_file() -> PathBuf {
    xdg("XDG_CONFIG_HOME", ".config").join("trainyard/login.toml")
}

/// What can be made again at any time.
pub(crate) fn cache_dir() -> PathBuf {
    xdg("XDG_CACHE_HOME", ".cache").join("trainyard")
}

/// The address of the server with this data directory, which it writes once it listens.
pub(crate) fn server_url_file(data_dir: &Path) -> PathBuf {
    data_dir.join("server.url")
}

/// The admin key of the server with this data directory.
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
