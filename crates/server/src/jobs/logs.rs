//! Where a worker's log lies, whether it still grows, and a piece of it.
//!
//! Following stands in `follow`, the whole as it is in `whole`.

mod follow;
mod readers;
mod search;
mod whole;

pub use follow::{Follower, SharedChunk};
pub use readers::Logs;
pub use trainyard_engine::log::{LineTime, search::Hit};
pub use whole::{Part, Whole};

use std::path::PathBuf;

use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    job::Job,
    workers::worker_names,
};
use trainyard_engine::log::{self, Chunk, LogFile};

use crate::{App, failure::Failure, jobs::find};

/// The log of one worker in one attempt.
#[derive(Clone, Debug)]
pub struct LogPlace {
    /// The job.
    pub job: Job,
    /// Which attempt.
    pub attempt: u32,
    /// The file; it may not exist (yet).
    pub path: PathBuf,
}

/// Which piece of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogRequest {
    /// Where it begins; a negative offset counts from the end.
    pub offset: i64,
    /// At most so many bytes.
    pub limit: usize,
    /// Whether the times of its lines are wanted too.
    pub times: bool,
}

/// A piece of a log; offsets count the bytes that were written.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// Its text, and where it begins and ends.
    pub chunk: Chunk,
    /// When its lines were printed, where that was wanted.
    pub times: Option<Vec<LineTime>>,
    /// Whether the log ends with it.
    pub end: bool,
}

impl LogPlace {
    /// Whether the worker's attempt is over, so that nothing more will be written.
    ///
    /// # Errors
    /// Only those of the store.
    async fn is_complete(&self, app: &App) -> Result<bool, Failure> {
        let attempt = app.store.attempt(&self.job.id, self.attempt).await?;
        match attempt {
            Some(attempt) => Ok(attempt.ended.is_some()),
            // No such attempt yet, or the job is gone: it grows only if the job may still start.
            None => Ok(app.store.job(&self.job.id).await?.is_none_or(|job| job.status().has_ended())),
        }
    }

    /// Reads a piece.
    ///
    /// # Errors
    /// Where the store or the file cannot be read.
    pub async fn read(&self, app: &App, wanted: LogRequest) -> Result<Piece, Failure> {
        // Asked before the file is read: after the end nothing more is written, so what is read then is all.
        let complete = self.is_complete(app).await?;
        self.read_to(app, u64::MAX, wanted, complete).await
    }

    /// Reads a piece of the first so many bytes.
    async fn read_to(&self, app: &App, most: u64, wanted: LogRequest, complete: bool) -> Result<Piece, Failure> {
        let path = self.path.clone();
        let read = move || {
            let Some(file) = LogFile::open(&path)? else {
                return Ok(Piece { end: complete, times: wanted.times.then(Vec::new), ..Piece::default() });
            };
            let size = file.size()?.min(most);
            let chunk = log::read_of(&file, size, wanted.offset, wanted.limit, complete)?;
            let times = wanted.times.then(|| log::line_times(&path, &chunk)).transpose()?;
            let end = complete && chunk.next_offset >= chunk.size;
            Ok(Piece { chunk, times, end })
        };
        app.logs.reading(&self.path, read).await
    }
}

/// Finds the log of a worker by its name; without an attempt, that of the latest.
///
/// # Errors
/// `NotFound` for a job, worker or attempt that is not there, `LogsRemoved` for one that ended too long ago.
pub async fn log_place(
    app: &App,
    actor: &Actor,
    id: &str,
    pod_name: &str,
    attempt: Option<u32>,
) -> Result<LogPlace, Failure> {
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
    let path = engine.log_path(&job.id, attempt, rank);
    Ok(LogPlace { job, attempt, path })
}

/// Where each worker's log lies, by attempt and rank, as text; nowhere where no engine can tell.
pub fn log_paths(app: &App, job: &Job) -> impl Fn(u32, u32) -> Option<String> + use<> {
    let engine = app.centres.engine(job.centre()).cloned();
    let id = job.id.clone();
    move |attempt, rank| Some(engine.as_ref()?.log_path(&id, attempt, rank).to_string_lossy().into_owned())
}
