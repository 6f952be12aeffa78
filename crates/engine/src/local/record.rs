//! The records that server and shim exchange as files.
//!
//! Each record contains its format, because a newer server adopts the running shims of an older one. A new field needs a
//! default. A change of the meaning of a field increases [`FORMAT`], and the old formats stay readable.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fs, io, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use trainyard_domain::{
    attempt::WorkerFact,
    time::{Span, SteadyTime, WallTime},
};

use super::{cgroup::Groups, means::Means, proc::ProcessId, sandbox::Sandbox};
use crate::Launch;

/// The format that this version writes.
pub(crate) const FORMAT: u32 = 1;

/// `launch.json`: the server tells the shim what to start.
#[derive(Serialize, Deserialize, Debug, PartialEq)]
pub(crate) struct LaunchRecord {
    pub(crate) format: u32,
    /// How many bytes of the log of one worker the shim keeps.
    #[serde(default = "log_cap", skip_serializing_if = "is_log_cap")]
    pub(crate) log_cap: u64,
    #[serde(flatten)]
    pub(crate) launch: Launch,
    /// The variables whose values the server passes to the shim in a file of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) secrets: Vec<String>,
    /// The control groups of the workers. Older servers wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Groups>,
    /// `None` if the workers see the host as the server does.
    #[serde(rename = "space", default, skip_serializing_if = "Option::is_none")]
    pub(crate) sandbox: Option<Sandbox>,
    /// The means of isolation that the shim must use. Older servers wrote none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) means: BTreeSet<Means>,
}

/// The cap of servers that wrote none.
fn log_cap() -> u64 {
    super::DEFAULT_LOG_CAP
}

fn is_log_cap(cap: &u64) -> bool {
    *cap == log_cap()
}

/// `started`: the attempt has started and never starts again.
#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
pub(crate) struct Started {
    pub(crate) format: u32,
    pub(crate) boot_id: String,
    pub(crate) shim: ShimId,
}

/// The process of the shim. The start time distinguishes it from a later process with the same pid.
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

/// `status.json`: the state of the attempt, written by the shim.
#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
pub(crate) struct Status {
    pub(crate) format: u32,
    pub(crate) boot_id: String,
    /// `None` if the attempt was cancelled before a shim started.
    pub(crate) shim: Option<ShimId>,
    pub(crate) phase: Phase,
    pub(crate) started_ms: Option<WallTime>,
    /// The start by the host's monotonic clock; valid until the next boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_monotonic_ms: Option<SteadyTime>,
    pub(crate) ended_ms: Option<WallTime>,
    pub(crate) running_ms: Span,
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
    /// A failure or a stop request has started its end.
    Ending,
    /// No process of the attempt exists any more.
    Ended,
}

/// `stop.json`: the request to stop, written by the server.
#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct StopRequest {
    pub(crate) format: u32,
    pub(crate) grace_seconds: u32,
    /// When the server received the request, by the host's monotonic clock.
    #[serde(rename = "wished_monotonic_ms", default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested_monotonic_ms: Option<SteadyTime>,
    /// Whether the server has killed the workers itself. Then their exits result from the request, even if the shim sees
    /// them before the request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_enforced: bool,
}

impl StopRequest {
    /// The start of the line that carries the request through the FIFO if the disk has no room for the file.
    const LINE: &str = "stop within ";

    /// The request as a line for the FIFO.
    pub(crate) fn line(self) -> String {
        format!("{}{}", Self::LINE, self.grace_seconds)
    }

    /// The shortest grace in seconds among the requests in a text from the FIFO. Bare notifications (`!`) may precede a
    /// request in its line.
    pub(crate) fn from_fifo(text: &[u8]) -> Option<u32> {
        let lines = text.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
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

/// Reads a record; `None` if the file does not exist.
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

/// Serializes a record.
pub(crate) fn bytes<T: Serialize>(record: &T) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(record)?;
    bytes.push(b'\n');
    Ok(bytes)
}
