//! The preview of a job: the result that its creation would have, without creating anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trainyard_domain::{
    access::{Action, Actor},
    document::{Change, Document},
    fault::Fault,
    id::{ID_BYTES, JobId},
    job::Placement,
    job_spec::JobSpec,
    launch::{LaunchFacts, WorkerPlan},
    merge::Provenance,
    queue::{Candidate, Decision, Length, Rules, Situation, plan},
    time::{Span, WallTime},
    workers::ports_needed,
};

use super::request::{JobRequest, parse_request, with_body_paths};
use crate::{App, app::allow, centres::launch_host, failure::Failure, secrets, templates};

/// The maximum number of bytes of variables, names and values, that one preview shows.
const MAX_ENV_BYTES: usize = 1024 * 1024;
/// The maximum number of workers that one preview shows.
const MAX_WORKERS: usize = 256;

/// The job that a request would create.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The effective spec, in the fields of the contract.
    pub document: Document,
    /// The source of each value: request, template, default or product.
    pub provenance: Provenance,
    /// The values of the template that the request changes.
    pub changes: Vec<Change>,
    /// Every reason why the server would not create the job.
    pub problems: Vec<Fault>,
    /// Settings of the request that the job would not get.
    pub warnings: Vec<Fault>,
    /// The workers by rank, as many as the limits of a preview allow.
    pub workers: Vec<WorkerPreview>,
    /// How many further workers the job has.
    pub more_workers: usize,
}

/// A worker that would start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerPreview {
    /// The name of the worker.
    pub pod_name: String,
    /// The rank, from 0.
    pub rank: u32,
    /// The environment variables; empty for a worker without a process of its own.
    pub env: BTreeMap<String, String>,
}

/// Previews a job from a template. A caller that may not create the job may not preview it.
///
/// Errors: `NotFound`, `Forbidden`, and `BadBody` for a malformed request, with the same faults as its creation.
pub async fn preview(app: &App, actor: &Actor, id: &str, body: &Value) -> Result<Preview, Failure> {
    let template = templates::find(app, actor, Action::ReadTemplate, id).await?;
    allow(actor, Action::CreateJob)?;
    let default_name = template.name.clone();
    let JobRequest { name, effective, .. } = parse_request(app, actor, body, Some(template)).await?;
    let mut problems = effective.problems();
    let prepared = effective.prepared;
    if let Some(spec) = prepared.spec.as_ref().filter(|_| problems.is_empty()) {
        problems.extend(super::host_faults(app, actor, &actor.user, spec).await?);
    }
    problems.extend(secrets::faults(app, &actor.project, &actor.user, &prepared.document).await?);
    let spec = prepared.spec.filter(|_| problems.is_empty());
    let (workers, more_workers) = match &spec {
        Some(spec) => workers(app, &actor.user, name.as_deref().unwrap_or(&default_name), spec).await?,
        None => (Vec::new(), 0),
    };
    Ok(Preview {
        document: prepared.document,
        provenance: prepared.provenance,
        changes: effective.changes,
        problems: with_body_paths(problems, body),
        warnings: prepared.warnings,
        workers,
        more_workers,
    })
}

/// The workers of the job if it started now, alone in its centre.
async fn workers(app: &App, owner: &str, name: &str, spec: &JobSpec) -> Result<(Vec<WorkerPreview>, usize), Failure> {
    let Some(centre) = app.centres.get(spec.centre) else {
        return Ok((Vec::new(), 0));
    };
    // No job ever gets this id, since ids contain the time of creation.
    let job = JobId::from_random([0; ID_BYTES]);
    let Some(host) = centre.engine.local() else {
        return Ok(show(spec, LaunchFacts::placed_later(&job, name, 1, spec).workers()));
    };
    let candidate = Candidate {
        job: job.clone(),
        priority: spec.priority,
        since: WallTime::from_ms(0),
        ran: Span::ZERO,
        size: spec.size.clone(),
        workers: spec.workers,
        length: Length { limit: None, grace: Span::ZERO },
    };
    let (now, view) = (WallTime::from_ms(0), centre.view());
    let alone = Situation { now, capacity: &view.capacity, rules: Rules::default(), allocations: &[] };
    let mut placement = match plan(alone, [&candidate]).pop() {
        Some((_, Decision::Start(placement))) => placement,
        _ => Placement::default(),
    };
    let ports = ports_needed(spec.framework, spec.workers);
    placement.ports = host.free_ports(ports, &BTreeSet::new()).await.unwrap_or_default();
    let host = launch_host(host, &job, 1, &centre.previewed_user(owner)).await?;
    Ok(show(spec, LaunchFacts::on_this_host(&job, name, 1, spec, &placement, &host).workers()))
}

/// The workers that one preview shows, and the number of further workers.
fn show(spec: &JobSpec, plans: impl Iterator<Item = WorkerPlan>) -> (Vec<WorkerPreview>, usize) {
    let mut shown = Vec::new();
    let mut bytes = 0;
    for plan in plans.take(MAX_WORKERS) {
        let env = if plan.own_process { plan.env } else { BTreeMap::new() };
        bytes += env.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if bytes > MAX_ENV_BYTES && !shown.is_empty() {
            break;
        }
        shown.push(WorkerPreview { pod_name: plan.pod_name, rank: plan.rank, env });
    }
    let more = (spec.workers as usize).saturating_sub(shown.len());
    (shown, more)
}
