//! Control groups: one for each attempt and below it one for each worker. Through them the engine finds, kills and limits
//! all processes of a worker, even those that have left their parents.
//!
//! A host has up to a dozen hierarchies of version 1, one of version 2, or both. [`detect`] decides what each hierarchy is
//! used for, and in which directory. The engine never changes anything outside of this directory.

pub(crate) mod cleanup;
pub(crate) mod detect;
pub(crate) mod group;
pub(crate) mod hierarchies;

mod delegation;
mod files;
mod v1;
mod v2;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::WorkerLimits;

/// The interface version of a hierarchy.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Version {
    V1,
    V2,
}

/// A purpose of a hierarchy.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Finding and killing all processes of a worker.
    Kill,
    Cpu,
    Memory,
    Pids,
}

/// The engine's directory in one hierarchy, and its purposes.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) version: Version,
    pub(crate) roles: Vec<Role>,
    pub(crate) dir: PathBuf,
}

impl Tree {
    /// Whether the hierarchy is used for this role.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// The control groups of one attempt. `launch.json` contains them, so that the server finds the workers of a killed shim.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    /// For each hierarchy the attempt's own directory.
    pub(crate) trees: Vec<Tree>,
    /// The limit of processes and threads for each worker.
    pub(crate) pids: u32,
}

impl WorkerLimits {
    /// The quota of processor time and its period, in microseconds. The kernel accepts no quota below a millisecond, so a
    /// small limit has a longer period.
    pub(crate) fn quota(&self) -> (u64, u64) {
        let milli = self.cpu_milli.max(1);
        if milli < 10 { (milli * 1000, 1_000_000) } else { (milli.saturating_mul(100), 100_000) }
    }
}
