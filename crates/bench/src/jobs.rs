//! Jobs: start latency, throughput, restart and memory of the server, compared with a bare program and with Slurm.

mod restart;
mod slurm;
mod start_latency;
mod throughput;

use std::{fs, path::Path};

use serde_json::json;
use trainyard_api::paths;

use crate::{
    host::{Ticks, adopt_orphans, reap, resident},
    server::{Running, admin_key, run_as},
    table::line,
    wire::request,
};

/// Whether the server enforces the cores and memory of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limits {
    On,
    Off,
}

impl Limits {
    fn word(self) -> &'static str {
        match self {
            Self::On => "limits on",
            Self::Off => "limits off",
        }
    }
}

/// A server with enough capacity for the measurement, and its admin key.
struct BenchServer {
    running: Running,
    key: String,
}

impl BenchServer {
    /// Starts a server on a new data directory, or restarts it on an existing one.
    async fn open(program: &Path, dir: &Path, limits: Limits, cores: u64) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let limits = if limits == Limits::On { "auto" } else { "off" };
        let centre = format!(
            "[[centre]]\nid = 1\nname = \"bench\"\nengine = \"local\"\nruntime = \"process\"\nlimits = \"{limits}\"\n\
             capacity = {{ cpu_cores = {cores}, memory_gb = {cores}, gpus = [] }}\n{}",
            run_as()
        );
        let config = dir.join("bench.toml");
        fs::write(&config, centre)?;
        let running = Running::trainyard_with(program, dir, Some(&config)).await?;
        let key = admin_key(dir)?;
        Ok(Self { running, key })
    }

    /// The request that creates a job with this command, one core and 1 GB.
    fn create(&self, command: &str) -> Vec<u8> {
        let resource = json!({"cpuCores": 1, "memoryGB": 1});
        let body = json!({"createType": "CUSTOM", "name": "bench", "startCommand": command, "resource": resource});
        request("POST", paths::JOB_CREATE, &self.key, Some(&body.to_string()))
    }
}

/// Runs all measurements of jobs and prints their results.
pub(crate) async fn measure(program: &Path, dir: &Path, jobs: u64, running: u64) -> anyhow::Result<()> {
    adopt_orphans()?;
    let ticks = Ticks::now()?;
    line("\nJobs of one worker with one core and 1 GB; rows, records and logs are durable");
    let slurm = slurm::Slurm::start(&dir.join("slurm")).await;
    if let Err(error) = &slurm {
        line(format!("no comparison with Slurm: {error:#}"));
    }
    let slurm = slurm.ok();
    start_latency::measure(program, dir, slurm.as_ref()).await?;
    throughput::measure(program, dir, jobs, slurm.as_ref()).await?;
    drop(slurm);
    restart::measure(program, dir, running).await?;
    idle(program, dir).await?;
    reap();
    if let Some(text) = ticks.disturbance(&[])? {
        line(text);
    }
    Ok(())
}

/// Measures the resident memory of an idle server.
async fn idle(program: &Path, dir: &Path) -> anyhow::Result<()> {
    let server = BenchServer::open(program, &dir.join("idle"), Limits::On, 64).await?;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let megabytes = resident(server.running.pid())? as f64 / 1e6;
    line(format!("{:<44}{megabytes:>10.1} MB   goal under 40", "idle server, resident"));
    Ok(())
}
