//! Workers (the family calls them pods): one rank of an attempt, and where it runs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One worker of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Name of the worker, made from the job's id and its rank; the same in every attempt.
    #[schema(example = "job-6f1a62c0a5bf4e0c9b2f-master-0")]
    pub pod_name: String,
    /// Rank, from 0.
    pub rank: u32,
    /// Attempt it belongs to, from 1.
    pub attempt: u32,
    /// Where it is in its life.
    pub status: RunStatus,
    /// Status its main process returned, 0 to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exit_code: Option<i32>,
    /// Number of the signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub signal: Option<i32>,
    /// Why it ended, as one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Its main process on the host, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pid: Option<u32>,
    /// When it began, `yyyy-MM-dd HH:mm:ss`; left out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time: Option<String>,
    /// When it began, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time_ms: Option<i64>,
    /// When it ended; left out before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time: Option<String>,
    /// When it ended, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time_ms: Option<i64>,
    /// Where its log lies on the server's disk; left out where it lies elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub log_path: Option<String>,
}

/// Where an attempt or one of its workers is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum RunStatus {
    /// Being started.
    Starting,
    /// Runs.
    Running,
    /// Asked to end; its grace runs.
    Stopping,
    /// Was stopped.
    Stopped,
    /// Ended well.
    Succeeded,
    /// Ended otherwise; `reason` says how.
    Failed,
}

impl RunStatus {
    /// Its word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// Where a worker runs. Names that a centre's engine does not know are `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodBasic {
    /// Name of the compute centre.
    pub cluster_name: String,
    /// Name of the host.
    pub host_name: String,
    /// Namespace: the project.
    pub namespace: String,
    /// Address of the host.
    pub host_ip: String,
    /// Where the worker is in its life.
    pub status: RunStatus,
    /// Address of the worker; on this machine the host's.
    pub pod_ip: String,
    /// How often it was started again: the attempts before this one.
    pub restart_count: u32,
    /// Quality-of-service class; `Guaranteed` for what was set aside in full.
    #[schema(example = "Guaranteed")]
    pub qos_class: String,
    /// User who made the job.
    pub create_by: String,
    /// When the worker was made, `yyyy-MM-dd HH:mm:ss` in the server's time zone (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub create_time: String,
    /// When the worker was made, in Unix milliseconds.
    pub create_time_ms: i64,
}

/// The ports of a worker; none before it has begun and after it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenPorts {
    /// Where its processes listen now.
    pub ports: Vec<OpenPort>,
    /// What its launch reserved for it and told it to listen on, whether it does or not.
    pub custom_ports: Vec<OpenPort>,
}

/// A port, and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenPort {
    /// `TCP`.
    #[schema(example = "TCP")]
    pub protocol: String,
    /// As the worker knows it.
    pub port: u16,
    /// The address on which it is reached; the host's name where the worker listens on all addresses.
    pub external_host: String,
    /// The port on that address; on this machine the same.
    pub external_port: u16,
}
