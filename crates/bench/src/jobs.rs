//! The path of a job on an idle server and under load, beside a bare program and beside Slurm.

mod first;
mod peer;
mod restart;
mod through;

use std::{fs, path::Path};

use serde_json::json;
use trainyard_api::paths;

use crate::{
    host::{Ticks, adopt_orphans, reap, resident},
    server::{Running, admin_key},
    table::line,
    wire::request,
};

/// Whether the server holds workers to their sizes.
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

/// A server whose centre has room for all that is asked here, and the key of its admin.
struct Yard {
    running: Running,
    key: String,
}

impl Yard {
    /// Starts one on a directory of its own, or again on one that was used before.
    async fn open(program: &Path, dir: &Path, limits: Limits, cores: u64) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let limits = if limits == Limits::On { "auto" } else { "off" };
        let centre = format!(
            "[[centre]]\nid = 1\nname = \"bench\"\nengine = \"local\"\nruntime = \"process\"\nlimits = \"{limits}\"\n\
             capacity = {{ cpu_cores = {cores}, memory_gb = {cores}, gpus = [] }}\n"
        );
        let config = dir.join("bench.toml");
        fs::write(&config, centre)?;
        let running = Running::trainyard_with(program, dir, Some(&config)).await?;
        let key = admin_key(dir)?;
        Ok(Self { running, key })
    }

    /// The request that makes a job of this command, of one core and a GB.
    fn create(&self, command: &str) -> Vec<u8> {
        let resource = json!({"cpuCores": 1, "memoryGB": 1});
        let body = json!({"createType": "CUSTOM", "name": "bench", "startCommand": command, "resource": resource});
        request("POST", paths::JOB_CREATE, &self.key, Some(&body.to_string()))
    }
}

/// Measures and prints.
pub(crate) async fn measure(program: &Path, dir: &Path, jobs: u64, running: u64) -> anyhow::Result<()> {
    adopt_orphans()?;
    let ticks = Ticks::now()?;
    line("\nJobs of one worker, one core, one GB; rows, records and logs durable");
    let slurm = peer::Slurm::start(&dir.join("slurm")).await;
    if let Err(error) = &slurm {
        line(format!("no Slurm beside it: {error:#}"));
    }
    let slurm = slurm.ok();
    first::measure(program, dir, slurm.as_ref()).await?;
    through::measure(program, dir, jobs, slurm.as_ref()).await?;
    drop(slurm);
    restart::measure(program, dir, running).await?;
    idle(program, dir).await?;
    reap();
    if let Some(text) = ticks.disturbance(&[])? {
        line(text);
    }
    Ok(())
}

/// What a server holds in memory that has nothing to do.
async fn idle(program: &Path, dir: &Path) -> anyhow::Result<()> {
    let yard = Yard::open(program, &dir.join("idle"), Limits::On, 64).await?;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let megabytes = resident(yard.running.pid())? as f64 / 1e6;
    line(format!("{:<44}{megabytes:>10.1} MB   goal under 40", "idle server, resident"));
    Ok(())
}
