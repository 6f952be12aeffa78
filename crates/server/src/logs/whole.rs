//! The raw bytes of a log, from an offset to the end that the log had at the request, part by part. Only one part is in
//! memory, however long the log is.

use std::sync::Arc;

use trainyard_engine::log::{LogReader, resolve_offset};

use super::WorkerLog;
use crate::failure::Failure;

/// The maximum number of bytes of a part.
const PART: usize = 256 * 1024;

/// The rest of a log that is being read.
#[derive(Debug)]
pub struct Whole {
    log: WorkerLog,
    /// `None` where the worker had printed nothing.
    reader: Option<Arc<dyn LogReader>>,
    next: u64,
    end: u64,
}

/// Some bytes of a log.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// How many bytes before these were cut away.
    pub skipped: u64,
    /// The bytes as the worker printed them.
    pub bytes: Vec<u8>,
}

impl WorkerLog {
    /// The log from an offset to its end now, and at most so many bytes.
    ///
    /// Fails if the log cannot be read.
    pub async fn whole(self, offset: i64, limit: Option<u32>) -> Result<Whole, Failure> {
        let source = Arc::clone(&self.source);
        let open = move || {
            let Some(reader) = source.open()? else { return Ok((None, 0, 0)) };
            let size = reader.size()?;
            let next = resolve_offset(offset, size);
            let end = limit.map_or(size, |limit| size.min(next.saturating_add(limit.into())));
            Ok((Some(reader), next, end))
        };
        let (reader, next, end) = self.logs.read(self.source.as_ref(), open).await?;
        Ok(Whole { log: self, reader, next, end })
    }
}

impl Whole {
    /// The next part; `None` at the end.
    ///
    /// Fails if the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Part>, Failure> {
        let Some(reader) = self.reader.clone().filter(|_| self.next < self.end) else {
            return Ok(None);
        };
        let (from, end) = (self.next, self.end);
        let read = move || reader.read(from, PART, end);
        let piece = self.log.logs.read(self.log.source.as_ref(), read).await?;
        let skipped = piece.offset.min(end) - from;
        self.next = if piece.bytes.is_empty() { end } else { piece.end() };
        Ok(Some(Part { skipped, bytes: piece.bytes }))
    }
}
