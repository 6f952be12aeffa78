//! Creating a Unix socket on a path. The file of a server that was killed is replaced; that of a living server never is.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, Permissions},
    io::{self, ErrorKind},
    os::{
        fd::AsRawFd as _,
        unix::{
            ffi::OsStrExt as _,
            fs::{FileTypeExt as _, PermissionsExt as _},
            net::UnixListener as StdUnixListener,
        },
    },
    path::{Path, PathBuf},
};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with},
};
use tokio::net::UnixListener;

use crate::{accounts::Door, data_dir::file_error, failure::ServeError};

/// The kernel takes paths of fewer bytes as addresses of sockets.
const ADDRESS_BYTES: usize = 108;
/// What the name of a socket ends with until all accounts that may use it can.
const DRAFT: &str = ".new";

/// Creates a socket and gives it its name last, with the mode that its kind needs.
///
/// Error: `Files`, if another server listens there or the path has a file of another kind.
pub(super) fn bind(path: &Path, door: Door) -> Result<UnixListener, ServeError> {
    let created = check_directory(path, door).and_then(|()| Address::of(path)).and_then(|address| {
        check_unused(&address.path)?;
        let draft = address.with_suffix(DRAFT);
        remove(&draft)?;
        let listener = StdUnixListener::bind(&draft)?;
        let mode = match door {
            // Its directory lets no other account pass.
            Door::DataDir => 0o600,
            Door::Public => 0o666,
        };
        fs::set_permissions(&draft, Permissions::from_mode(mode))?;
        fs::rename(&draft, &address.path)?;
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    });
    created.map_err(file_error(path))
}

/// A path that is short enough for the address of a socket.
struct Address {
    path: PathBuf,
    /// The directory, if `path` leads through its descriptor.
    _dir: Option<File>,
}

impl Address {
    fn of(path: &Path) -> io::Result<Self> {
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(ErrorKind::InvalidInput, "is not the path of a socket"));
        };
        if path.as_os_str().as_bytes().len() + DRAFT.len() < ADDRESS_BYTES {
            return Ok(Self { path: path.to_owned(), _dir: None });
        }
        let dir = File::open(dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name);
        Ok(Self { path, _dir: Some(dir) })
    }

    fn with_suffix(&self, suffix: &str) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(suffix);
        path.into()
    }
}

/// Fails if other accounts could put a socket of their own in the place of a public one while the server is down.
fn check_directory(path: &Path, door: Door) -> io::Result<()> {
    let Some(dir) = path.parent().filter(|_| door == Door::Public) else { return Ok(()) };
    match fs::metadata(dir)?.permissions().mode() & 0o022 {
        0 => Ok(()),
        _ => Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "other accounts can write to the directory; choose one such as /run/trainyard, which only the server or root \
             can write to",
        )),
    }
}

/// Fails if a process listens on the path, or if it has a file that is no socket.
fn check_unused(path: &Path) -> io::Result<()> {
    let used = |why: &str| Err(io::Error::new(ErrorKind::AddrInUse, why.to_owned()));
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => return used("the path has a file that is no socket; remove it"),
        Ok(_) => {}
    }
    // Without waiting: the queue of a server that does not accept may be full.
    let socket =
        socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(()),
        Ok(()) | Err(Errno::AGAIN) => used("another process listens on this socket; stop it, or choose another path"),
        Err(error) => Err(error.into()),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
