//! The user that workers run as, if that is not the server's own.

use std::{
    ffi::CString,
    fs, io,
    os::unix::fs::{MetadataExt as _, lchown},
    path::{Path, PathBuf},
};

use nix::unistd::{Gid, Uid, User, getgrouplist, setgid, setgroups, setuid};
use serde::{Deserialize, Serialize};

/// The numeric ids of a user.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunAs {
    user: u32,
    group: u32,
    groups: Vec<u32>,
}

/// A user of this host.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) home: PathBuf,
    pub(crate) run_as: RunAs,
}

impl Account {
    /// Finds the account of this name; the error says why workers cannot run as this user.
    pub(crate) fn find(name: &str, data: &Path) -> Result<Self, String> {
        if !Uid::effective().is_root() {
            return Err("only a server that runs as root can run jobs as another user".to_owned());
        }
        let found = User::from_name(name).map_err(|error| format!("cannot look up the user {name}: {error}"))?;
        let user = found.ok_or_else(|| format!("this host has no user {name}"))?;
        if user.uid.is_root() {
            return Err("must not be root, because no restriction holds for root".to_owned());
        }
        let text = CString::new(name).map_err(|error| error.to_string())?;
        let groups = getgrouplist(&text, user.gid);
        let groups = groups.map_err(|error| format!("cannot look up the groups of {name}: {error}"))?;
        let groups = groups.into_iter().map(Gid::as_raw).collect();
        let run_as = RunAs { user: user.uid.as_raw(), group: user.gid.as_raw(), groups };
        let data = fs::canonicalize(data).map_err(|error| format!("cannot resolve {}: {error}", data.display()))?;
        match data.ancestors().skip(1).find(|dir| !run_as.may_traverse(dir)) {
            Some(closed) => Err(format!(
                "{name} cannot reach the directories of jobs: {} is closed to this user (run chmod o+x on it, or move the \
                 data directory)",
                closed.display()
            )),
            None => Ok(Self { name: user.name, home: user.dir, run_as }),
        }
    }
}

impl RunAs {
    /// The numeric user id.
    pub(super) fn user(&self) -> u32 {
        self.user
    }

    /// Changes the owner of a file or directory to this user; does not follow a symbolic link.
    pub(crate) fn chown(&self, path: &Path) -> io::Result<()> {
        lchown(path, Some(self.user), Some(self.group))
    }

    /// Switches this process to the user, irrevocably.
    pub(crate) fn switch(&self) -> Result<(), String> {
        let groups: Vec<Gid> = self.groups.iter().copied().map(Gid::from_raw).collect();
        let done = setgroups(&groups)
            .and_then(|()| setgid(Gid::from_raw(self.group)))
            .and_then(|()| setuid(Uid::from_raw(self.user)));
        done.map_err(|error| format!("cannot switch to the user {}: {error}", self.user))
    }

    /// Whether the permissions of a directory let the user pass.
    fn may_traverse(&self, dir: &Path) -> bool {
        let Ok(found) = fs::metadata(dir) else { return false };
        let bit = if found.uid() == self.user {
            0o100
        } else if found.gid() == self.group || self.groups.contains(&found.gid()) {
            0o010
        } else {
            0o001
        };
        found.mode() & bit != 0
    }
}
