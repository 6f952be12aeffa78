//! Paths and addresses on this machine: the data directory of the server, the login file, the cache of the demo.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The socket for all accounts of this machine, where the packaged service has it. Only root can create a file there.
pub(crate) const PUBLIC_SOCKET: &str = "/run/trainyard/server.sock";

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

/// The socket on which a server answers its own user and root.
pub(crate) fn server_socket_file(data_dir: &Path) -> PathBuf {
    data_dir.join("server.sock")
}

/// The file to which a server writes its address once it listens.
pub(crate) fn server_url_file(data_dir: &Path) -> PathBuf {
    data_dir.join("server.url")
}

/// The file with the admin key of a server.
pub(crate) fn admin_key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("admin.key")
}

/// This program in a command for users to paste: its name if the shell finds it by that, else its path.
pub(crate) fn program() -> String {
    const NAME: &str = "trainyard";
    let Ok(own) = env::current_exe() else { return NAME.to_owned() };
    let is_own = |path: PathBuf| path.canonicalize().is_ok_and(|found| found == own);
    let on_path =
        env::var_os("PATH").and_then(|dirs| env::split_paths(&dirs).map(|dir| dir.join(NAME)).find(|it| it.is_file()));
    if on_path.is_some_and(is_own) { NAME.to_owned() } else { own.display().to_string() }
}

fn xdg(variable: &str, below_home: &str) -> PathBuf {
    let set = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    set.unwrap_or_else(|| home().join(below_home))
}

fn home() -> PathBuf {
    env::home_dir().filter(|home| !home.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("/"))
}
