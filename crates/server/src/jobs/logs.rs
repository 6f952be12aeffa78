//! The log of a worker: where it is read, whether it still grows, and a piece of it.
//!
//! Followers are in `follow`, the raw bytes in `whole`, the search in `search`. All of them read through a `LogSource` of
//! the engine and know no path.

mod follow;
mod readers;
mod search;
mod whole;

pub use follow::{Follower, SharedChunk};
pub use readers::Logs;
pub use trainyard_engine::log::{LineTime, search::Hit};
pub use whole::{Part, Whole};

use std::sync::Arc;

use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    id::JobId,
    job::Job,
    workers::worker_names,
};
use trainyard_engine::log::{self, Chunk, LogSource};

use crate::{App, failure::Failure, jobs::find};

/// The log of one worker in one attempt.
#[derive(Clone, Debug)]
pub struct WorkerLog {
    /// The job.
    pub job: Job,
    /// The number of the attempt.
    pub attempt: u32,
    /// The rank of the worker.
    pub rank: u32,
    source: Arc<dyn LogSource>,
}

/// Names one log among all logs of the server.
type LogKey = (JobId, u32, u32);

/// Which piece of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogRequest {
    /// The offset at which the piece starts; a negative one counts from the end.
    pub offset: i64,
    /// The most bytes of the piece.
    pub limit: usize,
    /// Whether the caller wants the times of its lines too.
    pub times: bool,
}

/// A piece of a log. Offsets count the bytes that the worker wrote.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// The text with its offsets.
    pub chunk: Chunk,
    /// When the lines were printed, where the caller wanted that.
    pub times: Option<Vec<LineTime>>,
    /// Whether the log ends with this piece.
    pub end: bool,
}

impl WorkerLog {
    fn key(&self) -> LogKey {
        (self.job.id.clone(), self.attempt, self.rank)
    }

    /// Whether the worker's attempt is over, so that the worker writes no more.
    ///
    /// # Errors
    /// Only those of the store.
    async fn is_complete(&self, app: &App) -> Result<bool, Failure> {
        let attempt = app.store.attempt(&self.job.id, self.attempt).await?;
        match attempt {
            Some(attempt) => Ok(attempt.ended.is_some()),
            // There is no such attempt yet, or the job was deleted. The log grows only if the job may still start.
            None => Ok(app.store.job(&self.job.id).await?.is_none_or(|job| job.status().has_ended())),
        }
    }

    /// Reads a piece.
    ///
    /// # Errors
    /// Where the store or the log cannot be read.
    pub async fn read(&self, app: &App, request: LogRequest) -> Result<Piece, Failure> {
        // Before the log is read: the worker writes nothing after the end, so a later read is complete.
        let complete = self.is_complete(app).await?;
        self.read_to(app, u64::MAX, request, complete).await
    }

    /// Reads a piece of the first `most` bytes.
    async fn read_to(&self, app: &App, most: u64, request: LogRequest, complete: bool) -> Result<Piece, Failure> {
        let source = Arc::clone(&self.source);
        let read = move || {
            let Some(log) = source.open()? else {
                return Ok(Piece { end: complete, times: request.times.then(Vec::new), ..Piece::default() });
            };
            let size = log.size()?.min(most);
            let chunk = log::read_chunk(log.as_ref(), size, request.offset, request.limit, complete)?;
            let times = request.times.then(|| log::line_times(log.as_ref(), &chunk)).transpose()?;
            let end = complete && chunk.next_offset >= chunk.size;
            Ok(Piece { chunk, times, end })
        };
        app.logs.read(self.source.as_ref(), read).await
    }
}

/// Finds the log of a worker by its name, in the latest attempt unless the caller names another.
///
/// # Errors
/// `NotFound` for a job, worker or attempt that does not exist, `LogsRemoved` after the retention time.
pub async fn worker_log(
    app: &App,
    actor: &Actor,
    id: &str,
    pod_name: &str,
    attempt: Option<u32>,
) -> Result<WorkerLog, Failure> {
    let job = find(app, actor, Action::ReadJob, id).await?;
    let names = worker_names(&job.id, job.spec.workers);
    let missing = || Failure::not_found("worker", pod_name);
    let rank = names.iter().position(|name| name == pod_name).ok_or_else(missing)?;
    let rank = u32::try_from(rank).map_err(|_| missing())?;
    let latest = job.attempt.as_ref().map_or(1, |attempt| attempt.number);
    let attempt = attempt.unwrap_or(latest);
    if attempt > latest {
        let message = format!("must be at most {latest}, the number of its latest attempt");
        return Err(Failure::BadQuery(vec![Fault {
            path: "attempt".to_owned(),
            code: FaultCode::OutOfRange,
            message,
        }]));
    }
    if job.status().has_ended() && app.store.logs_are_removed(&job.id).await? {
        return Err(Failure::LogsRemoved);
    }
    let engine = app.centres.engine(job.centre());
    let engine = engine.ok_or_else(|| Failure::Unavailable("the job's centre is no longer configured".to_owned()))?;
    let source = engine.logs(&job.id, attempt, rank);
    Ok(WorkerLog { job, attempt, rank, source })
}

/// The path of each worker's log, by attempt and rank; `None` where the log is not a file on the server's host.
pub fn log_paths(app: &App, job: &Job) -> impl Fn(u32, u32) -> Option<String> + use<> {
    let engine = app.centres.engine(job.centre()).cloned();
    let id = job.id.clone();
    move |attempt, rank| {
        let source = engine.as_ref()?.logs(&id, attempt, rank);
        Some(source.path()?.to_string_lossy().into_owned())
    }
}
