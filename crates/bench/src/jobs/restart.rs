//! How soon a server knows again of all jobs that run, after it was killed.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use trainyard_api::paths;

use super::{Limits, Yard};
use crate::{
    driver::{Times, drive},
    host::resident,
    table::{grouped, line},
    wire::{Connection, request},
};

const PATIENCE: Duration = Duration::from_secs(240);

/// Measures and prints.
pub(super) async fn measure(program: &Path, dir: &Path, jobs: u64) -> anyhow::Result<()> {
    let data = dir.join("restart");
    let yard = Yard::open(program, &data, Limits::Off, jobs + 8).await?;
    // Each ends by itself when this file is gone, so that no run of this leaves anything behind.
    let lives = dir.join("lives");
    fs::write(&lives, "")?;
    let command = format!("while [ -e {} ]; do sleep 2; done", lives.display());
    drive(yard.running.address, vec![Times(yard.create(&command), jobs)], None).await?;
    wait_for(&yard, "Running", jobs).await?;
    let shim = shim_memory(&data)?;
    yard.running.kill();
    let start = Instant::now();
    let yard = Yard::open(program, &data, Limits::Off, jobs + 8).await?;
    let ready = start.elapsed();
    // A job made now is started by the pass that has seen all others.
    let bell = dir.join("seen");
    let mut connection = Connection::open(yard.running.address).await?;
    let answer = connection.call(&yard.create(&format!(": >{}", bell.display()))).await?;
    ensure!(answer.status == 200, "answered with {}", answer.status);
    while !bell.exists() {
        ensure!(start.elapsed() < PATIENCE, "the new job never ran");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seen = start.elapsed();
    line(format!(
        "\n{:<44}{:>10.2} s    goal under 2 ({:.2} s until a new job ran)",
        format!("restart with {} running jobs", grouped(jobs)),
        ready.as_secs_f64(),
        seen.as_secs_f64()
    ));
    line(format!("{:<44}{:>10.1} MB   goal under 6", "shim, resident (median)", shim / 1e6));
    fs::remove_file(&lives)?;
    wait_for(&yard, "Running", 0).await?;
    Ok(())
}

async fn wait_for(yard: &Yard, status: &str, jobs: u64) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut connection = Connection::open(yard.running.address).await?;
    loop {
        let target = format!("{}?pageSize=1&status={status}", paths::JOB_LIST);
        let answer = connection.call(&request("GET", &target, &yard.key, None)).await?;
        let value: Value = serde_json::from_slice(answer.body)?;
        let count = value.pointer("/data/totalRows").and_then(Value::as_u64).context("no total of a list")?;
        if count == jobs {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "{count} jobs are {status}, not {jobs}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The median of what the shims below a data directory hold.
fn shim_memory(data: &Path) -> anyhow::Result<f64> {
    let mut sizes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let is_shim = arguments.split(|byte| *byte == 0).nth(1) == Some(b"shim")
            && String::from_utf8_lossy(&arguments).contains(&*data.to_string_lossy());
        if is_shim && let Ok(size) = resident(pid) {
            sizes.push(size);
        }
    }
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).map(|size| *size as f64).context("no shim runs")
}
