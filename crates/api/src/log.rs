//! The log of one worker: pieces by offset, times of lines, search.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Name of the final event of a stream.
pub const END_EVENT: &str = "end";
/// Name of the last event of a stream that the server closes because the key of the call has ended. Its data is the envelope
/// of a failure.
pub const CLOSED_EVENT: &str = "closed";

/// A piece of a log. Offsets count the bytes that the worker has written since its start; they never change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogChunk {
    /// Text of the piece; invalid UTF-8 is replaced by U+FFFD. Never ends inside a character.
    pub text: String,
    /// Offset of the first byte of `text`.
    pub offset: u64,
    /// Offset of the next piece.
    pub next_offset: u64,
    /// Whether the worker has ended and the log has no further text.
    pub end: bool,
    /// Requested bytes that the server had removed because the log exceeded its size limit; left out if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub skipped: Option<u64>,
    /// With `times=true`: times at which the lines were written, exact to a tenth of a second. There is
    /// an entry for the beginning, and one for each line with another time than the line before it. The last entry at or
    /// before the first byte of a line has its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub times: Option<Vec<LogTime>>,
}

/// The line that users see in place of removed bytes.
pub fn cut_line(skipped: u64) -> String {
    format!("[trainyard: {skipped} bytes of this log were removed here]")
}

/// The time of a line and of the lines after it, up to the next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogTime {
    /// Number of line ends (line feeds and carriage returns) in `text` before the line.
    pub line: u64,
    /// Offset of the first byte of the line.
    pub offset: u64,
    /// Time at which the line was written, in Unix milliseconds.
    pub time_ms: i64,
}

/// Selects a piece of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Number of the attempt, from 1; by default the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub attempt: Option<u32>,
    /// Offset in bytes from which to read; a negative offset counts from the end; by default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// Greatest size of the piece in bytes, 1 to 1,048,576; by default 65,536. A piece has at least one character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1048576, default = 65536)]
    pub limit: Option<u32>,
    /// Whether to return the times of the lines as well; by default `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<bool>,
}

/// A line of a log that contains the searched text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogHit {
    /// Offset of the first byte of `line`.
    pub offset: u64,
    /// The line without its end; of a line above 4 KiB, 4 KiB around the text. Invalid UTF-8 is replaced by U+FFFD.
    pub line: String,
    /// Whether `line` is only a part of the line.
    pub part: bool,
}

/// Selects the lines of a log that contain a text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct LogSearchQuery {
    /// Text to search, 1 to 1,000 bytes without line ends. Not a pattern; case-sensitive.
    #[param(min_length = 1, max_length = 1000, pattern = "^[^\\r\\n\\u0000]+$")]
    pub q: String,
    /// Number of the attempt, from 1; by default the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub attempt: Option<u32>,
    /// Offset in bytes from which to read; a negative offset counts from the end; by default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// Number of the page, from 1 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64, default = 1)]
    pub page_no: Option<u32>,
    /// Rows per page, 1 to 100; by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub page_size: Option<u32>,
}
