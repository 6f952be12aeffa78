//! Throughput of trivial jobs: from creation to end, with durable rows, records and logs.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use trainyard_api::paths;

use super::{BenchServer, Limits, slurm::Slurm};
use crate::{
    driver::{Times, drive},
    host,
    table::{grouped, line},
    wire::{Connection, request},
};

/// Connections that create jobs at the same time.
const CREATORS: u64 = 8;
const POLL_INTERVAL: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(300);

/// Measures Slurm and Trainyard without and with limits, and prints jobs per second.
pub(super) async fn measure(program: &Path, dir: &Path, jobs: u64, slurm: Option<&Slurm>) -> anyhow::Result<()> {
    line(format!(
        "\n{:<44}{:>10}{:>14}",
        format!("{} jobs `true`, from create to end", grouped(jobs)),
        "jobs/s",
        "CPU ms per job"
    ));
    let peer = slurm.map(|slurm| slurm.rate(jobs.min(600))).transpose()?;
    if let Some(rate) = peer {
        line(format!("{:<44}{rate:>10.0}", "Slurm, tuned"));
    }
    for (limits, goal) in [(Limits::Off, 300), (Limits::On, 150)] {
        let server = BenchServer::open(program, &dir.join(format!("throughput-{}", limits.word())), limits, 64).await?;
        let before = host::computed(server.running.pid())?;
        let rate = rate(&server, jobs).await?;
        let computed = host::computed(server.running.pid())?.saturating_sub(before);
        let each = computed.as_secs_f64() * 1e3 / jobs as f64;
        let ratio = peer.map(|peer| format!("   {:.1} times Slurm", rate / peer)).unwrap_or_default();
        line(format!("{:<44}{rate:>10.0}{each:>14.2}   goal {goal}{ratio}", format!("Trainyard, {}", limits.word())));
    }
    Ok(())
}

async fn rate(server: &BenchServer, jobs: u64) -> anyhow::Result<f64> {
    let start = Instant::now();
    let create = server.create("true");
    let share = |creator| jobs / CREATORS + u64::from(creator < jobs % CREATORS);
    let loads = (0..CREATORS).map(|creator| Times(create.clone(), share(creator)));
    drive(server.running.address, loads.collect(), None).await?;
    let mut connection = Connection::open(server.running.address).await?;
    let mut count = async |status: &str| -> anyhow::Result<u64> {
        let target = format!("{}?pageSize=1&status={status}", paths::JOB_LIST);
        let answer = connection.call(&request("GET", &target, &server.key, None)).await?;
        let value: Value = serde_json::from_slice(answer.body)?;
        value.pointer("/data/totalRows").and_then(Value::as_u64).context("the list has no totalRows")
    };
    loop {
        let done = count("Succeeded").await?;
        if done >= jobs {
            return Ok(jobs as f64 / start.elapsed().as_secs_f64());
        }
        ensure!(count("Failed").await? == 0, "a job failed");
        ensure!(start.elapsed() < PATIENCE, "only {done} of {jobs} jobs have ended");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
