//! Directories that an attempt has for itself and that end with it: `/tmp` and `/var/tmp`, `/run`, terminals, message
//! queues, and shared memory.
//!
//! `/tmp` and `/var/tmp` show the job's own directory `tmp`: on a disk, since files there may be larger than the memory.
//! The others are file systems in memory, which the kernel charges to the control group of the worker that writes.

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::mount::MsFlags;

use super::{
    RunAs,
    below::{create_below, create_file_below, open_dir, share},
    dir_identity::DirIdentity,
    mask::Visible,
    mount::{self, Access, DetachedMount, open_path, real_path},
    user,
};
use crate::local::mountinfo::MountEntry;

const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

const RUN: [&str; 2] = ["/run", "/var/run"];

/// What stays visible in `/run`: what name resolution and the drivers of GPUs need, and where some systems keep their
/// programs and libraries. All sockets of services are hidden.
const KEPT: [&str; 14] = [
    "NetworkManager/no-stub-resolv.conf",
    "NetworkManager/resolv.conf",
    "connman/resolv.conf",
    "netconfig/resolv.conf",
    "resolvconf",
    "systemd/resolve",
    "systemd/userdb",
    "nscd",
    "nvidia",
    "nvidia-fabricmanager",
    "nvidia-persistenced",
    // The three links of NixOS to its programs and libraries.
    "booted-system",
    "current-system",
    "opengl-driver",
];

const SHARED_MEMORY: &str = "/dev/shm";
const QUEUES: &str = "/dev/mqueue";
const TERMINALS: &str = "/dev/pts";

const FLAGS: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV);

/// A mount of the host that stays visible below a private directory.
struct Shown {
    /// Relative to the private directory.
    path: PathBuf,
    mount: DetachedMount,
}

/// A private directory, and what it shows of the host.
struct Private {
    /// The real path.
    path: PathBuf,
    kept: Vec<Shown>,
}

/// The private directories of an attempt, prepared while the host's are still visible.
pub(super) struct PrivateDirs {
    temporary: Vec<(Private, DetachedMount)>,
    run: Vec<Private>,
    /// The job's directory `tmp`.
    shown: DirIdentity,
    terminals: String,
    /// Whether the working directory stays visible in one of them.
    pub(super) keeps_work_dir: bool,
}

impl PrivateDirs {
    /// Copies the mounts that stay visible. `data` is the real path of the data directory, and `tmp` the job's own
    /// directory in it, which becomes `/tmp`. A working directory in one of the private directories stays visible, if the
    /// job's user can open it.
    pub(super) fn detach(
        mounts: &[MountEntry],
        (data, tmp): (&Path, &Path),
        work_dir: Option<&Path>,
        run_as: Option<&RunAs>,
    ) -> Result<Self, String> {
        let prepare = || -> io::Result<Self> {
            let open = open_path(tmp)?;
            share(&open)?;
            let work_dir = work_dir.and_then(|path| user::with_rights_of(run_as, || open_dir(path)).ok());
            let work_dir = work_dir.map(|open| Ok::<_, io::Error>((real_path(&open)?, open))).transpose()?;
            let mut keeps_work_dir = false;
            let mut find = |names: [&str; 2]| -> io::Result<Vec<Private>> {
                // In the data directory there is nothing to make private: all of it is hidden.
                let paths = real_paths(names).into_iter().filter(|path| !path.starts_with(data));
                let private: Vec<Private> =
                    paths.map(|path| Private::find(path, work_dir.as_ref())).collect::<io::Result<_>>()?;
                keeps_work_dir |= private.iter().any(|one| !one.kept.is_empty());
                Ok(private)
            };
            let temporary = find(TEMPORARY)?.into_iter();
            let temporary = temporary.map(|private| Ok((private, DetachedMount::copy_of(&open)?)));
            let temporary = temporary.collect::<io::Result<Vec<_>>>()?;
            let mut run = find(RUN)?;
            for private in &mut run {
                private.keep(&KEPT)?;
            }
            let terminals = terminal_options(mounts);
            let shown = DirIdentity::of(mounts, &open)?;
            Ok(Self { temporary, run, shown, terminals, keeps_work_dir })
        };
        prepare().map_err(|error| format!("cannot prepare the private directories: {error}"))
    }

    /// Mounts the private directories.
    pub(super) fn attach(self) -> Result<Attached, String> {
        let mut attached = Attached { temporary: Vec::new(), run: Vec::new(), shown: self.shown };
        for (private, shows) in self.temporary {
            let attach = || -> io::Result<OwnedFd> {
                shows.attach(open_path(&private.path)?, Access::Full)?;
                open_path(&private.path)
            };
            private.attach_kept(&attach().map_err(failed(&private.path))?)?;
            attached.temporary.push(private.path);
        }
        for private in self.run {
            let attach = || -> io::Result<OwnedFd> {
                mount::file_system("tmpfs", &private.path, FLAGS, "mode=0755")?;
                open_path(&private.path)
            };
            let top = attach().map_err(failed(&private.path))?;
            create_below(&top, Path::new("lock")).and_then(share).map_err(failed(&private.path))?;
            private.attach_kept(&top)?;
            attached.run.push(private.path);
        }
        let terminals = Path::new(TERMINALS);
        if terminals.is_dir() {
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
            mount::file_system("devpts", terminals, flags, &self.terminals).map_err(failed(terminals))?;
        }
        Ok(attached)
    }
}

