//! The lock that lets one server use a data directory. The kernel releases it when its holder ends, in any way.
//!
//! A server that is killed while it starts a process leaves a forked copy of itself, which holds the lock until it has
//! become that process. So a server waits for the lock if the recorded holder is dead.

#[cfg(test)]
mod tests;

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use tokio::time::{Instant, sleep};

use super::file_error;
use crate::failure::ServeError;

const LOCK_FILE: &str = "server.lock";
/// How long a server waits for the lock of a dead holder.
const DEAD_HOLDER_TIMEOUT: Duration = Duration::from_secs(5);
/// The time between two attempts to take the lock.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// Creates the data directory and takes its lock.
///
/// Errors: `InUse` if another server holds the lock; `Files` if the directory cannot be used.
pub(crate) async fn acquire(data_dir: &Path) -> Result<File, ServeError> {
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(file_error(data_dir))?;
    std::fs::set_permissions(data_dir, Permissions::from_mode(0o700)).map_err(file_error(data_dir))?;
    let path = data_dir.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(file_error(&path))?;
    let deadline = Instant::now() + DEAD_HOLDER_TIMEOUT;
    while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let holder = read_holder(&mut file).map_err(file_error(&path))?;
        if is_alive(&holder) || Instant::now() >= deadline {
            return Err(ServeError::InUse { path: data_dir.to_owned(), holder });
        }
        sleep(RETRY_INTERVAL).await;
    }
    write_holder(&mut file).map_err(file_error(&path))?;
    Ok(file)
}

/// Releases the lock. Closing the file is not enough while a process that is just being started holds a copy of it.
pub(crate) fn release(file: &File) {
    // After an error, the lock ends with this process.
    let _ = flock(file, FlockOperation::Unlock);
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "process {}", std::process::id())
}

/// The line that the holder wrote: `process` and its id.
fn read_holder(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

/// Whether the holder's process exists and has not ended; true if that is unknown.
fn is_alive(holder: &str) -> bool {
    let Some(pid) = holder.strip_prefix("process ").and_then(|pid| pid.parse::<u32>().ok()) else { return true };
    match std::fs::read(format!("/proc/{pid}/stat")) {
        Ok(stat) => {
            let stat = String::from_utf8_lossy(&stat);
            let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
            !matches!(state, Some('Z' | 'X'))
        }
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}
