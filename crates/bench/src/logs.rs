//! The effect of a worker that prints 100 MB/s on the API: calls at a steady rate on one server, alternately while the
//! worker is silent and while it prints. Also checks that the log is complete.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use trainyard_api::paths::{self, fill};

use crate::{
    body::Creates,
    driver::Load as _,
    host::{Ticks, computed},
    server::{Running, admin_key},
    table::{grouped, line, millis},
    wire::{Connection, request},
};

const ROUNDS: u32 = 3;
const ROUND: Duration = Duration::from_secs(4);
/// Pause between two calls of one kind; the server is idle most of the time.
const PACE: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints 1 MB every 10 ms while a file `loud` exists, until a file `enough` exists; then prints the total.
const TALK: &str = r#"exec python3 -c '
import os, time
block = (b"x" * 99 + b"\n") * 10_000
total, next = 0, time.monotonic()
while not os.path.exists("enough"):
    now = time.monotonic()
    if not os.path.exists("loud") or now < next:
        next = max(next, now)
        time.sleep(0.002)
        continue
    next += 0.01
    rest = memoryview(block)
    while rest: rest = rest[os.write(1, rest):]
    total += len(block)
os.write(1, b"printed %d\n" % total)
'"#;

/// Response times of one kind of call, while the worker is silent and while it prints.
#[derive(Default)]
struct Times {
    quiet: Vec<Duration>,
    loud: Vec<Duration>,
}

impl Times {
    /// Prints p50 and p99 of both phases, and the ratio of the p99 values.
    fn report(&mut self, what: &str) {
        let at = |times: &mut Vec<Duration>, percent: usize| {
            times.sort_unstable();
            times.get(times.len() * percent / 100).copied().unwrap_or_default()
        };
        let [quiet, loud] = [&mut self.quiet, &mut self.loud].map(|times| (at(times, 50), at(times, 99)));
        let ratio = loud.1.as_secs_f64() / quiet.1.as_secs_f64();
        let [a, b, c, d] = [quiet.0, quiet.1, loud.0, loud.1].map(millis);
        line(format!("{what:<28}{a:>10}{b:>10}{c:>10}{d:>10}{ratio:>8.2}   goal p99 at most twice"));
    }
}

/// Measures the response times and prints them, with the rate and the completeness of the log.
pub(crate) async fn measure(program: &Path, dir: &Path) -> anyhow::Result<()> {
    let ticks = Ticks::now()?;
    let data = dir.join("logs");
    let server = Running::trainyard(program, &data).await?;
    let key = admin_key(&data)?;
    let mut connection = Connection::open(server.address).await?;
    let body = json!({"createType": "CUSTOM", "name": "chatty", "startCommand": TALK}).to_string();
    let job = ask(&mut connection, &request("POST", paths::JOB_CREATE, &key, Some(&body))).await?;
    let job = job.pointer("/data/id").and_then(Value::as_str).context("the response has no job id")?.to_owned();
    let work = data.join("jobs").join(&job).join("work");
    let show = request("GET", &fill(paths::JOB_DETAIL, &[&job]), &key, None);
    until(&mut connection, &show, "Running").await?;

    let next: Arc<AtomicU64> = Arc::default();
    let mut creates = Creates::for_connections(1, &key, &next);
    let creates = creates.first_mut().context("no load")?;
    let (mut details, mut creations) = (Times::default(), Times::default());
    let mut loud_time = Duration::ZERO;
    let before = computed(server.pid())?;
    for round in 0..2 * ROUNDS {
        let is_loud = round % 2 == 1;
        switch(&work.join("loud"), is_loud)?;
        let start = Instant::now();
        while start.elapsed() < ROUND {
            let shown = timed(&mut connection, &show).await?;
            let create = creates.next().context("no more bodies")?;
            let created = timed(&mut connection, create).await?;
            if is_loud {
                details.loud.push(shown);
                creations.loud.push(created);
            } else {
                details.quiet.push(shown);
                creations.quiet.push(created);
            }
            tokio::time::sleep(PACE).await;
        }
        loud_time += if is_loud { start.elapsed() } else { Duration::ZERO };
    }
    let busy = computed(server.pid())?.saturating_sub(before);
    fs::write(work.join("enough"), "")?;
    until(&mut connection, &show, "Succeeded").await?;
    let log = ask(&mut connection, &tail(&job, &key)).await?;

    line(format!("\nA worker that prints 100 MB/s: sequential calls, {ROUNDS} alternating rounds of {ROUND:?} each"));
    line(format!("{:<28}{:>10}{:>10}{:>10}{:>10}{:>8}", "", "quiet p50", "p99 ms", "loud p50", "p99 ms", "ratio"));
    details.report("job detail");
    creations.report("template create, durable");
    let (printed, size) = printed(&log)?;
    let rate = printed as f64 / 1e6 / loud_time.as_secs_f64();
    let lost = printed.abs_diff(size);
    line(format!("{:<28}{rate:>10.0} MB/s   {} bytes printed, {lost} lost", "the worker", grouped(printed as f64)));
    line(format!("{:<28}{:>10.1} s of CPU time in all rounds", "the server", busy.as_secs_f64()));
    if let Some(text) = ticks.disturbance(&[server.pid()])? {
        line(format!("{text} (other programs include the worker and its shim)"));
    }
    Ok(())
}

fn switch(file: &PathBuf, on: bool) -> anyhow::Result<()> {
    match on {
        true => fs::write(file, "")?,
        false if file.exists() => fs::remove_file(file)?,
        false => {}
    }
    Ok(())
}

fn tail(job: &str, key: &str) -> Vec<u8> {
    let pod = format!("{}-master-0", job.replace('_', "-"));
    request("GET", &format!("{}?offset=-200", fill(paths::POD_LOG, &[job, &pod])), key, None)
}

/// The bytes before the last line: as the worker counted them, and as the log has them.
fn printed(log: &Value) -> anyhow::Result<(u64, u64)> {
    let text = log.pointer("/data/text").and_then(Value::as_str).unwrap_or_default();
    let size = log.pointer("/data/nextOffset").and_then(Value::as_u64).unwrap_or_default();
    let last = text.lines().last().unwrap_or_default();
    let counted = last.strip_prefix("printed ").context("the last line is lost")?.parse()?;
    Ok((counted, size.saturating_sub(last.len() as u64 + 1)))
}

async fn timed(connection: &mut Connection, request: &[u8]) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let answer = connection.call(request).await?;
    ensure!(answer.status == 200, "answered with {}: {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok(start.elapsed())
}

async fn ask(connection: &mut Connection, request: &[u8]) -> anyhow::Result<Value> {
    let answer = connection.call(request).await?;
    ensure!(answer.status == 200, "answered with {}: {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok(serde_json::from_slice(answer.body)?)
}

async fn until(connection: &mut Connection, show: &[u8], status: &str) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let detail = ask(connection, show).await?;
        let now = detail.pointer("/data/status").and_then(Value::as_str).unwrap_or_default();
        if now == status {
            return Ok(());
        }
        ensure!(now != "Failed" && start.elapsed() < PATIENCE, "the job is {now}, not {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
