//! The user that workers run as, if that is not the server's own.

use std::{
    ffi::CString,
    fs, io,
    os::unix::fs::{MetadataExt as _, lchown},
    path::{Path, PathBuf},
};

use nix::unistd::{Gid, Uid, User, getgrouplist, getgroups, setfsgid, setfsuid, setgid, setgroups, setuid};
use rustix::thread::set_thread_groups;
use serde::{Deserialize, Serialize};

use crate::WorkerUser;

/// The numeric ids of a user.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunAs {
    user: u32,
    group: u32,
    groups: Vec<u32>,
}

/// A user that workers can run as.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    /// The home directory; `None` for a user without an account.
    pub(crate) home: Option<PathBuf>,
    pub(crate) run_as: RunAs,
}

impl Account {
    /// The account of a user; `None` for the server's own. The error says why workers cannot run as this user.
    pub(crate) fn of(user: &WorkerUser, data: &Path) -> Result<Option<Self>, String> {
        let account = match user {
            WorkerUser::Server => return Ok(None),
            WorkerUser::Account(name) => Self::find(name)?,
            WorkerUser::Id { id, name } => {
                if let Ok(Some(owner)) = User::from_uid(Uid::from_raw(*id)) {
                    let owner = owner.name;
                    return Err(format!("the user id {id} belongs to the account {owner}; choose other `pool_uids`"));
                }
                let run_as = RunAs { user: *id, group: *id, groups: vec![*id] };
                Self { name: name.clone(), home: None, run_as }
            }
        };
        if account.run_as.user == 0 {
            return Err("must not be root, because no restriction holds for root".to_owned());
        }
        let data = fs::canonicalize(data).map_err(|error| format!("cannot resolve {}: {error}", data.display()))?;
        match data.ancestors().skip(1).find(|dir| !account.run_as.may_traverse(dir)) {
            Some(closed) => Err(format!(
                "{} cannot reach the directories of jobs: {} is closed to this user (run chmod o+x on it, or move the \
                 data directory)",
                account.name,
                closed.display()
            )),
            None => Ok(Some(account)),
        }
    }

    fn find(name: &str) -> Result<Self, String> {
        let found = User::from_name(name).map_err(|error| format!("cannot look up the account {name}: {error}"))?;
        let user = found.ok_or_else(|| format!("this host has no account {name}"))?;
        let text = CString::new(name).map_err(|error| error.to_string())?;
        let groups = getgrouplist(&text, user.gid);
        let groups = groups.map_err(|error| format!("cannot look up the groups of {name}: {error}"))?;
        let groups = groups.into_iter().map(Gid::as_raw).collect();
        let run_as = RunAs { user: user.uid.as_raw(), group: user.gid.as_raw(), groups };
        Ok(Self { name: user.name, home: Some(user.dir), run_as })
    }
}

/// Runs a closure that looks at files with the rights of this user, or of the server's own user if there is none. The
/// rights of other threads do not change.
pub(crate) fn with_rights_of<T>(run_as: Option<&RunAs>, look: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let Some(run_as) = run_as else { return look() };
    let _own = OwnRights::exchange(run_as)?;
    look()
}

/// The rights of this thread, which it gets back when the value is dropped.
struct OwnRights {
    user: Uid,
    group: Gid,
    groups: Vec<rustix::fs::Gid>,
}

impl OwnRights {
    fn exchange(run_as: &RunAs) -> io::Result<Self> {
        let groups = getgroups()?.into_iter().map(|group| rustix::fs::Gid::from_raw(group.as_raw())).collect();
        let theirs: Vec<_> = run_as.groups.iter().copied().map(rustix::fs::Gid::from_raw).collect();
        set_thread_groups(&theirs)?;
        let group = setfsgid(Gid::from_raw(run_as.group));
        // Last: this thread then has no rights beyond those of the user.
        let user = setfsuid(Uid::from_raw(run_as.user));
        Ok(Self { user, group, groups })
    }
}

impl Drop for OwnRights {
    fn drop(&mut self) {
        setfsuid(self.user);
        setfsgid(self.group);
        if set_thread_groups(&self.groups).is_err() {
            tracing::error!("a thread keeps the groups of the user that jobs run as");
        }
    }
}

impl RunAs {
    /// The numeric user id.
    pub(crate) fn user(&self) -> u32 {
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
