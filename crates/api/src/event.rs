//! Events: the history of a job, in order.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One event in the history of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Number of the event within its job, from 1, without gaps.
    pub sequence: u64,
    /// Time of the event, `yyyy-MM-dd HH:mm:ss` in the time zone of the server (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub time: String,
    /// Time of the event in Unix milliseconds.
    pub time_ms: i64,
    /// Type of the event: the status that the job reached, as its records spell it, or `TimeoutChanged`.
    #[serde(rename = "type")]
    #[schema(example = "Running")]
    pub kind: String,
    /// Reason for the event, as one word.
    pub reason: String,
    /// Reason for the event, as a sentence.
    pub message: String,
    /// User that caused the event, or `system`.
    #[schema(example = "system")]
    pub actor: String,
}

/// Selects events of a job; they are listed oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct EventListQuery {
    /// Sequence number; only later events are listed. By default all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Number of the page, from 1 (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 4294967295_i64, format = Int64, default = 1)]
    pub page_no: Option<u32>,
    /// Rows per page, 1 to 100; by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    pub page_size: Option<u32>,
}
