//! The log of a worker: where the server reads it, whether it still grows, and a piece of it.
//!
//! Followers are in `follow`, the raw bytes in `whole`, the search in `search`. All of them read through a `LogSource`
//! of the engine and know no path.

mod follow;
mod readers;
mod search;
mod turns;
mod whole;

pub use follow::{Follower, SharedChunk};
pub use readers::Logs;
pub use trainyard_engine::log::{LineTime, search::Hit};
pub use whole::{Part, Whole};

use std::sync::Arc;

use trainyard_domain::{id::JobId, job::Job};
use trainyard_engine::log::{self, Chunk, LogSource};

use crate::failure::Failure;

/// The log of one worker in one attempt.
#[derive(Clone, Debug)]
pub struct WorkerLog {
    /// The job of the worker.
    pub job: Job,
    /// The number of the attempt.
    pub attempt: u32,
    /// The rank of the worker.
    pub rank: u32,
    source: Arc<dyn LogSource>,
    logs: Logs,
}

/// Names one log among all logs of the server.
type LogKey = (JobId, u32, u32);

/// The piece of a log that a caller reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogRequest {
    /// The offset at which the piece starts; a negative one counts from the end.
    pub offset: i64,
    /// The maximum number of bytes of the piece.
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
    /// The log of a worker, which its engine reads by `source`.
    pub fn new(logs: &Logs, job: Job, attempt: u32, rank: u32, source: Arc<dyn LogSource>) -> Self {
        Self { job, attempt, rank, source, logs: logs.clone() }
    }

    fn key(&self) -> LogKey {
        (self.job.id.clone(), self.attempt, self.rank)
    }

    /// Whether the worker's attempt is over, so that the worker writes no more.
    ///
    /// Errors: those of the store.
    async fn is_complete(&self) -> Result<bool, Failure> {
        let store = &self.logs.store;
        match store.attempt(&self.job.id, self.attempt).await? {
            Some(attempt) => Ok(attempt.ended.is_some()),
            // There is no such attempt yet, or the job was deleted. The log grows only if the job may still start.
            None => Ok(store.job(&self.job.id).await?.is_none_or(|job| job.status().has_ended())),
        }
    }

    /// Reads a piece.
    ///
    /// Fails if the store or the log cannot be read.
    pub async fn read(&self, request: LogRequest) -> Result<Piece, Failure> {
        // Before the log is read: the worker writes nothing after the end, so a later read is complete.
        let complete = self.is_complete().await?;
        self.read_to(u64::MAX, request, complete).await
    }

    /// Reads a piece of the first `most` bytes.
    async fn read_to(&self, most: u64, request: LogRequest, complete: bool) -> Result<Piece, Failure> {
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
        self.logs.read(self.source.as_ref(), read).await
    }
}
