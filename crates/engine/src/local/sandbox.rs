//! What the workers of an attempt see of this host: the shim's own mount namespace, in which the server's data are
//! hidden, storages lie where the job wants them, and nothing of that can be undone.
//!
//! The shim enters it before it starts workers, which inherit it; what the shim itself needs of the outside it has
//! opened before. Nothing is ever mounted outside: when the last process of the attempt is gone, so is all of this.

mod cover;
mod dir_identity;
mod enter;
mod groups;
mod inside;
mod list;
mod pids;
mod place;
mod probe;
mod rights;
mod root;
mod target;
mod tree;
mod user;

pub(crate) use enter::{Outside, enter};
pub(crate) use pids::separate as separate_pids;
pub(crate) use probe::{PIDS_PROBE, PROBE, answer, answer_pids, ask};
pub(crate) use user::{Account, RunAs};

use std::{
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{LaunchMount, MountFault, MountPart};

/// What a launch says about the workers' view. Records of earlier versions have none: their workers see everything.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Sandbox {
    /// Directories whose content workers must not see; the data directory is always one.
    #[serde(default)]
    pub(crate) hidden: Vec<PathBuf>,
    /// Directories of storages that they may only read, whatever name they mount them by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) sealed: Vec<PathBuf>,
    /// What they see in another place.
    #[serde(default)]
    pub(crate) mounts: Vec<LaunchMount>,
    /// Who the workers are; `None` is the server's own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run_as: Option<RunAs>,
    /// Whether they see no processes but their own, all of which the kernel ends with the shim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) own_pids: bool,
}

/// Whether a mount could be made now, without making it.
pub(crate) fn check(data: &Path, mount: &LaunchMount) -> Result<(), MountFault> {
    let fault = |part: MountPart| move |message: String| MountFault { part, message };
    let root = inside::open_root(&mount.root).map_err(fault(MountPart::Storage))?;
    apart(data, &root).map_err(fault(MountPart::Storage))?;
    inside::open(&root, mount.directory.as_deref()).map_err(fault(MountPart::Directory))?;
    target::check(data, &mount.target).map_err(fault(MountPart::Target))
}

/// Whether a storage could lie at this path: it must not show the data directory, whatever that is called there.
pub(crate) fn check_storage(data: &Path, root: &Path) -> Result<(), String> {
    apart(data, inside::open_root(root)?)
}

fn apart(data: &Path, root: impl AsFd) -> Result<(), String> {
    let jobs = crate::local::dirs::jobs(data);
    let mounts = list::all()?;
    let found = dir_identity::all(&mounts, [data, &jobs]).and_then(|own| {
        dir_identity::showing_below(&mounts, &own, root).map_err(|error| format!("it cannot be compared: {error}"))
    });
    match found? {
        Some(place) => Err(format!(
            "shows the server's data directory (as {}): a storage must lie apart from it, by whatever name",
            place.display()
        )),
        None => Ok(()),
    }
}
