//! Where a worker's log lies, whether it still grows, a piece of it, and the file itself.

use std::{fs::File, io, path::PathBuf};

use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    job::Job,
    launch::worker_names,
};
use trainyard_engine::log;

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

    /// Reads at most `limit` bytes from an offset on; a negative one counts from the end.
    ///
    /// # Errors
    /// Where the store or the file cannot be read.
    pub async fn read(&self, app: &App, offset: i64, limit: usize) -> Result<Piece, Failure> {
        // Asked before the file is read: after the end nothing more is written, so what is read then is all.
        let complete = self.is_complete(app).await?;
        let path = self.path.clone();
        let chunk = self.blocking(move || log::read(&path, offset, limit, complete)).await?;
        let end = complete && chunk.next_offset >= chunk.size;
        Ok(Piece { text: chunk.text, offset: chunk.offset, next_offset: chunk.next_offset, end })
    }

    /// The file as it is, standing at an offset; `None` where nothing was printed yet.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub async fn open(&self, offset: i64) -> Result<Option<File>, Failure> {
        let path = self.path.clone();
        Ok(self.blocking(move || log::open(&path, offset)).await?.map(|opened| opened.file))
    }

    /// Files block, so they are read away from the server's own threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::Internal(format!("cannot read {}: {error}", self.path.display()));
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }
}

/// A piece of a log; offsets count the bytes that were written.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its text.
    pub text: String,
    /// Where it begins.
    pub offset: u64,
    /// Where to go on.
    pub next_offset: u64,
    /// Whether the log ends with it.
    pub end: bool,
}

/// Finds the log of a worker by its name; without an attempt, that of the latest.
///
/// # Errors
/// `NotFound` for a job, worker or attempt that is not there.
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
    let centre = app.centres.get(job.centre());
    let centre = centre.ok_or_else(|| Failure::Unavailable("the job's centre is no longer configured".to_owned()))?;
    let path = centre.engine.log_path(&job.id, attempt, rank);
    Ok(LogPlace { job, attempt, path })
}