/// The private directories in the view.
pub(super) struct Attached {
    temporary: Vec<PathBuf>,
    run: Vec<PathBuf>,
    shown: DirIdentity,
}

impl Attached {
    /// The real paths of all of them.
    pub(super) fn paths(&self) -> Vec<&Path> {
        self.temporary.iter().chain(&self.run).map(PathBuf::as_path).collect()
    }

    /// The mounts that show the job's own directory.
    pub(super) fn visible(&self) -> Result<Vec<Visible>, String> {
        let visible = |path: &PathBuf| {
            let mount = open_path(path).and_then(mount::mount_id).map_err(failed(path))?;
            Ok(Visible { mount, dir: self.shown.clone() })
        };
        self.temporary.iter().map(visible).collect()
    }

    /// Creates this directory, if it would be in one of the private directories. Returns whether it is.
    pub(super) fn create(&self, dir: &Path) -> Result<bool, String> {
        let find = |path: &&Path| dir.starts_with(path);
        let Some(path) = self.paths().into_iter().find(find) else { return Ok(false) };
        let rest = dir.strip_prefix(path).unwrap_or(dir);
        let created = open_path(path).and_then(|top| create_below(&top, rest));
        created.map(|_| true).map_err(failed(path))
    }
}

impl Private {
    /// A private directory with the working directory, if that is inside of it.
    fn find(path: PathBuf, work_dir: Option<&(PathBuf, OwnedFd)>) -> io::Result<Self> {
        let mut kept = Vec::new();
        if let Some((work_dir, open)) = work_dir
            && let Ok(rest) = work_dir.strip_prefix(&path)
            && !rest.as_os_str().is_empty()
        {
            kept.push(Shown { path: rest.to_owned(), mount: DetachedMount::copy_of(open)? });
        }
        Ok(Self { path, kept })
    }

    fn keep(&mut self, names: &[&str]) -> io::Result<()> {
        for name in names {
            if let Ok(open) = open_path(&self.path.join(name)) {
                self.kept.push(Shown { path: name.into(), mount: DetachedMount::copy_of(open)? });
            }
        }
        Ok(())
    }

    fn attach_kept(&self, top: &OwnedFd) -> Result<(), String> {
        for Shown { path, mount } in &self.kept {
            let attach = || -> io::Result<()> {
                let on = if mount.is_dir()? { create_below(top, path)? } else { create_file_below(top, path)? };
                mount.attach(on, Access::Full)
            };
            attach().map_err(failed(&self.path.join(path)))?;
        }
        Ok(())
    }
}

/// Mounts a `/dev/shm` of this size in bytes, and message queues. System V shared memory gets the same limit.
pub(super) fn mount_shared_memory(size: Option<u64>) -> Result<(), String> {
    let path = Path::new(SHARED_MEMORY);
    let options = size.map_or_else(|| "mode=1777".to_owned(), |size| format!("mode=1777,size={size}"));
    mount::file_system("tmpfs", path, FLAGS, &options).map_err(failed(path))
}

/// Shows the message queues of this IPC namespace, and limits its System V shared memory.
pub(super) fn mount_queues(size: Option<u64>) -> Result<(), String> {
    let path = Path::new(QUEUES);
    if path.is_dir() {
        mount::file_system("mqueue", path, FLAGS | MsFlags::MS_NOEXEC, "").map_err(failed(path))?;
    }
    if let Some(size) = size {
        let pages = size / u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        // Only root may write it; elsewhere the control group limits this memory, if there is one.
        let _ = fs::write("/proc/sys/kernel/shmall", pages.to_string());
    }
    Ok(())
}

/// Whether this host has the directory for shared memory.
pub(super) fn has_shared_memory() -> Result<(), String> {
    if Path::new(SHARED_MEMORY).is_dir() { Ok(()) } else { Err(format!("this host has no {SHARED_MEMORY}")) }
}

/// A new instance without the host's terminals. It gives them the same group as the host does, if this user may do so.
fn terminal_options(mounts: &[MountEntry]) -> String {
    let options = "newinstance,ptmxmode=0666,mode=0620";
    let host = mounts.iter().rfind(|entry| entry.fs_type == "devpts" && entry.point == Path::new(TERMINALS));
    let group = host.and_then(|entry| entry.fs_options.split(',').find(|word| word.starts_with("gid=")));
    match group.filter(|_| rustix::process::geteuid().is_root()) {
        Some(group) => format!("{options},{group}"),
        None => options.to_owned(),
    }
}

/// The real paths of those of these directories that exist, each once.
fn real_paths(names: [&str; 2]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in names.iter().filter_map(|name| fs::canonicalize(name).ok()) {
        if path.is_dir() && !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

fn failed<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> String {
    move |error| format!("cannot make {} private: {error}", path.display())
}
