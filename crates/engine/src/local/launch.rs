//! Launching an attempt: writes its files, takes its lock and starts its shim.
//!
//! The lock makes a launch idempotent. A caller that finds the lock held leaves the attempt to the holder. A caller that
//! gets the lock first checks whether the attempt has started. The shim inherits the lock as its standard input, so no
//! other process can take the lock in between.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Component,
};

use super::{
    Inner, cannot,
    dirs::{self, AttemptDir},
    durable, handle, lock,
    means::Means,
    notify,
    record::{self, FORMAT, LaunchRecord, Phase, RecordError, Started, Status},
    sandbox::{Account, Sandbox},
    secret_file,
    starter_protocol::Attempt,
};
use crate::{EngineError, Handle, Launch, WorkerUser};

/// Launches the attempt unless it has started already; returns the same handle in both cases.
pub(super) fn launch(inner: &Inner, launch: Launch) -> Result<Handle, EngineError> {
    check(inner, &launch)?;
    let account = account(inner, &launch.user)?;
    let paths = dirs::paths(&inner.settings.data_dir, &launch.job, launch.attempt);
    for dir in [&paths.work_dir, &paths.checkpoint_dir, &paths.tmp_dir, &paths.attempt_dir] {
        durable::create_dir(dir).map_err(cannot("create the job's directories"))?;
    }
    let dir = AttemptDir(paths.attempt_dir);
    let lock = lock::open(&dir.lock()).map_err(cannot("open the attempt's lock"))?;
    if lock::take(&lock).map_err(cannot("take the attempt's lock"))? {
        match launch_state(&dir)? {
            LaunchState::NotStarted => {
                sync(inner, &launch).map_err(cannot("sync the job's directories"))?;
                let record = LaunchRecord {
                    format: FORMAT,
                    log_cap: inner.settings.log_cap,
                    groups: inner.control.groups(&launch.job, launch.attempt),
                    sandbox: sandbox(inner, &launch, account.as_ref()),
                    means: inner.refused.permitted(),
                    secrets: launch.secrets.iter().map(|(name, _)| name.clone()).collect(),
                    launch,
                };
                write_files(&dir, &record).map_err(cannot("write the attempt's files"))?;
                give_to_account(inner, &record, account.as_ref())
                    .map_err(cannot("give the job's directories to its user"))?;
                let shim_log = open_shim_log(&dir).map_err(cannot("open shim.log"))?;
                let secrets = secret_file::write(&record.launch.secrets).map_err(cannot("pass on the secrets"))?;
                inner.starter.start(&inner.settings, &Attempt { dir: dir.0.clone(), lock, shim_log, secrets })?;
            }
            LaunchState::Started => {}
            LaunchState::Cancelled => {
                return Err(EngineError::Refused("this attempt was stopped before it started".to_owned()));
            }
        }
    }
    handle_of(inner, &dir)
}

/// The handle of an attempt that has started or is being started.
pub(super) fn handle_of(inner: &Inner, dir: &AttemptDir) -> Result<Handle, EngineError> {
    let started: Option<Started> = record::read(&dir.started()).map_err(unreadable("started"))?;
    handle(dir, started.map_or_else(|| inner.boot_id.clone(), |started| started.boot_id))
}

/// The state of an attempt without a running shim. Valid only while the caller holds the attempt's lock.
pub(super) enum LaunchState {
    /// No shim has started the attempt; a launch may start it.
    NotStarted,
    /// A shim has started the attempt, so no other shim may.
    Started,
    /// The attempt was cancelled before a shim started it, so no shim may.
    Cancelled,
}

/// Reads the state from the attempt's files.
pub(super) fn launch_state(dir: &AttemptDir) -> Result<LaunchState, EngineError> {
    if dir.started().try_exists().map_err(cannot("look for started"))? {
        return Ok(LaunchState::Started);
    }
    let status: Option<Status> = record::read(&dir.status()).map_err(unreadable("status.json"))?;
    match status {
        Some(status) if status.phase == Phase::Ended && status.shim.is_none() => Ok(LaunchState::Cancelled),
        // No version writes a status with a shim before `started`. In doubt, the attempt counts as started.
        Some(_) => Ok(LaunchState::Started),
        None => Ok(LaunchState::NotStarted),
    }
}

