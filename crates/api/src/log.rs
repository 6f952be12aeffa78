//! The log of one worker: read by offset, or followed.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Name of the last event of a followed log.
pub const END_EVENT: &str = "end";

/// A piece of a log. Offsets count the bytes written since the worker's start and never change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogChunk {
    /// The text; bytes that are no UTF-8 are U+FFFD. Never ends inside a character.
    pub text: String,
    /// Where the text begins.
    pub offset: u64,
    /// Where to read on.
    pub next_offset: u64,
    /// Whether the worker has ended and nothing follows.
    pub end: bool,
    /// Bytes that were asked for but cut away from a log that is too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub skipped: Option<u64>,
    /// With `times=true`: when the lines were printed, for the beginning and for each line whose time differs from that
    /// of the line before. A line has the time of the last entry at or before its first byte, to a tenth of a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub times: Option<Vec<LogTime>>,
}

/// What stands for people where bytes were cut away, as a line of its own.
pub fn cut_line(skipped: u64) -> String {
    format!("[trainyard: {skipped} bytes of this log were cut away here]")
}

/// From this line on, lines were printed at this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogTime {
    /// How many line ends (line feeds and carriage returns) stand before the line in the text.
    pub line: u64,
    /// Where the line begins.
    pub offset: u64,
    /// When it was printed, in Unix milliseconds.
    pub time_ms: i64,
}

/// Which piece of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Attempt, from 1; by default the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub attempt: Option<u32>,
    /// Where to begin, by default 0; a negative offset counts from the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// At most so many bytes, or one character where that is longer: 1 to 1,048,576, by default 65,536.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1048576, default = 65536)]
    pub limit: Option<u32>,
    /// Whether the times of the lines are wanted too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<bool>,
}

/// A line of a log that holds the text that was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogHit {
    /// Where what is told of the line begins.
    pub offset: u64,
    /// The line without its end; of one above 4 KiB, so much round the text. Bytes that are no UTF-8 are U+FFFD.
    pub line: String,
    /// Whether some of the line is left out.
    pub part: bool,
}

/// What to look for in a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct LogSearchQuery {
    /// The text, as it is: no pattern, and capitals count. 1 to 1,000 bytes without line ends.
    #[param(min_length = 1, max_length = 1000, pattern = "^[^\\r\\n\\u0000]+$")]
    pub q: String,
    /// Attempt, from 1; by default the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64)]
    pub attempt: Option<u32>,
    /// Where to begin, by default 0; a negative offset counts from the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// Which page, from 1 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64, default = 1)]
    pub page_no: Option<u32>,
    /// Rows on a page: 1 to 100, by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub page_size: Option<u32>,
}
