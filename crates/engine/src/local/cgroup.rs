//! Control groups: one for each attempt and below it one for each worker, by which all its processes are found, killed
//! and limited, wherever they have gone.
//!
//! A host has up to a dozen hierarchies of version 1, one of version 2, or both. [`detect`] says which of them are used
//! for what and in which directory of ours; nothing outside of that directory is ever touched.

pub(crate) mod detect;
pub(crate) mod group;
pub(crate) mod leftover;

mod delegation;
mod files;
mod mounts;
mod v1;
mod v2;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::WorkerLimits;

/// Which interface a hierarchy has.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Version {
    V1,
    V2,
}

/// What a hierarchy is used for.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Finding and killing all that a worker has started.
    Kill,
    Cpu,
    Memory,
    Pids,
}

/// A directory of ours in one hierarchy, and what that is used for.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) version: Version,
    pub(crate) roles: Vec<Role>,
    pub(crate) dir: PathBuf,
}

impl Tree {
    /// Whether it is used for this.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// The groups of one attempt; written into `launch.json`, so that a killed shim's workers are found by them.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    /// In each tree the attempt's own directory.
    pub(crate) trees: Vec<Tree>,
    /// How many processes and threads a worker may have.
    pub(crate) pids: u32,
}

impl WorkerLimits {
    /// How many microseconds of processor time in each period of so many: the kernel takes no quota under a millisecond.
    pub(crate) fn quota(&self) -> (u64, u64) {
        let milli = self.cpu_milli.max(1);
        if milli < 10 { (milli * 1000, 1_000_000) } else { (milli.saturating_mul(100), 100_000) }
    }
}
