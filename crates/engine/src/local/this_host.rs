//! This host: the answers of the local engine to every question about ports, mounts, GPUs, disk, paths and names.

use std::{
    collections::BTreeSet,
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use trainyard_domain::{attempt::WorkerHost, id::JobId, storage::parse_storage_path};

use super::{Inner, LocalEngine, base_env, cannot, deleted, dirs, gpu, launch, listening, means::Means, sandbox};
use crate::{AttemptPaths, BusyGpu, Deletion, DiskSpace, EngineError, LaunchMount, LocalHost, MountFault, WorkerUser};

/// Tells work on another thread that its caller is gone.
struct HangUp(Arc<AtomicBool>);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl LocalHost for LocalEngine {
    fn identity(&self) -> WorkerHost {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        WorkerHost { name, address: Some(Ipv4Addr::LOCALHOST.into()) }
    }

    fn data_dir(&self) -> &Path {
        &self.inner.settings.data_dir
    }

    fn paths(&self, job: &JobId, attempt: u32) -> AttemptPaths {
        dirs::paths(&self.inner.settings.data_dir, job, attempt)
    }

    async fn find_user(&self, user: &WorkerUser) -> Result<Result<u32, String>, EngineError> {
        let user = user.clone();
        let find = move |inner: &Inner| match launch::account(inner, &user) {
            Ok(None) => Ok(Ok(rustix::process::geteuid().as_raw())),
            Ok(Some(account)) => Ok(Ok(account.run_as.user())),
            Err(EngineError::Refused(why)) => Ok(Err(why)),
            Err(error) => Err(error),
        };
        // The host may ask a directory service for the account.
        self.blocking(find).await
    }

    async fn base_env(&self, user: &WorkerUser) -> Result<Vec<(String, String)>, EngineError> {
        let user = user.clone();
        let env = move |inner: &Inner| {
            let account = launch::account(inner, &user)?;
            Ok(account.map_or_else(|| inner.base_env.clone(), |one| base_env::of_account(&inner.base_env, &one)))
        };
        self.blocking(env).await
    }

    fn hides_data_dir(&self) -> bool {
        self.inner.refused.check(Means::Mounts).is_ok()
    }

    fn runs_as_root(&self, user: &WorkerUser) -> bool {
        *user == WorkerUser::Server && rustix::process::geteuid().is_root()
    }

    fn port_count(&self) -> usize {
        self.inner.settings.port_range.len()
    }

    async fn free_ports(&self, count: usize, taken: &BTreeSet<u16>) -> Result<Vec<u16>, EngineError> {
        let taken = taken.clone();
        self.blocking(move |inner| inner.ports.free(count, &taken)).await
    }

    async fn check_mounts(
        &self,
        user: &WorkerUser,
        mounts: &[LaunchMount],
    ) -> Result<Vec<Result<(), MountFault>>, EngineError> {
        let (user, mounts) = (user.clone(), mounts.to_vec());
        let check = move |inner: &Inner| {
            let data = fs::canonicalize(&inner.settings.data_dir).map_err(cannot("find the data directory"))?;
            // Whether workers can run as this user is another question, with its own answer.
            let Ok(account) = sandbox::Account::of(&user, &data) else {
                return Ok(mounts.iter().map(|_| Ok(())).collect());
            };
            let run_as = account.as_ref().map(|account| &account.run_as);
            Ok(mounts.iter().map(|mount| sandbox::check_mount(&data, mount, run_as)).collect())
        };
        self.blocking(check).await
    }

    async fn check_storage(&self, path: &Path) -> Result<Result<(), String>, EngineError> {
        let path = path.to_owned();
        self.blocking(move |inner| Ok(sandbox::check_storage(&inner.settings.data_dir, &path))).await
    }

    async fn find_storage(&self, path: &str) -> Result<Result<String, String>, EngineError> {
        let path = path.to_owned();
        self.blocking(move |inner| Ok(find_storage(&inner.settings.data_dir, &path))).await
    }

    async fn busy_gpus(&self) -> Result<Option<Vec<BusyGpu>>, EngineError> {
        match gpu::busy(&self.inner.settings.nvidia_smi).await {
            Ok(busy) => Ok(busy),
            Err(why) => Err(EngineError::Unavailable(why)),
        }
    }

    async fn listening(&self, job: &JobId, attempt: u32, rank: u32) -> Result<Vec<SocketAddr>, EngineError> {
        let job = job.clone();
        self.blocking(move |inner| listening::listening(inner, &job, attempt, rank)).await
    }

    async fn disk_space(&self) -> Result<DiskSpace, EngineError> {
        self.blocking(|inner| {
            let disk = rustix::fs::statvfs(&inner.settings.data_dir).map_err(cannot("measure the data directory"))?;
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            Ok(DiskSpace { free_bytes: bytes(disk.f_bavail), size_bytes: bytes(disk.f_blocks) })
        })
        .await
    }

    async fn deleted_folders(&self) -> Result<Vec<PathBuf>, EngineError> {
        let list = |inner: &Inner| deleted::folders(&inner.settings.data_dir);
        self.blocking(move |inner| list(inner).map_err(cannot("list the folders to delete"))).await
    }

    async fn delete_folder(&self, folder: &Path, time: Duration) -> Result<Deletion, EngineError> {
        let (folder, hang_up) = (folder.to_owned(), HangUp(Arc::default()));
        let is_gone = Arc::clone(&hang_up.0);
        let delete = move |inner: &Inner| {
            let is_given_up = || is_gone.load(Ordering::Relaxed);
            Ok(deleted::delete(&inner.settings.data_dir, &folder, time, is_given_up))
        };
        let done = self.blocking(delete).await;
        drop(hang_up);
        done
    }
}

/// Follows links: a storage is known by its real path.
fn find_storage(data_dir: &Path, text: &str) -> Result<String, String> {
    let data =
        fs::canonicalize(data_dir).map_err(|error| format!("cannot be compared with the data directory: {error}"))?;
    let data = data.to_string_lossy();
    let given = parse_storage_path(text, &data)?;
    let real = fs::canonicalize(&given).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            "does not exist on the centre's host; create or mount the directory first".to_owned()
        }
        _ => format!("cannot be read: {error}"),
    })?;
    if !real.is_dir() {
        return Err("is not a directory".to_owned());
    }
    let real = real.to_str().ok_or("leads to a path that is not UTF-8 text")?;
    parse_storage_path(real, &data).map_err(|why| format!("leads to {real}, which {why}"))
}
