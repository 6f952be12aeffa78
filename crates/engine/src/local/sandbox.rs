//! The sandbox of an attempt: the mount namespace of its shim. It hides the server's data, shows storages where the job
//! mounts them, and cannot be undone from inside.
//!
//! The shim enters the sandbox before it starts workers, which inherit it. What the shim itself needs of the host it opens
//! before. Nothing is ever mounted outside: the sandbox ends with the last process of the attempt.

mod below;
mod capabilities;
mod cgroup_view;
mod dir_identity;
mod enter;
mod hardening;
mod job_dirs;
mod job_mounts;
mod mask;
mod mount;
mod mount_points;
mod namespaces;
mod private_dirs;
mod probe;
mod user;

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    capabilities::drop_capabilities,
    cgroup_view::CgroupView,
    enter::{HostDirs, Needs, enter},
    job_mounts::{check_mount, check_storage},
    namespaces::unshare_pids,
    probe::{PIDS_PROBE, PROBE, probe_host, probe_pid_namespace, probe_sandbox},
    user::{Account, RunAs},
};
use crate::LaunchMount;

/// What the workers of a launch may see. Records of earlier versions have none: their workers see the whole host.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Sandbox {
    /// Directories with content that workers must not see. The data directory is always hidden too.
    #[serde(default)]
    pub(crate) hidden: Vec<PathBuf>,
    /// Directories of storages that are read-only under every name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sealed: Vec<PathBuf>,
    /// The storages that the job mounts.
    #[serde(default)]
    pub(crate) mounts: Vec<LaunchMount>,
    /// The user that workers run as; `None` is the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run_as: Option<RunAs>,
    /// Whether the attempt has its own pid namespace, which the kernel ends with the shim.
    #[serde(rename = "own_pids", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) pid_namespace: bool,
}

fn cannot_list(error: io::Error) -> String {
    format!("cannot list the mounts: {error}")
}
