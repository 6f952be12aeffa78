//! `job logs`: prints, follows, searches or saves the logs of a job's workers.

mod grep;
mod save;

use std::path::PathBuf;

use trainyard_api::{
    Client,
    job::{JobDetail, JobStatus},
    log::{LogQuery, cut_line},
    pod::Pod,
};

use super::{
    follow::{self, FollowOptions, Ranks},
    log_output::{LogOutput, line_prefix},
};
use crate::{
    exit::Failure,
    lines::{Lines, TimedLines},
    lookup, out,
};

/// Bytes to request per call.
const PIECE: u32 = 1024 * 1024;

/// Arguments of `job logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// Id or name of the job
    job: String,
    /// Follow until the job ends, through all retries; waits for the start. Exit code: 0 succeeded, 4 failed, 5 stopped
    #[arg(short, long, conflicts_with = "attempt")]
    follow: bool,
    /// Worker: a rank from 0, or all, which prints the rank before each line
    #[arg(long, value_name = "N|all", default_value = "0", value_parser = ranks)]
    rank: Ranks,
    /// Attempt, from 1 [default: the last]
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Print the time before each line, exact to a tenth of a second
    #[arg(long)]
    timestamps: bool,
    /// Print only the lines that contain this text (not a pattern; case-sensitive)
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["follow", "timestamps"])]
    grep: Option<String>,
    /// Save the log unchanged to this file; with --rank all or --all, one file for each log in this directory
    #[arg(long, value_name = "PATH", conflicts_with_all = ["follow", "timestamps", "grep"])]
    save: Option<PathBuf>,
    /// Overwrite existing files
    #[arg(long, requires = "save")]
    force: bool,
    /// On a terminal, print all escape sequences too, which act on the terminal; files and pipes always get them
    #[arg(long, conflicts_with = "save")]
    raw: bool,
    /// Save the logs of all workers and all attempts
    #[arg(long, requires = "save", conflicts_with_all = ["rank", "attempt"])]
    all: bool,
}

/// Runs the command.
pub(crate) async fn run(client: &Client, args: LogArgs) -> Result<(), Failure> {
    let id = lookup::job(client, &args.job).await?;
    if args.raw {
        out::set_raw();
    }
    match args.follow {
        true => follow(client, &id, FollowOptions { ranks: args.rank, times: args.timestamps }).await,
        false => so_far(client, &id, &args).await,
    }
}

/// Prints the logs until the job ends. Fails with [`Failure::Job`] if the job did not succeed.
pub(super) async fn follow(client: &Client, id: &str, options: FollowOptions) -> Result<(), Failure> {
    let mut output = LogOutput::new(options);
    let detail = follow::run(client, id, options, &mut |update| output.print(update)).await?;
    match detail.record.status {
        JobStatus::Succeeded => Ok(()),
        status => Err(Failure::Job(status)),
    }
}

async fn so_far(client: &Client, id: &str, args: &LogArgs) -> Result<(), Failure> {
    let detail = client.job_detail(id).await?.data;
    if let (true, Some(dir)) = (args.all, &args.save) {
        let workers: Vec<Pod> = detail.attempts.iter().flat_map(|attempt| attempt.workers.clone()).collect();
        return save::all(client, id, &workers, dir, args.force).await;
    }
    let attempt = detail.attempts.iter().rfind(|attempt| args.attempt.is_none_or(|number| number == attempt.number));
    let attempt = attempt.ok_or_else(|| Failure::Other(no_attempt(&detail, args.attempt)))?;
    let workers: Vec<Pod> = attempt.workers.iter().filter(|worker| args.rank.contains(worker.rank)).cloned().collect();
    let Some(first) = workers.first() else {
        let last = attempt.workers.len().saturating_sub(1);
        return Err(Failure::Other(format!("attempt {} has no such rank; its ranks are 0 to {last}", attempt.number)));
    };
    match &args.save {
        Some(dir) if args.rank == Ranks::All => return save::all(client, id, &workers, dir, args.force).await,
        Some(file) => return save::one(client, id, first, file, args.force).await,
        None => {}
    }
    let mut found = 0;
    for worker in &workers {
        match (&args.grep, args.timestamps) {
            (Some(text), _) => {
                found += grep::one(client, id, worker, text, &line_prefix(args.rank, worker.rank)).await?
            }
            (None, true) => timed(client, id, worker, args.rank).await?,
            (None, false) => one(client, id, worker, args.rank == Ranks::All).await?,
        }
    }
    if let (Some(text), 0) = (&args.grep, found) {
        out::note(&format!("no line contains {text:?}"));
    }
    Ok(())
}

/// Prints the present log of one worker, each line after its time.
async fn timed(client: &Client, id: &str, worker: &Pod, ranks: Ranks) -> Result<(), Failure> {
    let prefix = line_prefix(ranks, worker.rank);
    let print = |line: String| out::line(&format!("{prefix}{line}"));
    let mut lines = TimedLines::default();
    let mut offset = 0;
    loop {
        let query =
            LogQuery { attempt: Some(worker.attempt), offset: Some(offset), limit: Some(PIECE), times: Some(true) };
        let chunk = client.pod_log(id, &worker.pod_name, &query).await?.data;
        if let Some(skipped) = chunk.skipped {
            lines.rest().into_iter().chain([cut_line(skipped)]).try_for_each(print)?;
        }
        lines.take(&chunk.text, chunk.times.as_deref().unwrap_or_default()).into_iter().try_for_each(print)?;
        offset = i64::try_from(chunk.next_offset).unwrap_or(i64::MAX);
        if chunk.end || chunk.text.is_empty() && chunk.skipped.is_none() {
            return lines.rest().into_iter().try_for_each(print);
        }
    }
}

fn no_attempt(detail: &JobDetail, asked: Option<u32>) -> String {
    match (asked, detail.attempts.last()) {
        (Some(number), Some(last)) => {
            format!("no attempt {number}; the last attempt is {}", last.number)
        }
        _ => format!("the job is {} and has no logs yet; use --follow to wait for them", detail.record.status.as_str()),
    }
}

/// Prints the present log of one worker: unchanged, or with the rank before each line.
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
