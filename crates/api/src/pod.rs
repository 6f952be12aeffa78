//! Workers, which the published API calls pods: status, host and ports of one rank of an attempt.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One worker of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Name of the worker, derived from the id of the job and the rank; the same in all attempts.
    #[schema(example = "job-6f1a62c0a5bf4e0c9b2f-master-0")]
    pub pod_name: String,
    /// Rank of the worker, from 0.
    pub rank: u32,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Status of the worker.
    pub status: RunStatus,
    /// Exit code of the worker's main process, 0 to 255; left out before the end or if a signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub exit_code: Option<i32>,
    /// Number of the signal that ended its main process; left out if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub signal: Option<i32>,
    /// Reason for the end, as one word; left out before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Id of the worker's main process on the host; left out if the worker has no process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pid: Option<u32>,
    /// Start time, `yyyy-MM-dd HH:mm:ss`; left out before the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time: Option<String>,
    /// Start time in Unix milliseconds; left out before the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub start_time_ms: Option<i64>,
    /// End time, `yyyy-MM-dd HH:mm:ss`; left out before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time: Option<String>,
    /// End time in Unix milliseconds; left out before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub end_time_ms: Option<i64>,
    /// Path of the worker's log on the host of the server; left out if the log is not on that host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub log_path: Option<String>,
}

/// Status of an attempt or of one of its workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum RunStatus {
    /// The engine is starting the worker.
    Starting,
    /// Has started and runs.
    Running,
    /// A stop was requested; may still run until the end of the grace period.
    Stopping,
    /// Ended by a stop request.
    Stopped,
    /// Ended with success.
    Succeeded,
    /// Ended with a failure; `reason` describes it.
    Failed,
}

impl RunStatus {
    /// The word on the wire.
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

/// Where a worker runs. A name that the engine of the centre does not know is `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodBasic {
    /// Name of the compute centre.
    pub cluster_name: String,
    /// Name of the host of the worker.
    pub host_name: String,
    /// Namespace of the worker: the project.
    pub namespace: String,
    /// IP address of the host.
    pub host_ip: String,
    /// Status of the worker.
    pub status: RunStatus,
    /// IP address of the worker; with the local engine that of the host.
    pub pod_ip: String,
    /// Number of restarts of the worker: the attempts before this one.
    pub restart_count: u32,
    /// Quality-of-service class; `Guaranteed` if all requested resources are reserved.
    #[schema(example = "Guaranteed")]
    pub qos_class: String,
    /// User that created the job.
    pub create_by: String,
    /// Creation time of the worker, `yyyy-MM-dd HH:mm:ss` in the time zone of the server (by default UTC).
    #[schema(example = "2026-11-02 08:15:30")]
    pub create_time: String,
    /// Creation time of the worker in Unix milliseconds.
    pub create_time_ms: i64,
}

/// The ports of a worker; empty before its start and after its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenPorts {
    /// Ports on which processes of the worker listen now.
    pub ports: Vec<OpenPort>,
    /// Ports that the launch reserved for it and passed in its environment, whether it listens on them or not.
    pub custom_ports: Vec<OpenPort>,
}

/// A port and the address at which it can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenPort {
    /// Protocol: always `TCP`.
    #[schema(example = "TCP")]
    pub protocol: String,
    /// Port number inside the worker.
    pub port: u16,
    /// Address at which the port can be reached; the name of the host if the worker listens on all addresses.
    pub external_host: String,
    /// Port number at that address; with the local engine the same as `port`.
    pub external_port: u16,
}
