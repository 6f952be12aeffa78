//! The settings of the local engine, and their defaults.

use std::{collections::BTreeMap, ops::RangeInclusive, path::PathBuf};

use trainyard_domain::capacity::Gpu;

use super::kill_method::KillMethod;

/// The settings of the local engine. The server fills them from its configuration.
#[derive(Clone)]
pub struct Settings {
    /// The server's data directory.
    pub data_dir: PathBuf,
    /// The program that runs the shim. `/proc/self/exe` still names the running program after its file is replaced.
    pub shim_program: PathBuf,
    /// The program's arguments before the attempt's directory.
    pub shim_args: Vec<String>,
    /// The ports that jobs may get.
    pub port_range: RangeInclusive<u16>,
    /// Names of further variables that workers inherit from the server.
    pub pass_env: Vec<String>,
    /// How many bytes of one worker's log are kept: its head and its tail.
    pub log_cap: u64,
    /// Whether workers run as other users than the server's own. That needs a server that runs as root, and the sandbox.
    pub other_users: bool,
    /// The program that lists the GPUs.
    pub nvidia_smi: PathBuf,
    /// Parts of the capacity that the engine does not detect.
    pub capacity: CapacityOverride,
    /// The server's own environment; workers inherit a small part.
    pub base_env: BTreeMap<String, String>,
    /// Whether workers are limited to what they asked for, if the host allows it. Killing by group does not depend on it.
    pub limits: bool,
    /// The limit of processes and threads for each worker.
    pub pids_per_worker: u32,
    /// The strongest kill method that the engine tries; tests choose a weaker one than the host offers.
    pub strongest_kill_method: KillMethod,
}

/// The capacity of this host by the configuration. The engine detects each part that is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapacityOverride {
    /// Cores in thousandths.
    pub cpu_milli: Option<u64>,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// The GPUs with their numbers and models.
    pub gpus: Option<Vec<Gpu>>,
}

/// The default of [`Settings::nvidia_smi`].
pub const DEFAULT_NVIDIA_SMI: &str = "nvidia-smi";

/// The default of [`Settings::log_cap`]: 1 GiB.
pub const DEFAULT_LOG_CAP: u64 = 1 << 30;
