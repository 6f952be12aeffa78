//! A log in memory.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use trainyard_domain::time::WallTime;

use crate::log::{Bytes, Cut, LineTime, LogReader, LogSource, Mark, times};

/// Everything that a worker printed.
#[derive(Debug, Default)]
pub(super) struct MemoryLog {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    pub(super) cut: Cut,
}

impl MemoryLog {
    pub(super) fn append(&mut self, bytes: &[u8], time: WallTime) {
        let offset = self.bytes.len() as u64;
        if self.marks.last().is_none_or(|mark| mark.time != time) {
            self.marks.push(Mark { offset, time });
        }
        self.bytes.extend_from_slice(bytes);
    }
}

/// The log of one worker.
#[derive(Clone, Debug)]
pub(super) struct MemorySource {
    pub(super) name: String,
    pub(super) log: Arc<Mutex<MemoryLog>>,
}

impl LogSource for MemorySource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn size(&self) -> io::Result<u64> {
        self.log.size()
    }

    fn open(&self) -> io::Result<Option<Arc<dyn LogReader>>> {
        let has_printed = !locked(&self.log).bytes.is_empty();
        Ok(has_printed.then(|| Arc::new(Arc::clone(&self.log)) as Arc<dyn LogReader>))
    }
}

impl LogReader for Arc<Mutex<MemoryLog>> {
    fn size(&self) -> io::Result<u64> {
        Ok(locked(self).bytes.len() as u64)
    }

    fn cut(&self) -> io::Result<Cut> {
        Ok(locked(self).cut)
    }

    fn read(&self, offset: u64, limit: usize, end: u64) -> io::Result<Bytes> {
        let log = locked(self);
        let at = log.cut.after(offset);
        let stop = log.cut.before(at);
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let end = stop.min(end).min(at.saturating_add(limit)).min(log.bytes.len() as u64);
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = log.bytes.get(place(at)..place(end)).unwrap_or_default().to_vec();
        let piece = Bytes { bytes, offset: at, before_cut: false };
        Ok(Bytes { before_cut: piece.end() == stop, ..piece })
    }

    fn line_times(&self, piece: &Bytes) -> io::Result<Vec<LineTime>> {
        let log = locked(self);
        let get = |number: u64| Ok(usize::try_from(number).ok().and_then(|at| log.marks.get(at)).copied());
        let next = log.marks.partition_point(|mark| mark.offset <= piece.offset) as u64;
        times::by_marks(&piece.bytes, piece.offset, next, get)
    }
}

fn locked(log: &Mutex<MemoryLog>) -> MutexGuard<'_, MemoryLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
