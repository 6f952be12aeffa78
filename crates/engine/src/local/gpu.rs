//! The GPUs of this host, as `nvidia-smi` lists them. Building and running the server needs no library of NVIDIA.

mod busy;
#[cfg(test)]
mod tests;

use std::{io, path::Path, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};
use trainyard_domain::capacity::Gpu;

pub(crate) use busy::busy;

use super::DEFAULT_NVIDIA_SMI;

/// Time limit of one call: a driver that hangs must not block the server.
const PATIENCE: Duration = Duration::from_secs(5);

/// The result of a call that did not fail.
enum Answer {
    /// The standard output of the program.
    Lines(String),
    /// The program does not exist.
    Absent,
}

/// The GPUs of this host. Without an `nvidia-smi` there are none. A program that fails is an error, since its driver may
/// become ready later than the server.
pub(crate) async fn find(program: &Path) -> Result<Vec<Gpu>, String> {
    match ask(program, &["--query-gpu=index,name", "--format=csv,noheader"]).await? {
        Answer::Lines(csv) => Ok(parse(&csv)),
        Answer::Absent => {
            if program != Path::new(DEFAULT_NVIDIA_SMI) {
                let name = program.display();
                tracing::warn!("nvidia_smi: program {name} not found: no GPUs are detected on this host");
            }
            Ok(Vec::new())
        }
    }
}

async fn ask(program: &Path, arguments: &[&str]) -> Result<Answer, String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let name = program.display();
    match timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            Ok(Answer::Lines(String::from_utf8_lossy(&output.stdout).into_owned()))
        }
        Ok(Ok(output)) => Err(format!("{name} failed: {}", output.status)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(Answer::Absent),
        Ok(Err(error)) => Err(format!("cannot start {name}: {error}")),
        Err(_) => Err(format!("{name} did not answer within {} s", PATIENCE.as_secs())),
    }
}

/// Parses lines of the form `index, name`. Other lines are remarks of the program and are ignored.
fn parse(csv: &str) -> Vec<Gpu> {
    let line = |line: &str| {
        let (index, model) = line.split_once(',')?;
        let (index, model) = (index.trim().parse().ok()?, model.trim());
        (!model.is_empty()).then(|| Gpu { index, model: model.to_owned() })
    };
    let mut gpus: Vec<Gpu> = csv.lines().filter_map(line).collect();
    gpus.sort_by_key(|gpu| gpu.index);
    gpus
}
