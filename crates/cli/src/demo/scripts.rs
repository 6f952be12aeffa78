//! The training scripts and what they need, as they stand in `examples/`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::exit::Failure;

pub(super) const TRAIN_DDP: &str = include_str!("../../../../examples/digits/train_ddp.py");
pub(super) const TRAIN_MPI: &str = include_str!("../../../../examples/digits/train_mpi.py");
pub(super) const MPI_REQUIREMENTS: &str = include_str!("../../../../examples/requirements/digits-mpi.txt");

/// Writes a script where the workers can read it: outside the server's data directory, which is hidden from them.
pub(super) fn write(cache: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = cache.join("digits").join(name);
    replace(&path, text).map_err(|error| Failure::because(&format!("cannot write {}", path.display()), error))?;
    Ok(path)
}

/// Moved into place, so that a demo that runs at the same time never reads half of it.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let new = path.with_extension(format!("new.{}", std::process::id()));
    fs::write(&new, text)?;
    fs::rename(&new, path)
}
