//! The launch that an engine gets: rendered for the server's host, or the request of the job if the engine places it.

use trainyard_domain::{
    job::{Attempt, Job},
    launch::{LaunchFacts, SharedEnv, hostfile},
    workers::{has_own_process, worker_names},
};
use trainyard_engine::{EngineError, Launch, LaunchFile, Request, WorkerLaunch, WorkerLimits};

use crate::{
    App,
    centres::{RunningCentre, launch_host},
    secrets, storages,
};

/// The launch of an attempt.
///
/// Errors: `Refused` with the reason why the attempt can never start, or that of the store or the engine.
pub(super) async fn launch(
    app: &App,
    centre: &RunningCentre,
    job: &Job,
    attempt: &Attempt,
) -> Result<Launch, EngineError> {
    let user = centre
        .worker_user(&app.store, &app.pool_uids, &job.owner)
        .await
        .map_err(|error| EngineError::Unavailable(error.to_string()))?;
    let user = user.map_err(EngineError::Refused)?;
    let secrets = secrets::of_job(app, job).await.map_err(|error| EngineError::Unavailable(error.to_string()))?;
    let secrets = secrets.map_err(EngineError::Refused)?;
    let names = (0..).zip(worker_names(&job.id, job.spec.workers));
    let process = |rank| has_own_process(job.spec.framework, rank);
    let worker = |rank, pod_name, env| WorkerLaunch { rank, pod_name, process: process(rank), env };
    let (files, shared, workers, request) = match centre.engine.local() {
        Some(local) => {
            let host = launch_host(local, &job.id, attempt.number, &user).await?;
            let (id, spec, placement) = (&job.id, &job.spec, &attempt.placement);
            let facts = LaunchFacts::on_this_host(id, &job.name, attempt.number, spec, placement, &host);
            let workers = names.map(|(rank, name)| worker(rank, name, facts.own(rank))).collect();
            let file = LaunchFile { path: host.hostfile.clone().into(), text: hostfile(spec) };
            let mut shared = facts.shared();
            // The engine gets the values of secrets apart from all that it may write to a disk.
            shared.variables.retain(|name, _| !secrets.iter().any(|(secret, _)| secret == name));
            (vec![file], shared, workers, None)
        }
        None => {
            // The engine renders the environment where the workers run.
            let workers = names.map(|(rank, name)| worker(rank, name, Vec::new())).collect();
            (Vec::new(), SharedEnv::default(), workers, Some(request(job)))
        }
    };
    Ok(Launch {
        job: job.id.clone(),
        attempt: attempt.number,
        command: job.spec.command.clone(),
        work_dir: job.spec.work_dir.clone(),
        stop_grace_seconds: job.spec.stop_grace_seconds,
        limits: Some(WorkerLimits { cpu_milli: job.spec.size.cpu_milli, memory_bytes: job.spec.size.memory_bytes }),
        files,
        shared,
        workers,
        secrets,
        mounts: storages::launch_mounts(centre, &job.spec).map_err(EngineError::Refused)?,
        user,
        hidden: storages::hidden_paths(app),
        sealed: storages::read_only_paths(app, centre),
        request,
    })
}

/// The facts about a job for an engine that places it.
fn request(job: &Job) -> Request {
    let time_left = job.spec.time_limit().map(|limit| (limit - job.ran).or_zero());
    Request { job_name: job.name.clone(), spec: job.spec.clone(), time_left }
}
