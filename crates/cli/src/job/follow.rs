//! Following a job to its end: its events say when an attempt begins, then the logs of its workers are followed.
//!
//! Goes through retries: each attempt's logs are followed in turn, and the end is the job's, not an attempt's.

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

/// How many pieces may wait to be printed before reading the logs waits too.
const PIECES_AHEAD: usize = 64;

/// Whose logs to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranks {
    /// One worker's.
    One(u32),
    /// Those of all workers.
    All,
}

impl Ranks {
    pub(crate) fn contains(self, rank: u32) -> bool {
        self == Self::All || self == Self::One(rank)
    }
}

/// What is wanted of a followed job's logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FollowOptions {
    /// Whose.
    pub(crate) ranks: Ranks,
    /// Whether with the times of the lines.
    pub(crate) times: bool,
}

impl FollowOptions {
    /// The logs alone.
    pub(crate) fn plain(ranks: Ranks) -> Self {
        Self { ranks, times: false }
    }
}

/// Something to tell about a followed job.
#[derive(Debug)]
pub(crate) enum FollowUpdate {
    /// It changed.
    Event(Event),
    /// A worker wrote; pieces begin and end anywhere. The times are empty unless they are wanted.
    Log { rank: u32, text: String, times: Vec<LogTime> },
    /// A worker has ended and everything it wrote was told.
    LogEnd { rank: u32 },
}

/// Tells everything about a job until it has ended; answers the job as it then is.
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
    Ok(ended.map_err(|error| Failure::because("following a log broke off", error))??)
}

/// The logs that are being followed.
struct Logs {
    client: Client,
    id: String,
    options: FollowOptions,
    /// Number of the last attempt that is followed.
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
                    // Where nobody hears it, the next one is not heard either.
                    let _ = sender.send(gap).await;
                }
                (FollowUpdate::Log { rank, text: chunk.text, times: chunk.times.take().unwrap_or_default() }, true)
            }
            // A worker without a process of its own has no log.
            Ok(None) | Err(ClientError::Server { status: 404, .. }) => (FollowUpdate::LogEnd { rank }, false),
            Err(error) => return Err(error),
        };
        let received = sender.send(update).await.is_ok();
        if !more || !received {
            return Ok(());
        }
    }
}
