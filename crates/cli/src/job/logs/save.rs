//! `job logs --save`: saves logs as files, unchanged.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::Path,
};

use trainyard_api::{Client, pod::Pod};

use crate::{exit::Failure, out};

/// Saves the log of one worker. Overwrites an existing file only with `force`.
pub(super) async fn one(client: &Client, id: &str, worker: &Pod, path: &Path, force: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::because(&format!("cannot write {}", path.display()), error);
    let file = if force { File::create(path) } else { File::create_new(path) };
    let mut file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::Other(format!("{} exists already; use --force to overwrite it", path.display()))
        }
        _ => failed(error),
    })?;
    let mut log = client.log_raw(id, &worker.pod_name, Some(worker.attempt)).await?;
    let mut size = 0;
    while let Some(piece) = log.next().await? {
        file.write_all(&piece).map_err(failed)?;
        size += piece.len();
    }
    out::note(&format!("{}: {size} bytes", path.display()));
    Ok(())
}

/// Saves the logs of several workers in a directory, which is created if needed.
pub(super) async fn all(client: &Client, id: &str, workers: &[Pod], dir: &Path, force: bool) -> Result<(), Failure> {
    let failed = |error| Failure::because(&format!("cannot create the directory {}", dir.display()), error);
    fs::create_dir_all(dir).map_err(failed)?;
    for worker in workers {
        let name = format!("attempt-{}-rank-{}.log", worker.attempt, worker.rank);
        one(client, id, worker, &dir.join(name), force).await?;
    }
    Ok(())
}
