//! Finding a Python interpreter and running short programs in it, with a time limit.

#[cfg(test)]
mod tests;

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{process::Command, time::timeout};

/// Message if PyTorch was requested and not found.
pub(super) const NO_TORCH: &str = "no Python found that can import both torch and sklearn; install them \
    (`apt install python3-torch python3-sklearn`, or `pip install torch scikit-learn` for the Python that \
    TRAINYARD_PYTHON names), or use `--framework mpi`";

/// Message if no Python can create a virtual environment.
pub(super) const NO_VENV: &str = "no Python 3.9 or later with venv found; install it \
    (`apt install python3 python3-venv`), or set TRAINYARD_PYTHON to one";

/// Time limit of one program. The first import of a large package from a cold disk can take minutes.
const LIMIT: Duration = Duration::from_secs(180);
const TORCH: &str =
    "import sys, sklearn, torch.distributed; assert torch.distributed.is_available(); print(sys.executable)";
const VENV: &str = "import sys, venv, ensurepip; assert sys.version_info >= (3, 9); print(sys.executable)";

/// The first Python that can import torch and sklearn.
pub(super) async fn with_torch() -> Option<PathBuf> {
    first_that_runs(TORCH).await
}

/// The first Python that can create a virtual environment.
pub(super) async fn with_venv() -> Option<PathBuf> {
    first_that_runs(VENV).await
}

/// Whether the lines run without an error.
pub(super) async fn runs(python: &Path, lines: &str) -> bool {
    answer(python, lines).await.is_some()
}

async fn first_that_runs(lines: &str) -> Option<PathBuf> {
    for python in candidates(env::var_os("TRAINYARD_PYTHON")) {
        if let Some(path) = answer(&python, lines).await {
            return Some(PathBuf::from(path));
        }
    }
    None
}

fn candidates(named: Option<OsString>) -> Vec<PathBuf> {
    let named = named.filter(|name| !name.is_empty());
    named.into_iter().chain(["python3".into(), "/usr/bin/python3".into()]).map(PathBuf::from).collect()
}

/// The output of the lines; `None` if they fail or exceed the time limit.
async fn answer(python: &Path, lines: &str) -> Option<String> {
    let mut command = Command::new(python);
    command.args(["-c", lines]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(LIMIT, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
