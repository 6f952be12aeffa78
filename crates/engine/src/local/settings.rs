//! What the local engine is told.

use std::{collections::BTreeMap, ops::RangeInclusive, path::PathBuf};

use trainyard_domain::capacity::Gpu;

use super::kill_method::KillMethod;

/// What the local engine is told by the configuration.
#[derive(Clone)]
pub struct Settings {
    /// The server's own directory.
    pub data_dir: PathBuf,
    /// The program that runs the shim. `/proc/self/exe` itself will do and stays right when the file is replaced.
    pub shim_program: PathBuf,
    /// Its arguments before the attempt's directory.
    pub shim_args: Vec<String>,
    /// Where ports for jobs are taken from.
    pub port_range: RangeInclusive<u16>,
    /// Further variables of the server that jobs see.
    pub pass_env: Vec<String>,
    /// The most bytes that are kept of one worker's log: its head and its tail.
    pub log_cap: u64,
    /// The user as whom jobs run; `None` is the server's own.
    pub run_as: Option<String>,
    /// The program that tells of accelerators.
    pub nvidia_smi: PathBuf,
    /// What is not to be found out.
    pub capacity: CapacityOverride,
    /// The server's own environment, of which jobs get a small part.
    pub base_env: BTreeMap<String, String>,
    /// Whether workers are held to what they asked for, where the host can do that. They are killed by group anyway.
    pub limits: bool,
    /// How many processes and threads a worker may have.
    pub pids_per_worker: u32,
    /// The strongest means of killing that is looked for; a test asks for less than there is.
    pub strongest: KillMethod,
}

/// What the configuration says of this host; `None` is found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapacityOverride {
    /// Thousandths of a core.
    pub cpu_milli: Option<u64>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// Every accelerator.
    pub gpus: Option<Vec<Gpu>>,
}

/// The program that is asked for accelerators where nothing else is said.
pub const DEFAULT_NVIDIA_SMI: &str = "nvidia-smi";

/// What is kept of one worker's log where nothing else is said.
pub const DEFAULT_LOG_CAP: u64 = 1 << 30;
