//! Following a job to its end, through all retries.
//!
//! The events of the job show when an attempt starts. From then on, the logs of its workers are followed as well.
//! Following ends when the job ends, not when an attempt ends.

use tokio::{sync::mpsc, task::JoinSet};
use trainyard_api::{
    Client, ClientError,
    client::LogFollow,
    event::Event,
    job::{Attempt, JobDetail},
    log::{LogTime, cut_line},
    pod::RunStatus,
};

use crate::exit::Failure;

/// Pieces of logs that may wait for printing; when the queue is full, reading the logs waits.
const PIECES_AHEAD: usize = 64;

/// Selects the workers to show logs of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranks {
    /// The worker with this rank.
    One(u32),
    /// All workers of the attempt.
    All,
}

impl Ranks {
    /// Whether a rank is selected.
    pub(crate) fn contains(self, rank: u32) -> bool {
        self == Self::All || self == Self::One(rank)
    }
}

/// Which logs of a job to follow, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FollowOptions {
    /// Workers to follow.
    pub(crate) ranks: Ranks,
    /// Whether to request the times of the lines.
    pub(crate) times: bool,
}

impl FollowOptions {
    /// Without the times of the lines.
    pub(crate) fn plain(ranks: Ranks) -> Self {
        Self { ranks, times: false }
    }
}

/// One update about a followed job.
#[derive(Debug)]
pub(crate) enum FollowUpdate {
    /// The job changed.
    Event(Event),
    /// A worker wrote text. Pieces may begin and end inside a line. `times` is empty if not requested.
    Log { rank: u32, text: String, times: Vec<LogTime> },
    /// A worker has ended, and all its text has been passed on.
    LogEnd { rank: u32 },
}

/// Passes every update to `on_update` until the job has ended, and returns the job in its final state.
pub(crate) async fn run(
    client: &Client,
    id: &str,
    options: FollowOptions,
    on_update: &mut (impl FnMut(FollowUpdate) -> Result<(), Failure> + Send),
) -> Result<JobDetail, Failure> {
    let (sender, mut pieces) = mpsc::channel(PIECES_AHEAD);
    let mut logs = Logs { client: client.clone(), id: id.to_owned(), options, last: 0, tasks: JoinSet::new(), sender };
    let mut events = client.event_follow(id, 0);
    loop {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event? else { break };
                on_update(FollowUpdate::Event(event))?;
                logs.follow_new(&client.job_detail(id).await?.data.attempts);
            }
            Some(piece) = pieces.recv() => on_update(piece)?,
            Some(ended) = logs.tasks.join_next() => logs_ended(ended)?,
        }
    }
    let detail = client.job_detail(id).await?.data;
    logs.follow_new(&detail.attempts);
    let Logs { mut tasks, sender, .. } = logs;
    drop(sender);
    while let Some(piece) = pieces.recv().await {
        on_update(piece)?;
    }
    while let Some(ended) = tasks.join_next().await {
        logs_ended(ended)?;
    }
    Ok(detail)
}

fn logs_ended(ended: Result<Result<(), ClientError>, tokio::task::JoinError>) -> Result<(), Failure> {
    Ok(ended.map_err(|error| Failure::because("cannot follow a log", error))??)
}

/// The logs that are being followed, each by a task.
struct Logs {
    client: Client,
    id: String,
    options: FollowOptions,
    /// Number of the last followed attempt; 0 before the first.
    last: u32,
    tasks: JoinSet<Result<(), ClientError>>,
    sender: mpsc::Sender<FollowUpdate>,
}

impl Logs {
    fn follow_new(&mut self, attempts: &[Attempt]) {
        for attempt in attempts {
            if attempt.number <= self.last || attempt.status == RunStatus::Starting {
                continue;
            }
            self.last = attempt.number;
            for worker in attempt.workers.iter().filter(|worker| self.options.ranks.contains(worker.rank)) {
                let (client, id, sender) = (self.client.clone(), self.id.clone(), self.sender.clone());
                let (pod, rank) = (worker.pod_name.clone(), worker.rank);
                let log = client.log_follow(&id, &pod, Some(attempt.number), 0);
                let log = if self.options.times { log.with_times() } else { log };
                self.tasks.spawn(one(log, rank, sender));
            }
        }
    }
}

async fn one(mut log: LogFollow, rank: u32, sender: mpsc::Sender<FollowUpdate>) -> Result<(), ClientError> {
    loop {
        let (update, more) = match log.next().await {
            Ok(Some(mut chunk)) => {
                if let Some(skipped) = chunk.skipped {
                    let gap = FollowUpdate::Log { rank, text: format!("\n{}\n", cut_line(skipped)), times: Vec::new() };
                    // If the receiver is gone, the next `send` fails too and ends the loop.
                    let _ = sender.send(gap).await;
                }
                (FollowUpdate::Log { rank, text: chunk.text, times: chunk.times.take().unwrap_or_default() }, true)
            }
            // A worker without its own process (MPI ranks after the first) has no log.
            Ok(None) | Err(ClientError::Server { status: 404, .. }) => (FollowUpdate::LogEnd { rank }, false),
            Err(error) => return Err(error),
        };
        let received = sender.send(update).await.is_ok();
        if !more || !received {
            return Ok(());
        }
    }
}
