//! Time from the restart of a killed server until it has observed all running jobs again.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use trainyard_api::paths;

use super::{BenchServer, Limits};
use crate::{
    driver::{Times, drive},
    host::resident,
    table::{grouped, line},
    wire::{Connection, request},
};

const PATIENCE: Duration = Duration::from_secs(240);

/// Measures the restart and the memory of shims, and prints both.
pub(super) async fn measure(program: &Path, dir: &Path, jobs: u64) -> anyhow::Result<()> {
    let data = dir.join("restart");
    let server = BenchServer::open(program, &data, Limits::Off, jobs + 8).await?;
    // Every job ends by itself when this file is deleted, so that no failed run leaves jobs behind.
    let marker = dir.join("keep-running");
    fs::write(&marker, "")?;
    let command = format!("while [ -e {} ]; do sleep 2; done", marker.display());
    drive(server.running.address, vec![Times(server.create(&command), jobs)], None).await?;
    wait_for(&server, "Running", jobs).await?;
    let shim = shim_memory(&data)?;
    server.running.kill();
    let start = Instant::now();
    let server = BenchServer::open(program, &data, Limits::Off, jobs + 8).await?;
    let ready = start.elapsed();
    // The pass of the scheduler that starts a new job has observed all other jobs before.
    let started = dir.join("started");
    let mut connection = Connection::open(server.running.address).await?;
    let answer = connection.call(&server.create(&format!(": >{}", started.display()))).await?;
    ensure!(answer.status == 200, "answered with {}", answer.status);
    while !started.exists() {
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
    fs::remove_file(&marker)?;
    wait_for(&server, "Running", 0).await?;
    Ok(())
}

async fn wait_for(server: &BenchServer, status: &str, jobs: u64) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut connection = Connection::open(server.running.address).await?;
    loop {
        let target = format!("{}?pageSize=1&status={status}", paths::JOB_LIST);
        let answer = connection.call(&request("GET", &target, &server.key, None)).await?;
        let value: Value = serde_json::from_slice(answer.body)?;
        let count = value.pointer("/data/totalRows").and_then(Value::as_u64).context("the list has no totalRows")?;
        if count == jobs {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "{count} jobs are {status}, not {jobs}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The median of the resident memory of all shims of a data directory, in bytes.
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
