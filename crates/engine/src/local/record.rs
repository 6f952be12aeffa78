//! The records that server and shim leave each other on disk.
//!
//! Each carries its format, because a newer server adopts the running shims of an older one. A field may be added with
//! a default; whatever changes the meaning of one raises [`FORMAT`] and keeps reading the old ones.

#[cfg(test)]
mod tests;

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use trainyard_domain::attempt::WorkerFact;

use super::{cgroup::Groups, proc::ProcessId, sandbox::Sandbox};
use crate::Launch;

/// The format that is written now.
pub(crate) const FORMAT: u32 = 1;

/// `launch.json`: the server tells the shim what to start.
#[derive(Serialize, Deserialize, Debug, PartialEq)]
pub(crate) struct LaunchRecord {
    pub(crate) format: u32,
    /// The most bytes that are kept of one worker's log.
    #[serde(default = "log_cap", skip_serializing_if = "is_log_cap")]
    pub(crate) log_cap: u64,
    #[serde(flatten)]
    pub(crate) launch: Launch,
    /// The control groups of the workers; none in what older servers wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Groups>,
    /// `None` where the workers see the host as the server does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) space: Option<Sandbox>,
}

/// What servers meant that said nothing of it.
fn log_cap() -> u64 {
    super::DEFAULT_LOG_CAP
}

fn is_log_cap(cap: &u64) -> bool {
    *cap == log_cap()
}

/// `started`: from here on this attempt has begun, for ever.
#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
pub(crate) struct Started {
    pub(crate) format: u32,
    pub(crate) boot_id: String,
    pub(crate) shim: ShimId,
}

/// Which process the shim is; the start time tells it from a later one with the same pid.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct ShimId {
    pub(crate) pid: u32,
    pub(crate) start_ticks: u64,
}

impl From<ShimId> for ProcessId {
    fn from(ShimId { pid, start_ticks }: ShimId) -> Self {
        Self { pid, start_ticks }
    }
}

/// `status.json`: what the shim knows.
#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
pub(crate) struct Status {
    pub(crate) format: u32,
    pub(crate) boot_id: String,
    /// `None` where the attempt was ended before a shim was started.
    pub(crate) shim: Option<ShimId>,
    pub(crate) phase: Phase,
    pub(crate) started_ms: Option<i64>,
    /// The same by the host's monotonic clock, which says something only until the next boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_monotonic_ms: Option<i64>,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) running_ms: i64,
    pub(crate) first_failure: Option<u32>,
    pub(crate) stopped: bool,
    pub(crate) workers: Vec<WorkerFact>,
}

/// How far an attempt is.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Starting,
    Running,
    /// A failure or a wish has begun its end.
    Ending,
    /// No process of it exists any more.
    Ended,
}

/// `stop.json`: the wish to stop.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct StopRequest {
    pub(crate) format: u32,
    pub(crate) grace_seconds: u32,
    /// When it was wished, by the host's monotonic clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wished_monotonic_ms: Option<i64>,
    /// Whether the server has killed the workers itself: then their ends come of the wish, even if the shim sees them first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_enforced: bool,
}

impl StopRequest {
    /// What its line begins with, where it is told through the FIFO because the disk has no room for the file.
    const LINE: &str = "stop within ";

    /// The wish as a line.
    pub(crate) fn line(self) -> String {
        format!("{}{}", Self::LINE, self.grace_seconds)
    }

    /// The grace of the most urgent wish among what was told; bare pokes may stand before it.
    pub(crate) fn told(said: &[u8]) -> Option<u32> {
        let lines = said.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
        lines.filter_map(|line| line.trim_start_matches('!').strip_prefix(Self::LINE)?.parse().ok()).min()
    }
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    #[error("has format {0}, which only a newer version of Trainyard reads")]
    Newer(u32),
}

/// Reads a record; `None` where there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, RecordError> {
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Versioned { format } = serde_json::from_slice(&bytes)?;
    if format > FORMAT {
        return Err(RecordError::Newer(format));
    }
    Ok(Some(serde_json::from_slice(&bytes)?))
}

/// The bytes of a record.
pub(crate) fn bytes<T: Serialize>(record: &T) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(record)?;
    bytes.push(b'\n');
    Ok(bytes)
}
