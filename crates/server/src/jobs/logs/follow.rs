//! Following a log: what it holds from an offset on, and what comes, until it has ended.
//!
//! However many follow one log, it is looked at once in a while for all of them, and those who stand at the same place
//! share the piece that follows and what was made of it. Each has its own pace: nobody waits for a slow one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OnceCell, watch},
    time::Instant,
};

use super::{LogPlace, LogRequest, Piece};
use crate::{App, failure::Failure};

/// How often it is looked whether the log has grown.
const LOOK: Duration = Duration::from_millis(100);

/// How many pieces are kept for those who come to them next.
const PIECES: usize = 8;

/// What is known of a log that somebody follows.
#[derive(Debug)]
pub(super) struct Tail {
    place: LogPlace,
    seen: tokio::sync::Mutex<Seen>,
    pieces: Mutex<VecDeque<(Key, Shared)>>,
}

/// Which piece, of how large a log.
type Key = (LogRequest, u64, bool);

/// Filled by the first who asks.
type Shared = Arc<OnceCell<Arc<SharedChunk>>>;

#[derive(Debug)]
struct Seen {
    at: Option<Instant>,
    size: u64,
    complete: bool,
    changes: watch::Receiver<u64>,
}

/// A piece for all who follow from its place.
#[derive(Debug)]
pub struct SharedChunk {
    /// The piece.
    pub piece: Piece,
    /// What is sent of it, made by the first who sends it.
    pub sent: OnceLock<Arc<[u8]>>,
}

impl Tail {
    pub(super) fn new(app: &App, place: LogPlace) -> Self {
        let seen = Seen { at: None, size: 0, complete: false, changes: app.store.changes() };
        Self { place, seen: tokio::sync::Mutex::new(seen), pieces: Mutex::default() }
    }

    /// How long the log is and whether it is all there, as it was so long ago at the most.
    async fn look(&self, app: &App, ago: Duration) -> Result<(u64, bool), Failure> {
        let mut seen = self.seen.lock().await;
        if seen.at.is_some_and(|at| at.elapsed() < ago) || seen.complete {
            return Ok((seen.size, seen.complete));
        }
        // Before the size: after the end nothing more is written. The store is asked only when it has news.
        let has_news = seen.at.is_none() || seen.changes.has_changed().unwrap_or(true);
        let complete = if has_news {
            seen.changes.mark_unchanged();
            self.place.is_complete(app).await?
        } else {
            false
        };
        let path = self.place.path.clone();
        let size = app.logs.reading(&self.place.path, move || match std::fs::metadata(path) {
            Ok(found) => Ok(found.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        });
        seen.size = size.await?;
        seen.complete = complete;
        seen.at = Some(Instant::now());
        Ok((seen.size, complete))
    }

    /// The piece at a place of a log of this size, read by the first who asks for it.
    async fn piece(
        &self,
        app: &App,
        wanted: LogRequest,
        size: u64,
        complete: bool,
    ) -> Result<Arc<SharedChunk>, Failure> {
        let key = (wanted, size, complete);
        let cell = {
            let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
            match pieces.iter().find(|(of, _)| *of == key) {
                Some((_, cell)) => Arc::clone(cell),
                None => {
                    let cell = Arc::new(OnceCell::new());
                    pieces.truncate(PIECES - 1);
                    pieces.push_front((key, Arc::clone(&cell)));
                    cell
                }
            }
        };
        let read = async || {
            let piece = self.place.read_to(app, size, wanted, complete).await?;
            Ok(Arc::new(SharedChunk { piece, sent: OnceLock::new() }))
        };
        cell.get_or_try_init(read).await.cloned()
    }
}

/// One who follows a log.
#[derive(Debug)]
pub struct Follower {
    app: App,
    tail: Arc<Tail>,
    next: LogRequest,
    is_over: bool,
}

impl Follower {
    /// Follows a log from a place on.
    pub fn new(app: &App, place: LogPlace, from: LogRequest) -> Self {
        Self { app: app.clone(), tail: app.logs.tail(app, place), next: from, is_over: false }
    }

    /// The next piece with something in it, as soon as there is one; the one that ends the log may be empty, and after it
    /// comes `None`. May be dropped while it waits.
    ///
    /// # Errors
    /// Where the store or the file cannot be read.
    pub async fn next(&mut self) -> Result<Option<Arc<SharedChunk>>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        loop {
            let (mut size, mut complete) = self.tail.look(&self.app, LOOK).await?;
            if beyond(self.next.offset, size) {
                // It may have been read elsewhere since the look; beyond what is there now it means the end.
                (size, complete) = self.tail.look(&self.app, Duration::ZERO).await?;
                self.next.offset = self.next.offset.min(i64::try_from(size).unwrap_or(i64::MAX));
            }
            let is_at_end = u64::try_from(self.next.offset).is_ok_and(|offset| offset == size);
            if !is_at_end || complete {
                let news = self.tail.piece(&self.app, self.next, size, complete).await?;
                let chunk = &news.piece.chunk;
                self.next.offset = i64::try_from(chunk.next_offset).unwrap_or(i64::MAX);
                let says_nothing = chunk.text.is_empty() && chunk.skipped == 0;
                self.is_over = says_nothing && news.piece.end;
                if !says_nothing || self.is_over {
                    return Ok(Some(news));
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn beyond(offset: i64, size: u64) -> bool {
    u64::try_from(offset).is_ok_and(|offset| offset > size)
}
