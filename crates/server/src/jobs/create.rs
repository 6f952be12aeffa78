//! Creates a job from a template and a request, or from a request alone.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode},
    id::JobId,
    job::{Job, JobState, Note, RetryCounts},
    reason::Reason,
    time::Span,
};
use trainyard_store::{IdempotencyKey, Inserted};

use super::request::{JobRequest, parse_request, with_body_paths};
use crate::{App, app::allow, clock::new_id, failure::Failure, secrets};

/// A job that this request, or an earlier one with the same idempotency key, has created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The id of the job.
    pub id: JobId,
    /// Values of the request that are allowed but probably mistakes.
    pub warnings: Vec<Fault>,
}

/// Creates a job and wakes the scheduler.
///
/// Errors: `Forbidden`, `BadBody` with all faults, `CannotRun` with every reason why the job can never run.
pub async fn create(app: &App, actor: &Actor, idempotency: Option<String>, body: &Value) -> Result<Created, Failure> {
    allow(actor, Action::CreateJob)?;
    let now = app.clock.now();
    let id = JobId::from_random(new_id(now)?);
    let JobRequest { name, template, effective } = parse_request(app, actor, body, None).await?;
    let missing = secrets::faults(app, &actor.project, &actor.user, &effective.prepared.document).await?;
    if !effective.refusals.is_empty() {
        return Err(Failure::BadBody(with_body_paths([effective.problems(), missing].concat(), body)));
    }
    let prepared = effective.prepared;
    let Some(spec) = prepared.spec else {
        return Err(Failure::CannotRun(with_body_paths([prepared.problems, missing].concat(), body)));
    };
    let warnings = prepared.warnings;
    let faults = [super::host_faults(app, actor, &actor.user, &spec).await?, missing].concat();
    if !faults.is_empty() {
        return Err(Failure::CannotRun(with_body_paths(faults, body)));
    }
    if let Some(centre) = app.centres.get(spec.centre)
        && let Err(message) = centre.worker_user(&app.store, &app.pool_uids, &actor.user).await?
    {
        let fault = Fault { path: "aidcId".to_owned(), code: FaultCode::NotSupported, message };
        return Err(Failure::CannotRun(vec![fault]));
    }
    let job = Job {
        name: name.unwrap_or_else(|| template.as_ref().map_or_else(|| id.to_string(), |(t, _)| t.name.clone())),
        id,
        project: actor.project.clone(),
        owner: actor.user.clone(),
        template: template.map(|(template, version)| (template.id, version)),
        document: prepared.document,
        provenance: prepared.provenance.into_iter().map(|(path, source)| (path, source.to_string())).collect(),
        spec,
        created: now,
        queued: now,
        started: None,
        ended: None,
        state: JobState::Queued { waiting: Vec::new() },
        reason: Reason::Submitted,
        message: "created; waiting for the scheduler".to_owned(),
        retries: RetryCounts::default(),
        ran: Span::ZERO,
        attempt: None,
    };
    let first = Note {
        kind: job.status().as_str().to_owned(),
        reason: job.reason,
        message: job.message.clone(),
        actor: actor.user.clone(),
    };
    let key =
        idempotency.map(|key| IdempotencyKey { project: actor.project.clone(), key, body_hash: body_hash(body), now });
    let inserted = app.store.insert_job(&job, &first, key).await?;
    app.scheduler.notify_one();
    Ok(match inserted {
        Inserted::New => Created { id: job.id, warnings },
        Inserted::Repeated(id) => Created { id, warnings },
    })
}

/// A hash of the body that does not depend on the order of keys.
fn body_hash(body: &Value) -> [u8; 32] {
    let mut sorted = body.clone();
    sorted.sort_all_objects();
    Sha256::digest(sorted.to_string().as_bytes()).into()
}