fn check(inner: &Inner, launch: &Launch) -> Result<(), EngineError> {
    let refused = |message: String| Err(EngineError::Refused(message));
    let ranks: BTreeSet<u32> = launch.workers.iter().map(|worker| worker.rank).collect();
    if ranks.len() != launch.workers.len() || !launch.workers.iter().any(|worker| worker.process) {
        return refused("the ranks of a launch must be unique, and at least one worker must have a process".to_owned());
    }
    if let (Err(why), false) = (inner.refused.check(Means::Mounts), launch.mounts.is_empty()) {
        return refused(format!("cannot mount storages on this host: {why}"));
    }
    let dir = inner.attempt(&launch.job, launch.attempt);
    let is_below = |path: &std::path::Path| {
        path.strip_prefix(&dir.0).is_ok_and(|rest| rest.components().all(|part| matches!(part, Component::Normal(_))))
    };
    match launch.files.iter().find(|file| !is_below(&file.path)) {
        Some(file) => refused(format!("the file {} is outside of the attempt's directory", file.path.display())),
        None => Ok(()),
    }
}

/// The account of the user that the workers run as; `None` for the server's own.
pub(super) fn account(inner: &Inner, user: &WorkerUser) -> Result<Option<Account>, EngineError> {
    if !inner.settings.other_users && *user != WorkerUser::Server {
        return Err(EngineError::Refused("this centre runs all workers as the user of the server".to_owned()));
    }
    Account::of(user, &inner.settings.data_dir).map_err(EngineError::Refused)
}

fn sandbox(inner: &Inner, launch: &Launch, account: Option<&Account>) -> Option<Sandbox> {
    let run_as = account.map(|account| account.run_as.clone());
    let sandbox = Sandbox {
        hidden: launch.hidden.clone(),
        sealed: launch.sealed.clone(),
        mounts: launch.mounts.clone(),
        run_as,
        pid_namespace: inner.refused.check(Means::Processes).is_ok(),
    };
    inner.refused.check(Means::Mounts).is_ok().then_some(sandbox)
}

/// Syncs the directories that lead to the attempt. Before a worker starts, they must survive a power cut, or `started`
/// would be lost with them. It also syncs existing directories: the server that created them may have been killed.
fn sync(inner: &Inner, launch: &Launch) -> io::Result<()> {
    let data = &inner.settings.data_dir;
    durable::sync_dir(&dirs::jobs(data))?;
    durable::sync_dir(&dirs::job(data, &launch.job))
}

/// Writes `launch.json` last, so that a shim that can read it finds everything else. None of these files needs to survive
/// a power cut: without `started` the attempt has never started and is launched again.
fn write_files(dir: &AttemptDir, record: &LaunchRecord) -> io::Result<()> {
    for file in &record.launch.files {
        if let Some(parent) = file.path.parent() {
            durable::create_dir(parent)?;
        }
        durable::replace_without_sync(&file.path, file.text.as_bytes())?;
    }
    notify::open(&dir.ctl())?;
    durable::replace_without_sync(&dir.launch(), &record::bytes(record)?)
}

/// Gives the job's own directories and files to the user that the job runs as.
fn give_to_account(inner: &Inner, record: &LaunchRecord, account: Option<&Account>) -> io::Result<()> {
    let Some(account) = account else { return Ok(()) };
    let paths = dirs::paths(&inner.settings.data_dir, &record.launch.job, record.launch.attempt);
    let directories = [&paths.work_dir, &paths.checkpoint_dir, &paths.tmp_dir].into_iter();
    let mut all = directories.chain(record.launch.files.iter().map(|file| &file.path));
    all.try_for_each(|path| account.run_as.chown(path))
}

/// Opens an empty `shim.log`. If an earlier shim failed before the start, its text goes to the server's log first.
fn open_shim_log(dir: &AttemptDir) -> io::Result<File> {
    let path = dir.shim_log();
    if let Ok(text) = std::fs::read_to_string(&path)
        && !text.is_empty()
    {
        tracing::warn!(dir = %dir.0.display(), shim_log = text.trim(), "an earlier shim of this attempt could not start");
    }
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// The error for a record that is damaged or that a newer version wrote. A new launch would not repair it.
pub(super) fn unreadable(name: &'static str) -> impl Fn(RecordError) -> EngineError {
    move |error| EngineError::Unavailable(format!("{name} {error}"))
}
