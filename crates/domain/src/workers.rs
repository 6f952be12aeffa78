//! The workers of a job: their names, which of them have a process of their own, and the ports they need.

use crate::{
    framework::{Framework, LaunchValue, Spread, launch_table},
    id::JobId,
};

/// The number of ports that are reserved for an attempt: as many as the values of its launch table contain.
pub fn ports_needed(framework: Option<Framework>, workers: u32) -> usize {
    let ports = |value: LaunchValue| match value {
        LaunchValue::MasterPort => 1,
        LaunchValue::TfConfig => workers as usize,
        _ => 0,
    };
    launch_table(framework, Spread::OneHost).map(|variable| ports(variable.value)).max().unwrap_or_default()
}

/// The ports of an attempt on which one rank listens.
pub fn own_ports(framework: Option<Framework>, ports: &[u16], rank: u32) -> &[u16] {
    let rank = rank as usize;
    match framework {
        Some(Framework::TensorFlow) => ports.get(rank..=rank).unwrap_or_default(),
        _ if rank == 0 => ports,
        _ => &[],
    }
}

/// Whether a rank has a process of its own. Under MPI only rank 0 has: its launcher starts all other ranks.
pub fn has_own_process(framework: Option<Framework>, rank: u32) -> bool {
    framework != Some(Framework::Mpi) || rank == 0
}

/// The names of a job's workers by rank: `job-…-master-0`, then `job-…-worker-0` and so on.
pub fn worker_names(job: &JobId, workers: u32) -> Vec<String> {
    let base = job.as_str().replace('_', "-");
    (0..workers)
        .map(|rank| match rank {
            0 => format!("{base}-master-0"),
            _ => format!("{base}-worker-{}", rank - 1),
        })
        .collect()
}
