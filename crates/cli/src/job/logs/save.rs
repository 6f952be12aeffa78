//! `job logs --save`: logs as files, byte by byte.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::Path,
};

use trainyard_api::{Client, pod::Pod};

use crate::{exit::Failure, out};

/// One worker's log as this file.
pub(super) async fn one(client: &Client, id: &str, worker: &Pod, path: &Path, force: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::because(&format!("cannot write {}", path.display()), error);
    let file = if force { File::create(path) } else { File::create_new(path) };
    let mut file = file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::Other(format!("{} is there already; --force writes over it", path.display()))
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

/// The logs of several workers as files of this directory, which is made.
pub(super) async fn all(client: &Client, id: &str, workers: &[Pod], dir: &Path, force: bool) -> Result<(), Failure> {
    let failed = |error| Failure::because(&format!("cannot make the directory {}", dir.display()), error);
    fs::create_dir_all(dir).map_err(failed)?;
    for worker in workers {
        let name = format!("attempt-{}-rank-{}.log", worker.attempt, worker.rank);
        one(client, id, worker, &dir.join(name), force).await?;
    }
    Ok(())
}
