//! A log as it is, from an offset to where it ended when it was asked for, piece by piece: however long it is, little of
//! it is in memory.

use std::sync::Arc;

use trainyard_engine::log::{LogFile, place};

use super::LogPlace;
use crate::{App, failure::Failure};

/// How much is read at once.
const PIECE: usize = 256 * 1024;

/// What is left to read of a log.
#[derive(Debug)]
pub struct Whole {
    app: App,
    place: LogPlace,
    /// `None` where nothing was printed yet.
    file: Option<Arc<LogFile>>,
    next: u64,
    end: u64,
}

/// Some bytes of a log.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// How many bytes before these were cut away.
    pub skipped: u64,
    /// What was printed.
    pub bytes: Vec<u8>,
}

impl LogPlace {
    /// The log from an offset on, as far as it goes now and at most so many bytes.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub async fn whole(self, app: &App, offset: i64, limit: Option<u32>) -> Result<Whole, Failure> {
        let path = self.path.clone();
        let open = move || {
            let Some(file) = LogFile::open(&path)? else { return Ok((None, 0, 0)) };
            let size = file.size()?;
            let next = place(offset, size);
            let end = limit.map_or(size, |limit| size.min(next.saturating_add(limit.into())));
            Ok((Some(Arc::new(file)), next, end))
        };
        let (file, next, end) = app.logs.reading(&self.path, open).await?;
        Ok(Whole { app: app.clone(), place: self, file, next, end })
    }
}

impl Whole {
    /// The next part; `None` at the end.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub async fn next(&mut self) -> Result<Option<Part>, Failure> {
        let Some(file) = self.file.clone().filter(|_| self.next < self.end) else {
            return Ok(None);
        };
        let (from, end) = (self.next, self.end);
        let read = move || file.read(from, PIECE, end);
        let piece = self.app.logs.reading(&self.place.path, read).await?;
        let skipped = piece.offset.min(end) - from;
        self.next = if piece.bytes.is_empty() { end } else { piece.end() };
        Ok(Some(Part { skipped, bytes: piece.bytes }))
    }
}
