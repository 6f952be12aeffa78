//! The namespaces of an attempt: a mount namespace, and on some hosts a pid namespace in which the shim is process 1.
//!
//! No process can leave a pid namespace, however it forks. When process 1 ends or is killed, the kernel kills all others
//! before it reports that end.

use std::{fs, io, path::Path};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};

use crate::local::mountinfo::MountEntry;

const PROC: &str = "/proc";

/// File systems that some hosts mount on a part of `/proc` and that hide nothing.
const HARMLESS: [&str; 2] = ["autofs", "binfmt_misc"];

/// Creates a mount namespace, and an IPC namespace if `ipc`. Later mounts of the host become visible in it; its own mounts
/// stay inside.
pub(super) fn unshare_mounts(ipc: bool) -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot create a mount namespace: {error}");
    let ipc = if ipc { CloneFlags::CLONE_NEWIPC } else { CloneFlags::empty() };
    unshare_with_rights(CloneFlags::CLONE_NEWNS | ipc).map_err(cannot)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_SLAVE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).map_err(|error| cannot(error.into()))
}

/// Creates a further namespace for a process that has a mount namespace of its own.
pub(super) fn unshare_more(kind: CloneFlags) -> Result<(), String> {
    unshare(kind).map_err(|error| format!("the kernel refuses it: {error}"))
}

/// Creates a pid namespace. The next child of this process will be its process 1; this process itself stays outside.
pub(crate) fn unshare_pids() -> Result<(), String> {
    unshare_with_rights(CloneFlags::CLONE_NEWPID).map_err(|error| format!("cannot create a pid namespace: {error}"))
}

/// Creates a namespace of this kind; if that is not permitted, together with a user namespace that has the same user.
fn unshare_with_rights(kind: CloneFlags) -> io::Result<()> {
    match unshare(kind) {
        Ok(()) => Ok(()),
        Err(Errno::EPERM) => {
            let (user, group) = (geteuid(), getegid());
            unshare(CloneFlags::CLONE_NEWUSER | kind)?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
            fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Mounts a `/proc` that shows only the pid namespace of this process. `mounts` are those of its mount namespace.
pub(super) fn mount_proc(mounts: &[MountEntry]) -> Result<(), String> {
    // The kernel refuses this to ordinary users if a part is covered; root would uncover what a container hides.
    let covers = |one: &&MountEntry| {
        let is_below = one.point.starts_with(PROC) && one.point != Path::new(PROC);
        is_below && !HARMLESS.contains(&one.fs_type.as_str())
    };
    if let Some(cover) = mounts.iter().find(covers) {
        return Err(format!("a part of {PROC} is covered here: {}", cover.point.display()));
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let mounted = mount(Some("proc"), PROC, Some("proc"), flags, None::<&str>);
    mounted.map_err(|error| format!("cannot mount {PROC} for the pid namespace: {error}"))
}
