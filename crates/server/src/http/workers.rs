//! The calls about the workers of a job; on the wire they are called pods.

use trainyard_api::{
    Envelope,
    failures::ReadFailures,
    paths,
    pod::{OpenPort, OpenPorts, Pod, PodBasic},
};
use trainyard_domain::workers::worker_names;

use super::{
    answer::{Answer, ok},
    extract::{Call, NoBody, NoQuery},
    path::{JobPath, WorkerPath},
    show,
};
use crate::{
    failure::Failure,
    jobs::{self, PortAddress},
};

/// The answer for a name that the engine of the centre does not know.
const UNKNOWN: &str = "-";

/// List a job's workers
///
/// The workers of the latest attempt, by rank; none before the first attempt.
#[utoipa::path(
    get, path = paths::POD_LIST, operation_id = "listWorkers", tag = "jobs", params(JobPath),
    responses((status = 200, description = "The workers.", body = Envelope<Vec<Pod>>), ReadFailures)
)]
pub(crate) async fn list(Call { app, actor, path }: Call<JobPath>, _: NoQuery, _: NoBody) -> Answer<Vec<Pod>> {
    let (job, attempt) = jobs::workers(&app, &actor, &path.id).await?;
    let log_path = jobs::log_paths(&app, &job);
    ok(attempt.map(|attempt| show::pods(&attempt, &log_path, &app.zone)).unwrap_or_default())
}

/// Show where a worker runs
#[utoipa::path(
    get, path = paths::POD_BASIC, operation_id = "showWorker", tag = "jobs",
    params(WorkerPath),
    responses((status = 200, description = "The worker.", body = Envelope<PodBasic>), ReadFailures)
)]
pub(crate) async fn basic(Call { app, actor, path }: Call<WorkerPath>, _: NoQuery, _: NoBody) -> Answer<PodBasic> {
    let (job, attempt) = jobs::workers(&app, &actor, &path.id).await?;
    let missing = || Failure::not_found("worker", &path.pod_name);
    if !worker_names(&job.id, job.spec.workers).contains(&path.pod_name) {
        return Err(missing());
    }
    // Before the first attempt, a worker has no host.
    let attempt = attempt.ok_or_else(missing)?;
    let worker = attempt.workers.iter().find(|worker| worker.pod_name == path.pod_name).ok_or_else(missing)?;
    let centre = app.centres.get(job.centre());
    let name = centre.map_or_else(|| job.centre().to_string(), |centre| centre.config.name.clone());
    let host = jobs::host_of(&app, &job, worker);
    let host_ip = host.as_ref().and_then(|host| host.address).map_or_else(|| UNKNOWN.to_owned(), |ip| ip.to_string());
    let created = worker.fact.started_ms.unwrap_or(attempt.placed);
    ok(PodBasic {
        cluster_name: name,
        host_name: host.map_or_else(|| UNKNOWN.to_owned(), |host| host.name),
        namespace: job.project.clone(),
        // A worker uses the network of its host.
        pod_ip: host_ip.clone(),
        host_ip,
        status: show::run_status(worker.status),
        restart_count: attempt.number - 1,
        qos_class: "Guaranteed".to_owned(),
        create_by: job.owner.clone(),
        create_time: show::time(created, &app.zone),
        create_time_ms: created.as_ms(),
    })
}

/// List a worker's ports
///
/// The ports on which processes of the worker listen now, and the ports that its launch reserved (`MASTER_PORT`, its
/// own in `TF_CONFIG`). None before the worker starts and after it has ended.
#[utoipa::path(
    get, path = paths::POD_PORTS, operation_id = "listWorkerPorts", tag = "jobs",
    params(WorkerPath),
    responses((status = 200, description = "The ports.", body = Envelope<OpenPorts>), ReadFailures)
)]
pub(crate) async fn open_ports(
    Call { app, actor, path }: Call<WorkerPath>,
    _: NoQuery,
    _: NoBody,
) -> Answer<OpenPorts> {
    let found = jobs::open_ports(&app, &actor, &path.id, &path.pod_name).await?;
    let ports = found.listening.into_iter().map(open_port).collect();
    let custom_ports = found.reserved.into_iter().map(open_port).collect();
    ok(OpenPorts { ports, custom_ports })
}

fn open_port(PortAddress { host, port }: PortAddress) -> OpenPort {
    OpenPort { protocol: "TCP".to_owned(), port, external_host: host, external_port: port }
}
