//! Preparing an attempt: the lock, the launch, the files, the signals; all that can fail before the attempt has started.
//!
//! A failure here leaves no `started`, so the server can launch the attempt again. Nothing here starts a process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{fs::MetadataExt as _, net::UnixStream},
    },
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use nix::libc::{SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use rustix::{
    fs::Mode,
    io::fcntl_dupfd_cloexec,
    process::{getpid, set_child_subreaper, setsid, umask},
    stdio::{dup2_stdin, stdin},
};

use super::{pump::Pump, while_doing};
use crate::{
    Launch,
    local::{
        cgroup::{Groups, group::OpenGroups},
        dirs::AttemptDir,
        durable, lock,
        means::Means,
        notify, proc,
        record::{self, FORMAT, LaunchRecord, Phase, ShimId, Started, Status},
        sandbox::{CgroupView, HostDirs, Needs, Sandbox, drop_capabilities, enter},
        secret_file,
    },
};

/// An attempt that only this process may start.
pub(super) struct Claim {
    dir: AttemptDir,
    lock: File,
    record: LaunchRecord,
}

impl Claim {
    /// Claims the attempt; `None` if another shim runs it or has run it.
    ///
    /// The file has the values of secrets; an attempt does not start without those that its launch names.
    pub(super) fn take(dir: &Path, secrets: Option<File>) -> Result<Option<Self>, String> {
        let dir = AttemptDir(dir.to_owned());
        let Some(lock) = take_lock(&dir)? else { return Ok(None) };
        if has_started(&dir)? {
            return Ok(None);
        }
        let record = record::read(&dir.launch()).map_err(|error| format!("launch.json {error}"))?;
        let mut record: LaunchRecord = record.ok_or("there is no launch.json")?;
        let values = secrets.as_ref().map(secret_file::read).transpose();
        let values = values.map_err(while_doing("reading the secrets"))?.unwrap_or_default();
        if !values.iter().map(|(name, _)| name).eq(&record.secrets) {
            return Err(format!(
                "only the server can start this attempt, which needs the secrets of {:?}",
                record.secrets
            ));
        }
        record.launch.secrets = values;
        Ok(Some(Self { dir, lock, record }))
    }

    /// Whether the attempt gets a pid namespace of its own.
    pub(super) fn wants_pid_namespace(&self) -> bool {
        self.record.sandbox.as_ref().is_some_and(|sandbox| sandbox.pid_namespace)
    }
}

/// Everything that the run needs, opened and checked.
pub(super) struct Prepared {
    /// The attempt's directory, by a path that stays valid in the sandbox.
    pub(super) dir: AttemptDir,
    /// The data directory, by a path that stays valid in the sandbox.
    pub(super) data: PathBuf,
    /// The attempt's directory, by the path that the workers see.
    pub(super) visible_dir: AttemptDir,
    /// The sandbox of the workers; `None` if they see the whole host.
    pub(super) sandbox: Option<Sandbox>,
    /// The means of isolation that the launch uses.
    pub(super) means: BTreeSet<Means>,
    /// Whether this process is process 1 of the attempt's pid namespace.
    pub(super) is_pid1: bool,
    /// Why this process is not process 1, although the launch asks for a pid namespace.
    pid1_error: Option<String>,
    /// Keeps both paths valid.
    host_dirs: HostDirs,
    pub(super) launch: Launch,
    /// The control groups of the workers; `None` if the host has none for them.
    pub(super) groups: Option<OpenGroups>,
    pub(super) started: Started,
    pub(super) pumps: BTreeMap<u32, Pump>,
    /// Readable when a child may have ended.
    pub(super) children: UnixStream,
    /// Readable after a notification of the server.
    pub(super) ctl: File,
    /// Held until the end of the run.
    pub(super) lock: File,
}

impl Prepared {
    /// Prepares the run. `pid1` is the result of becoming process 1 of a pid namespace, if that was tried.
    pub(super) fn new(claim: Claim, pid1: Option<Result<(), String>>) -> Result<Self, String> {
        let Claim { dir, lock, record } = claim;
        let LaunchRecord { log_cap, launch, groups, sandbox, means, .. } = record;
        // Fails for the leader of a process group, as a shell with job control makes it; the shim has its own group then.
        let _ = setsid();
        // The umask of the server may exclude other users, but workers share storages and may run as another user.
        umask(Mode::from_raw_mode(0o022));
        set_child_subreaper(Some(getpid())).map_err(while_doing("becoming the reaper of all descendants"))?;
        let children = catch_signals().map_err(while_doing("catching signals"))?;
        let data = dir.data().ok_or("the attempt's directory is not in a data directory")?;
        let host_dirs = HostDirs::open(&dir.0, data).map_err(while_doing("opening the attempt's directory"))?;
        let (visible_dir, dir, data) = (dir, AttemptDir(host_dirs.attempt()), host_dirs.data());
        let ctl = notify::open(&dir.ctl()).map_err(while_doing("opening ctl"))?;
        let mut pumps = BTreeMap::new();
        for worker in launch.workers.iter().filter(|worker| worker.process) {
            let pump = Pump::open(&dir.log(worker.rank), log_cap).map_err(while_doing("creating a log file"))?;
            pumps.insert(worker.rank, pump);
        }
        let ranks: Vec<u32> = pumps.keys().copied().collect();
        let create = |groups: Groups| groups.create(&ranks, launch.limits.as_ref()).and_then(|()| groups.open());
        let groups = groups.map(create).transpose().map_err(while_doing("creating the control groups"))?;
        let started = Started {
            format: FORMAT,
            boot_id: proc::boot_id().map_err(while_doing("reading the boot id"))?,
            shim: own_id()?,
        };
        let is_pid1 = pid1 == Some(Ok(()));
        let pid1_error = pid1.and_then(Result::err);
        Ok(Self {
            dir,
            data,
            visible_dir,
            sandbox,
            means,
            is_pid1,
            pid1_error,
            host_dirs,
            launch,
            groups,
            started,
            pumps,
            children,
            ctl,
            lock,
        })
    }

    /// Moves this process, and all that it starts from now on, into the sandbox; the error says why that failed. Returns
    /// what each worker has to enter in addition.
    pub(super) fn enter_sandbox(&self) -> Result<Option<CgroupView>, String> {
        let Some(sandbox) = &self.sandbox else {
            let drops = self.means.contains(&Means::Capabilities);
            return if drops { drop_capabilities().map(|()| None) } else { Ok(None) };
        };
        self.pid1_error.clone().map_or(Ok(()), Err)?;
        let files: Vec<PathBuf> = self.launch.files.iter().map(|file| file.path.clone()).collect();
        let workers = u64::try_from(self.launch.workers.len()).unwrap_or(u64::MAX);
        enter(&Needs {
            sandbox,
            means: &self.means,
            attempt: &self.visible_dir,
            files: &files,
            work_dir: self.launch.work_dir.as_deref().map(Path::new),
            memory: self.launch.limits.map(|limits| limits.memory_bytes.saturating_mul(workers)),
        })
    }

    /// The pid of a child on the host, outside of the attempt's pid namespace.
    pub(super) fn host_pid(&self, pid: u32, pidfd: Option<BorrowedFd<'_>>) -> Option<u32> {
        if !self.is_pid1 {
            return Some(pid);
        }
        let known = self.host_dirs.pid_of(pidfd?);
        known.inspect_err(|error| super::log_error(&format!("cannot find the host pid of process {pid}: {error}"))).ok()
    }

    /// Records durably that the attempt has started. It never starts again, whatever is killed.
    pub(super) fn write_started(&self) -> Result<(), String> {
        let bytes = record::bytes(&self.started).map_err(while_doing("writing started"))?;
        durable::replace(&self.dir.started(), &bytes).map_err(while_doing("writing started"))
    }
}

/// The server passes the lock as standard input, already held. A shim that is started by hand takes the lock itself.
fn take_lock(dir: &AttemptDir) -> Result<Option<File>, String> {
    let doing = "taking the lock";
    let passed = fcntl_dupfd_cloexec(stdin(), 3).map(File::from);
    let own = lock::open(&dir.lock()).map_err(while_doing(doing))?;
    let file = match passed {
        Ok(file) if is_same(&file, &own) => file,
        _ => own,
    };
    // Workers must not get the lock: starting them does not close standard input.
    let null = File::open("/dev/null").map_err(while_doing("opening /dev/null"))?;
    dup2_stdin(null.as_fd()).map_err(while_doing("closing standard input"))?;
    Ok(lock::take(&file).map_err(while_doing(doing))?.then_some(file))
}

fn is_same(left: &File, right: &File) -> bool {
    match (left.metadata(), right.metadata()) {
        (Ok(left), Ok(right)) => (left.dev(), left.ino()) == (right.dev(), right.ino()),
        _ => false,
    }
}

/// Whether a shim has started the attempt, or the server has cancelled it.
fn has_started(dir: &AttemptDir) -> Result<bool, String> {
    let started = dir.started().try_exists().map_err(while_doing("looking for started"))?;
    let status: Option<Status> = record::read(&dir.status()).map_err(|error| format!("status.json {error}"))?;
    Ok(started || status.is_some_and(|status| status.phase == Phase::Ended))
}

/// Catches these signals. Workers would inherit ignored or blocked signals, but a caught signal is reset for them.
fn catch_signals() -> std::io::Result<UnixStream> {
    let (receiver, sender) = UnixStream::pair()?;
    receiver.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(SIGCHLD, sender)?;
    let unused = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM] {
        signal_hook::flag::register(signal, Arc::clone(&unused))?;
    }
    Ok(receiver)
}

/// The id of this process on the host. `/proc` still shows the host here, while in a pid namespace this process has pid 1.
fn own_id() -> Result<ShimId, String> {
    let own = fs::read_link("/proc/self").ok().and_then(|own| own.to_str()?.parse().ok()).and_then(proc::read);
    let id = own.ok_or("/proc does not show this process")?.id;
    Ok(ShimId { pid: id.pid, start_ticks: id.start_ticks })
}
