//! Many trivial jobs through their whole life: made, started, ended, all of it durable.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use trainyard_api::paths;

use super::{Limits, Yard, peer::Slurm};
use crate::{
    driver::{Times, drive},
    host,
    table::{grouped, line},
    wire::{Connection, request},
};

/// Who makes the jobs.
const MAKERS: u64 = 8;
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(300);

/// Measures and prints.
pub(super) async fn measure(program: &Path, dir: &Path, jobs: u64, slurm: Option<&Slurm>) -> anyhow::Result<()> {
    line(format!(
        "\n{:<44}{:>10}{:>14}",
        format!("{} jobs `true`, from end to end", grouped(jobs)),
        "jobs/s",
        "server's CPU ms"
    ));
    let peer = slurm.map(|slurm| slurm.rate(jobs.min(600))).transpose()?;
    if let Some(rate) = peer {
        line(format!("{:<44}{rate:>10.0}", "Slurm, tuned"));
    }
    for (limits, goal) in [(Limits::Off, 300), (Limits::On, 150)] {
        let yard = Yard::open(program, &dir.join(format!("through-{}", limits.word())), limits, 64).await?;
        let before = host::computed(yard.running.pid())?;
        let rate = rate(&yard, jobs).await?;
        let computed = host::computed(yard.running.pid())?.saturating_sub(before);
        let each = computed.as_secs_f64() * 1e3 / jobs as f64;
        let ratio = peer.map(|peer| format!("   {:.1} times Slurm", rate / peer)).unwrap_or_default();
        line(format!("{:<44}{rate:>10.0}{each:>14.2}   goal {goal}{ratio}", format!("Trainyard, {}", limits.word())));
    }
    Ok(())
}

async fn rate(yard: &Yard, jobs: u64) -> anyhow::Result<f64> {
    let start = Instant::now();
    let create = yard.create("true");
    let loads = (0..MAKERS).map(|maker| Times(create.clone(), jobs / MAKERS + u64::from(maker < jobs % MAKERS)));
    drive(yard.running.address, loads.collect(), None).await?;
    let mut connection = Connection::open(yard.running.address).await?;
    let mut count = async |status: &str| -> anyhow::Result<u64> {
        let target = format!("{}?pageSize=1&status={status}", paths::JOB_LIST);
        let answer = connection.call(&request("GET", &target, &yard.key, None)).await?;
        let value: Value = serde_json::from_slice(answer.body)?;
        value.pointer("/data/totalRows").and_then(Value::as_u64).context("no total of a list")
    };
    loop {
        let done = count("Succeeded").await?;
        if done >= jobs {
            return Ok(jobs as f64 / start.elapsed().as_secs_f64());
        }
        ensure!(count("Failed").await? == 0, "a job failed");
        ensure!(start.elapsed() < PATIENCE, "only {done} of {jobs} jobs have ended");
        tokio::time::sleep(LOOK).await;
    }
}
