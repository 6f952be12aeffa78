//! Following a log: what it holds from an offset on, and what is added, until it has ended.
//!
//! However many callers follow one log, the server looks for new bytes once for all of them. Followers at the same
//! offset share the chunk that follows and the bytes that are sent for it. A slow follower delays no other.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OnceCell, watch},
    time::Instant,
};

use super::{LogRequest, Piece, WorkerLog};
use crate::failure::Failure;

/// How often the server looks whether a followed log has grown.
const PERIOD: Duration = Duration::from_millis(100);

/// How many chunks of one log are kept for other followers.
const CHUNKS: usize = 8;

/// What the followers of a log share.
#[derive(Debug)]
pub(super) struct Tail {
    log: WorkerLog,
    seen: tokio::sync::Mutex<Seen>,
    chunks: Mutex<VecDeque<(Key, Shared)>>,
}

/// What identifies a chunk: the request, the size of the log, and whether the log is complete.
type Key = (LogRequest, u64, bool);

/// A chunk that the first follower reads and the others share.
type Shared = Arc<OnceCell<Arc<SharedChunk>>>;

/// The last observed size of a log.
#[derive(Debug)]
struct Seen {
    at: Option<Instant>,
    size: u64,
    complete: bool,
    changes: watch::Receiver<u64>,
}

/// A chunk for all followers at its offset.
#[derive(Debug)]
pub struct SharedChunk {
    /// The text of the chunk with its offsets.
    pub piece: Piece,
    /// The bytes that are sent for it; the first follower that sends it renders them.
    pub sent: OnceLock<Arc<[u8]>>,
}

impl Tail {
    pub(super) fn new(log: WorkerLog) -> Self {
        let seen = Seen { at: None, size: 0, complete: false, changes: log.logs.store.changes() };
        Self { log, seen: tokio::sync::Mutex::new(seen), chunks: Mutex::default() }
    }

    /// The size of the log and whether it is complete. The answer is not older than `age`.
    async fn look(&self, age: Duration) -> Result<(u64, bool), Failure> {
        let mut seen = self.seen.lock().await;
        if seen.at.is_some_and(|at| at.elapsed() < age) || seen.complete {
            return Ok((seen.size, seen.complete));
        }
        // Before the size: the worker writes nothing after the end. The store is asked only when something has changed.
        let has_changed = seen.at.is_none() || seen.changes.has_changed().unwrap_or(true);
        let complete = if has_changed {
            seen.changes.mark_unchanged();
            self.log.is_complete().await?
        } else {
            false
        };
        let source = Arc::clone(&self.log.source);
        seen.size = self.log.logs.read(self.log.source.as_ref(), move || source.size()).await?;
        seen.complete = complete;
        seen.at = Some(Instant::now());
        Ok((seen.size, complete))
    }

    /// The chunk at an offset of a log of this size, read by the first follower that asks for it.
    async fn chunk(&self, request: LogRequest, size: u64, complete: bool) -> Result<Arc<SharedChunk>, Failure> {
        let key = (request, size, complete);
        let cell = {
            let mut chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
            match chunks.iter().find(|(of, _)| *of == key) {
                Some((_, cell)) => Arc::clone(cell),
                None => {
                    let cell = Arc::new(OnceCell::new());
                    chunks.truncate(CHUNKS - 1);
                    chunks.push_front((key, Arc::clone(&cell)));
                    cell
                }
            }
        };
        let read = async || {
            let piece = self.log.read_to(size, request, complete).await?;
            Ok(Arc::new(SharedChunk { piece, sent: OnceLock::new() }))
        };
        cell.get_or_try_init(read).await.cloned()
    }
}

/// One caller that follows a log.
#[derive(Debug)]
pub struct Follower {
    tail: Arc<Tail>,
    next: LogRequest,
    is_over: bool,
}

impl Follower {
    /// Follows a log from an offset on.
    pub fn new(log: WorkerLog, from: LogRequest) -> Self {
        let logs = log.logs.clone();
        Self { tail: logs.tail(log), next: from, is_over: false }
    }

    /// The next chunk with content, as soon as there is one. The chunk that ends the log may be empty, and after it
    /// comes `None`. The call may be dropped while it waits.
    ///
    /// Fails if the store or the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Arc<SharedChunk>>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        loop {
            let (mut size, mut complete) = self.tail.look(PERIOD).await?;
            if beyond(self.next.offset, size) {
                // Another call may have read more since the last look. An offset beyond the present size means the end.
                (size, complete) = self.tail.look(Duration::ZERO).await?;
                self.next.offset = self.next.offset.min(i64::try_from(size).unwrap_or(i64::MAX));
            }
            let is_at_end = u64::try_from(self.next.offset).is_ok_and(|offset| offset == size);
            if !is_at_end || complete {
                let shared = self.tail.chunk(self.next, size, complete).await?;
                let chunk = &shared.piece.chunk;
                self.next.offset = i64::try_from(chunk.next_offset).unwrap_or(i64::MAX);
                let is_empty = chunk.text.is_empty() && chunk.skipped == 0;
                self.is_over = is_empty && shared.piece.end;
                if !is_empty || self.is_over {
                    return Ok(Some(shared));
                }
            }
            tokio::time::sleep(PERIOD).await;
        }
    }
}

fn beyond(offset: i64, size: u64) -> bool {
    u64::try_from(offset).is_ok_and(|offset| offset > size)
}
