//! `job logs`: what a job's workers write, so far or as it comes.

use trainyard_api::Client;
use trainyard_api::job::{JobDetail, JobStatus};
use trainyard_api::pod::Pod;

use super::follow::{self, Ranks};
use super::printer::Printer;
use crate::exit::Failure;
use crate::lines::Lines;
use crate::{name, out};

/// Arguments of `job logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// Id or name of the job
    job: String,
    /// Go on until the job ends, through its retries; waits for its start. The exit code says how the job ended:
    /// 0 succeeded, 4 failed, 5 stopped
    #[arg(short, long, conflicts_with = "attempt")]
    follow: bool,
    /// Whose log: a rank from 0, or `all` (each line with its rank before it)
    #[arg(long, value_name = "N|all", default_value = "0", value_parser = ranks)]
    rank: Ranks,
    /// Which attempt, from 1; by default the last
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
}

/// Runs the command.
pub(crate) async fn run(client: &Client, args: LogArgs) -> Result<(), Failure> {
    let id = name::job(client, &args.job).await?;
    match args.follow {
        true => follow(client, &id, args.rank).await,
        false => so_far(client, &id, &args).await,
    }
}

/// Prints what the workers write until the job ends; how it ended is how the command ends.
pub(super) async fn follow(client: &Client, id: &str, ranks: Ranks) -> Result<(), Failure> {
    let mut printer = Printer::new(ranks);
    let detail = follow::run(client, id, ranks, &mut |news| printer.print(news)).await?;
    match detail.record.status {
        JobStatus::Succeeded => Ok(()),
        status => Err(Failure::Job(status)),
    }
}

async fn so_far(client: &Client, id: &str, args: &LogArgs) -> Result<(), Failure> {
    let detail = client.job_detail(id).await?.data;
    let attempt = detail.attempts.iter().rfind(|attempt| args.attempt.is_none_or(|number| number == attempt.number));
    let attempt = attempt.ok_or_else(|| Failure::Other(no_attempt(&detail, args.attempt)))?;
    let workers: Vec<&Pod> = attempt.workers.iter().filter(|worker| args.rank.has(worker.rank)).collect();
    if workers.is_empty() {
        let last = attempt.workers.len().saturating_sub(1);
        return Err(Failure::Other(format!("the ranks of attempt {} are 0 to {last}", attempt.number)));
    }
    for worker in workers {
        one(client, id, worker, args.rank == Ranks::All).await?;
    }
    Ok(())
}

fn no_attempt(detail: &JobDetail, asked: Option<u32>) -> String {
    match (asked, detail.attempts.last()) {
        (Some(number), Some(last)) => {
            format!("there is no attempt {number}; the last is {}", last.number)
        }
        _ => format!("the job is {} and has no logs yet; use --follow to wait for them", detail.record.status.as_str()),
    }
}

/// One worker's log to its present end: byte by byte, or with its rank before each line.
async fn one(client: &Client, id: &str, worker: &Pod, with_rank: bool) -> Result<(), Failure> {
    let mut log = client.log_raw(id, &worker.pod_name, Some(worker.attempt)).await?;
    let mut lines = Lines::default();
    let print = |line: String| out::line(&format!("[rank {}] {line}", worker.rank));
    while let Some(piece) = log.next().await? {
        match with_rank {
            true => lines.take(&piece).into_iter().try_for_each(print)?,
            false => out::bytes(&piece)?,
        }
    }
    lines.rest().into_iter().try_for_each(print)
}

fn ranks(text: &str) -> Result<Ranks, String> {
    match text {
        "all" => Ok(Ranks::All),
        rank => rank.parse().map(Ranks::One).map_err(|_| "must be a number from 0, or `all`".to_owned()),
    }
}
