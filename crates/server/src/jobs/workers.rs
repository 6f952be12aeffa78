//! The workers of a job's latest attempt, where they run, and the ports of one of them.

use std::net::SocketAddr;

use trainyard_domain::{
    access::{Action, Actor},
    attempt::WorkerHost,
    job::{Attempt, AttemptWorker, Job, Status},
    workers::{own_ports, worker_names},
};

use super::find;
use crate::{App, failure::Failure};

/// A job and its latest attempt, if it has one.
///
/// Errors: `NotFound`.
pub async fn workers(app: &App, actor: &Actor, id: &str) -> Result<(Job, Option<Attempt>), Failure> {
    let mut job = find(app, actor, Action::ReadJob, id).await?;
    // An attempt in the queue of its engine has no worker yet.
    let attempt = job.attempt.take().filter(|attempt| attempt.status != Status::Pending);
    Ok((job, attempt))
}

/// The host that a worker runs on or ran on; `None` if its engine does not say. A local engine has one host, so a
/// worker without a host in its row ran there.
pub fn host_of(app: &App, job: &Job, worker: &AttemptWorker) -> Option<WorkerHost> {
    let engine = app.centres.engine(job.centre());
    worker.fact.host.clone().or_else(|| Some(engine?.local()?.identity()))
}

/// The ports of one worker; none before its first attempt starts and after its latest attempt has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenPorts {
    /// The ports that the worker's processes listen on now.
    pub listening: Vec<PortAddress>,
    /// The ports that the launch reserved for the worker.
    pub reserved: Vec<PortAddress>,
}

/// A port with the host at which it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortAddress {
    /// The name or the address of the host.
    pub host: String,
    /// The port number.
    pub port: u16,
}

/// The ports of a worker of the latest attempt. If the worker runs on another host, the server does not know them.
///
/// Errors: `NotFound` for a job or a worker; those of the engine.
pub async fn open_ports(app: &App, actor: &Actor, id: &str, pod_name: &str) -> Result<OpenPorts, Failure> {
    let (job, attempt) = workers(app, actor, id).await?;
    let missing = || Failure::not_found("worker", pod_name);
    let rank = worker_names(&job.id, job.spec.workers).iter().position(|name| name == pod_name).ok_or_else(missing)?;
    let rank = u32::try_from(rank).map_err(|_| missing())?;
    let Some(attempt) = attempt.filter(|attempt| attempt.ended.is_none()) else {
        return Ok(OpenPorts::default());
    };
    let engine = app.centres.engine(job.centre());
    let engine = engine.ok_or_else(|| Failure::Unavailable("the job's centre is no longer configured".to_owned()))?;
    let Some(host) = engine.local() else {
        return Ok(OpenPorts::default());
    };
    let identity = host.identity();
    let listening = host.listening(&job.id, attempt.number, rank).await?;
    let reserved = own_ports(job.spec.framework, &attempt.placement.ports, rank);
    let own_address = identity.address.map(|address| address.to_string()).unwrap_or_else(|| identity.name.clone());
    Ok(OpenPorts {
        listening: listening.into_iter().map(|address| listening_at(&identity, address)).collect(),
        reserved: reserved.iter().map(|port| PortAddress { host: own_address.clone(), port: *port }).collect(),
    })
}

/// A worker that listens on all addresses is reached by the name of its host.
fn listening_at(host: &WorkerHost, address: SocketAddr) -> PortAddress {
    let name = match address.ip().to_canonical() {
        ip if ip.is_unspecified() => host.name.clone(),
        ip => ip.to_string(),
    };
    PortAddress { host: name, port: address.port() }
}
