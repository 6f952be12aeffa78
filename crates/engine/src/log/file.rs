//! A log in a file on this host: raw bytes by offset, read while the shim writes and cuts the file.
//!
//! Two small files beside the log say which part is cut away and when lines were printed.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Bytes, LineTime, LogReader, LogSource,
    cut::{self, Cut},
    times,
};

/// A log file by its path.
#[derive(Clone, Debug)]
pub struct FileSource(PathBuf);

impl FileSource {
    /// The log in the file of this path, which may not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl LogSource for FileSource {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.0)
    }

    fn size(&self) -> io::Result<u64> {
        match fs::metadata(&self.0) {
            Ok(found) => Ok(found.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn open(&self) -> io::Result<Option<Arc<dyn LogReader>>> {
        Ok(LogFile::open(&self.0)?.map(|file| Arc::new(file) as Arc<dyn LogReader>))
    }
}

/// An open log file.
#[derive(Debug)]
pub struct LogFile {
    file: File,
    path: PathBuf,
    cut: PathBuf,
}

impl LogFile {
    /// Opens a log file; `None` where there is none yet.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self { file, path: path.to_owned(), cut: cut::path(path) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl LogReader for LogFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn cut(&self) -> io::Result<Cut> {
        cut::read(&self.cut)
    }

    fn read(&self, offset: u64, limit: usize, end: u64) -> io::Result<Bytes> {
        let mut cut = self.cut()?;
        loop {
            let at = cut.after(offset);
            let stop = cut.before(at);
            let most = stop.min(end).saturating_sub(at);
            let mut bytes = vec![0; limit.min(usize::try_from(most).unwrap_or(usize::MAX))];
            let length = read_at(&self.file, &mut bytes, at)?;
            bytes.truncate(length);
            let piece = Bytes { bytes, offset: at, before_cut: false };
            // The cut may have reached these bytes while they were read.
            let now = self.cut()?;
            if now == cut || !now.meets(at, piece.end()) {
                return Ok(Bytes { before_cut: piece.end() == now.before(at), ..piece });
            }
            cut = now;
        }
    }

    fn line_times(&self, piece: &Bytes) -> io::Result<Vec<LineTime>> {
        times::of_lines(&self.path, &piece.bytes, piece.offset, self.cut()?)
    }
}

/// Fills the buffer as far as the file goes.
fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => break,
            Ok(count) => {
                done += count;
                offset = offset.saturating_add(super::length(count));
                buffer = buffer.get_mut(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
