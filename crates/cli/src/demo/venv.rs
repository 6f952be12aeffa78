//! The virtual environment for MPI: created once and reused; created again if it is incomplete or out of date.
//!
//! The last file written marks it as complete and holds its requirements. A lock excludes two demos at the same time.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use super::{own_server, python, step};
use crate::exit::Failure;

const MPI_REQUIREMENTS: &str = include_str!("../../../../examples/requirements/digits-mpi.txt");
const LIMIT: Duration = Duration::from_secs(15 * 60);
const RETRY: Duration = Duration::from_millis(200);

/// Prepares the environment and returns its Python.
pub(super) async fn ready(cache: &Path) -> Result<PathBuf, Failure> {
    let dir = cache.join("digits-mpi");
    let python = dir.join("bin/python");
    fs::create_dir_all(cache)
        .map_err(|error| Failure::because(&format!("cannot create {}", cache.display()), error))?;
    let _lock = lock(&cache.join("digits-mpi.lock")).await?;
    if is_complete(&dir) && python::runs(&python, "import mpi4py, numpy").await {
        step(&format!("NumPy and MPI: {} (created earlier)", dir.display()))?;
        return Ok(python);
    }
    let base = python::with_venv().await.ok_or_else(|| Failure::Other(python::NO_VENV.to_owned()))?;
    step(&format!(
        "creating a virtual environment with NumPy and MPI from PyPI in {} (only the first time)",
        dir.display()
    ))?;
    let log = cache.join("digits-mpi.log");
    create(&base, &dir, &log).await.map_err(|why| {
        let tail = own_server::tail(&log);
        Failure::Other(format!("cannot create the virtual environment: {why}; the end of {}:\n{tail}", log.display()))
    })?;
    Ok(python)
}

async fn create(base: &Path, dir: &Path, log: &Path) -> Result<(), String> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(|error| error.to_string())?;
    }
    drop(fs::remove_file(log));
    run(Command::new(base).args(["-m", "venv"]).arg(dir), log).await?;
    let requirements = dir.join("requirements.txt");
    fs::write(&requirements, MPI_REQUIREMENTS).map_err(|error| error.to_string())?;
    let mut pip = Command::new(dir.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--requirement"]).arg(requirements);
    run(&mut pip, log).await?;
    fs::write(dir.join(COMPLETE), MPI_REQUIREMENTS).map_err(|error| error.to_string())
}

/// Name of the marker file.
const COMPLETE: &str = "whole";

fn is_complete(dir: &Path) -> bool {
    fs::read_to_string(dir.join(COMPLETE)).is_ok_and(|text| text == MPI_REQUIREMENTS)
}

async fn run(command: &mut Command, log: &Path) -> Result<(), String> {
    let open = || OpenOptions::new().create(true).append(true).open(log);
    let (out, err) = (open().map_err(|error| error.to_string())?, open().map_err(|error| error.to_string())?);
    let name = command.as_std().get_program().display().to_string();
    let status = command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true).status();
    match timeout(LIMIT, status).await {
        Err(_) => Err(format!("{name} took longer than {} minutes", LIMIT.as_secs() / 60)),
        Ok(Err(error)) => Err(format!("{name}: {error}")),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{name} ended with {status}")),
    }
}

/// Waits until no other demo creates the environment. Closing the returned file releases the lock.
async fn lock(path: &Path) -> Result<File, Failure> {
    let failed = |error: std::io::Error| Failure::because(&format!("cannot lock {}", path.display()), error);
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    let mut announced = false;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                if !std::mem::replace(&mut announced, true) {
                    step("waiting for another demo that is creating the virtual environment")?;
                }
                sleep(RETRY).await;
            }
            Err(error) => return Err(failed(error.into())),
        }
    }
}
