//! The accelerators of this host, asked of `nvidia-smi`, so that nothing of NVIDIA's need be there to build or to run.

use std::{io, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};
use trainyard_domain::capacity::Gpu;

/// How long it may take; a driver that hangs must not hang the server.
const PATIENCE: Duration = Duration::from_secs(5);

/// What there is. No `nvidia-smi`, or one that finds no driver, is no accelerator; one that does not answer says nothing
/// about the host.
pub async fn find() -> Result<Vec<Gpu>, String> {
    find_with("nvidia-smi").await
}

async fn find_with(program: &str) -> Result<Vec<Gpu>, String> {
    let mut command = Command::new(program);
    command.args(["--query-gpu=index,name", "--format=csv,noheader"]);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(parse(&String::from_utf8_lossy(&output.stdout))),
        Ok(Ok(output)) => {
            tracing::warn!(status = %output.status, "nvidia-smi finds no accelerators");
            Ok(Vec::new())
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Ok(Err(error)) => Err(format!("cannot start {program}: {error}")),
        Err(_) => Err(format!("{program} did not answer within {} s", PATIENCE.as_secs())),
    }
}

/// Lines of an index, a comma and a name. What is no such line is a remark and is passed over.
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

#[cfg(test)]
mod tests;
