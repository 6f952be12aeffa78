//! The frameworks of the demo: for each, the template, the training script and the Python that can run it.

#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use trainyard_api::centre::Centre;

use super::{python, step, venv};
use crate::exit::Failure;

const TRAIN_DDP: &str = include_str!("../../../../examples/digits/train_ddp.py");
const TRAIN_MPI: &str = include_str!("../../../../examples/digits/train_mpi.py");

/// Framework for the training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Framework {
    /// PyTorch's DistributedDataParallel over gloo
    Pytorch,
    /// NumPy over MPI, in a virtual environment that the demo creates
    Mpi,
}

/// An available framework with everything that a worker needs.
#[derive(Debug)]
pub(super) struct Ready {
    framework: Framework,
    python: PathBuf,
    script: PathBuf,
}

/// Prepares the requested framework, or the first that is available.
pub(super) async fn ready(requested: Option<Framework>, cache: &Path) -> Result<Ready, Failure> {
    if requested != Some(Framework::Mpi) {
        match python::with_torch().await {
            Some(python) => {
                step(&format!("PyTorch and scikit-learn: {}", python.display()))?;
                let script = write_script(cache, "train_ddp.py", TRAIN_DDP)?;
                return Ok(Ready { framework: Framework::Pytorch, python, script });
            }
            None if requested.is_some() => return Err(Failure::Other(python::NO_TORCH.to_owned())),
            None => step("no Python with both torch and sklearn found: using NumPy over MPI instead")?,
        }
    }
    let python = venv::ready(cache).await?;
    let script = write_script(cache, "train_mpi.py", TRAIN_MPI)?;
    Ok(Ready { framework: Framework::Mpi, python, script })
}

impl Ready {
    /// The template, with two workers that fit into this centre together.
    pub(super) fn template(&self, centre: &Centre) -> Value {
        let (name, desc, kind, framework) = match self.framework {
            Framework::Pytorch => {
                ("digits-pytorch", "Handwritten digits, DistributedDataParallel over gloo", "PRE_TRAINING", "PyTorch")
            }
            Framework::Mpi => ("digits-mpi", "Handwritten digits, data-parallel SGD over MPI", "HPC", "MPI"),
        };
        json!({
            "name": name,
            "desc": desc,
            "aidcId": centre.id,
            "trainingType": kind,
            "trainingFramwork": framework,
            "resource": {
                "workerCount": 2,
                "cpuCores": share(centre.capacity.cpu_cores),
                "memoryGB": share(centre.capacity.memory_gb),
                "gpuCount": "0",
            },
            "startCommand": self.command(),
            "priority": 2,
        })
    }

    fn command(&self) -> String {
        let (python, script) = (quoted(&self.python), quoted(&self.script));
        match self.framework {
            Framework::Pytorch => format!("{python} {script}"),
            Framework::Mpi => {
                let mpirun = quoted(&self.python.with_file_name("mpirun"));
                format!("{mpirun} -np \"$TRAINYARD_WORLD_SIZE\" {python} {script}")
            }
        }
    }
}

/// Amount for each of two workers: one unit, or half of the capacity if that is less.
fn share(capacity: f64) -> String {
    let half = (capacity / 2.0 * 100.0).floor() / 100.0;
    half.min(1.0).to_string()
}

/// A path as one word of the shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    match text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c)) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Writes a script to the cache. Workers cannot read the data directory of the server, so it must not be there.
fn write_script(cache: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = cache.join("digits").join(name);
    replace(&path, text).map_err(|error| Failure::because(&format!("cannot write {}", path.display()), error))?;
    Ok(path)
}

/// Writes a new file and renames it, so that another demo never reads an incomplete script.
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
