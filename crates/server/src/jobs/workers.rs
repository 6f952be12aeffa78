//! The workers of a job's latest attempt, and the ports of one of them.

use std::net::SocketAddr;

use trainyard_domain::{
    access::{Action, Actor},
    job::{Attempt, Job},
    workers::{own_ports, worker_names},
};

use super::find;
use crate::{App, failure::Failure};

/// A job and its latest attempt, if it has one.
///
/// # Errors
/// `NotFound`.
pub async fn workers(app: &App, actor: &Actor, id: &str) -> Result<(Job, Option<Attempt>), Failure> {
    let mut job = find(app, actor, Action::ReadJob, id).await?;
    let attempt = job.attempt.take();
    Ok((job, attempt))
}

/// The ports of one worker; none before its first attempt starts and after its latest attempt has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenPorts {
    /// The addresses on which the worker's processes listen now.
    pub listening: Vec<SocketAddr>,
    /// The ports that the launch reserved for the worker.
    pub reserved: Vec<u16>,
}

/// The ports of a worker of the latest attempt.
///
/// # Errors
/// `NotFound` for a job or a worker; those of the engine.
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
    let listening = engine.listening(&job.id, attempt.number, rank).await?;
    let reserved = own_ports(job.spec.framework, &attempt.placement.ports, rank).to_vec();
    Ok(OpenPorts { listening, reserved })
}
