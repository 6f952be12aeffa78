//! Which ports a worker has: those that it listens on now, and those that its launch was given.

use std::net::SocketAddr;

use trainyard_domain::{
    access::Actor,
    workers::{own_ports, worker_names},
};

use crate::{App, failure::Failure, jobs::workers};

/// The ports of one worker; none before its first attempt and after its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenPorts {
    /// Where it listens.
    pub listening: Vec<SocketAddr>,
    /// What was reserved for it to listen on.
    pub reserved: Vec<u16>,
}

/// The ports of a worker of the latest attempt.
///
/// # Errors
/// `NotFound` for a job or worker that is not there; those of the engine.
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
