//! The host of the fake engine with the server's placing. Its directories, ports and GPUs do not exist.

use std::{
    collections::{BTreeSet, VecDeque},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use trainyard_domain::{attempt::WorkerHost, id::JobId};

use super::{FakeEngine, Verb};
use crate::{
    AttemptPaths, BusyGpu, Deletion, DiskSpace, EngineError, LaunchMount, LocalHost, MountFault, WorkerUser,
    local::dirs,
};

/// The ports that jobs get.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

#[async_trait]
impl LocalHost for FakeEngine {
    fn identity(&self) -> WorkerHost {
        WorkerHost { name: "fake-host".to_owned(), address: Some(Ipv4Addr::LOCALHOST.into()) }
    }

    fn data_dir(&self) -> &Path {
        &self.root
    }

    fn paths(&self, job: &JobId, attempt: u32) -> AttemptPaths {
        dirs::paths(&self.root, job, attempt)
    }

    async fn find_user(&self, user: &WorkerUser) -> Result<Result<u32, String>, EngineError> {
        Ok(match user {
            WorkerUser::Server => Ok(1000),
            WorkerUser::Account(name) => Err(format!("this host has no account {name}")),
            WorkerUser::Id { id, .. } => Ok(*id),
        })
    }

    async fn base_env(&self, _user: &WorkerUser) -> Result<Vec<(String, String)>, EngineError> {
        Ok(vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())])
    }

    fn hides_data_dir(&self) -> bool {
        true
    }

    fn runs_as_root(&self, _user: &WorkerUser) -> bool {
        false
    }

    fn port_count(&self) -> usize {
        PORTS.len()
    }

    async fn free_ports(&self, count: usize, taken: &BTreeSet<u16>) -> Result<Vec<u16>, EngineError> {
        self.answer().await.failure(Verb::FreePorts)?;
        Ok(PORTS.filter(|port| !taken.contains(port)).take(count).collect())
    }

    async fn check_mounts(
        &self,
        _user: &WorkerUser,
        mounts: &[LaunchMount],
    ) -> Result<Vec<Result<(), MountFault>>, EngineError> {
        Ok(mounts.iter().map(|_| Ok(())).collect())
    }

    async fn check_storage(&self, _path: &Path) -> Result<Result<(), String>, EngineError> {
        Ok(Ok(()))
    }

    async fn find_storage(&self, path: &str) -> Result<Result<String, String>, EngineError> {
        Ok(Ok(path.to_owned()))
    }

    async fn busy_gpus(&self) -> Result<Option<Vec<BusyGpu>>, EngineError> {
        let mut inner = self.answer().await;
        inner.failure(Verb::BusyGpus)?;
        Ok(inner.busy_gpus.clone())
    }

    async fn listening(&self, _job: &JobId, _attempt: u32, _rank: u32) -> Result<Vec<SocketAddr>, EngineError> {
        Ok(Vec::new())
    }

    async fn disk_space(&self) -> Result<DiskSpace, EngineError> {
        Ok(self.answer().await.disk)
    }

    async fn deleted_folders(&self) -> Result<Vec<PathBuf>, EngineError> {
        Ok(self.answer().await.deleted.keys().cloned().collect())
    }

    async fn delete_folder(&self, folder: &Path, _time: Duration) -> Result<Deletion, EngineError> {
        let mut inner = self.answer().await;
        let answer = inner.deleted.get_mut(folder).and_then(VecDeque::pop_front).unwrap_or(Deletion::Done);
        if answer == Deletion::Done {
            inner.deleted.remove(folder);
        }
        inner.deletions.push(folder.to_owned());
        Ok(answer)
    }
}
