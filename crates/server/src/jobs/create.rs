//! Makes a job from a template and a request, or from a request alone.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use trainyard_domain::{
    access::{Action, Actor},
    fault::{Fault, FaultCode, Faults, did_you_mean},
    id::JobId,
    job::{Job, JobState, Note, Reason, RetryCounts},
    merge::{Source, merge},
    path,
    spec::{Document, Mode, Prepared, check_document, prepare},
    template::{Template, apply_request, parse_name},
};
use trainyard_store::{IdempotencyKey, Inserted};

use crate::{App, app::allow, clock::random_id, failure::Failure, templates};

/// The members of the body that are no settings of the job.
const OWN: &[&str] = &["createType", "templateId", "templateVersion", "name", "parameterValues"];

/// A job that was made, or had been made by the same request before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: JobId,
}

/// Makes a job and wakes the scheduler.
///
/// # Errors
/// All faults of the body, or everything that would keep the job from ever running.
pub async fn create(app: &App, actor: &Actor, idempotency: Option<String>, body: &Value) -> Result<Created, Failure> {
    allow(actor, Action::CreateJob)?;
    let Some(object) = body.as_object() else {
        let mut faults = Faults::default();
        faults.add("", FaultCode::WrongType, "the body must be a JSON object with `createType` and the job's fields");
        return Err(Failure::BadBody(faults.into_vec()));
    };
    let now = app.clock.now();
    let id = JobId::from_random(random_id()?);
    let Wanted { name, template, prepared } = want(app, actor, object).await?;
    let Some(spec) = prepared.spec else {
        return Err(Failure::CannotRun(prepared.problems));
    };
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
        started: None,
        ended: None,
        state: JobState::Queued { waiting: Vec::new() },
        reason: Reason::Submitted,
        message: "was made and waits for the scheduler".to_owned(),
        retries: RetryCounts::default(),
        ran_ms: 0,
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
        Inserted::New => Created { id: job.id },
        Inserted::Repeated(id) => Created { id },
    })
}

struct Wanted {
    name: Option<String>,
    template: Option<(Template, u32)>,
    prepared: Prepared,
}

/// Reads the body, merges it over its template and judges the result; every fault is found before any is answered.
async fn want(app: &App, actor: &Actor, body: &Map<String, Value>) -> Result<Wanted, Failure> {
    let mut faults = Faults::default();
    let name = parse_name(body, false, &mut faults).map(|name| name.as_str().to_owned());
    let template = template_of(app, actor, body, &mut faults).await?;
    let values = match body.get("parameterValues") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(values)) => values.clone(),
        Some(_) => {
            faults.add("parameterValues", FaultCode::WrongType, "must be an object of values by parameter name");
            Map::new()
        }
    };
    let request = check_document(body, Mode::Request, OWN, &mut faults);
    let (base, source) = match &template {
        Some((template, version, content)) => {
            (with_description(template, content), Source::Template(template.id.clone(), *version))
        }
        None => (Document::new(), Source::Request),
    };
    let mut faults = faults.into_vec();
    let merged = apply_request(&base, &source, &request, &values).unwrap_or_else(|more| {
        faults.extend(more);
        merge(&base, &source, &request)
    });
    let prepared = prepare(merged, &app.centres.views());
    if !faults.is_empty() {
        // What is missing because it was faulty is no second fault.
        let near = |a: &str, b: &str| path::is_within(a, b) || path::is_within(b, a);
        let unknown_base =
            faults.iter().any(|fault| matches!(fault.path.as_str(), "createType" | "templateId" | "templateVersion"));
        let known: Vec<String> = faults.iter().map(|fault| fault.path.clone()).collect();
        let fresh = |problem: &Fault| !unknown_base && !known.iter().any(|path| near(path, &problem.path));
        faults.extend(prepared.problems.into_iter().filter(fresh));
        return Err(Failure::BadBody(faults));
    }
    Ok(Wanted { name, template: template.map(|(template, version, _)| (template, version)), prepared })
}

/// A job shows what its template says about itself.
fn with_description(template: &Template, content: &Document) -> Document {
    let described = ["desc", "labels"].iter().filter_map(|key| template.described.get_key_value(*key));
    described.map(|(key, value)| (key.clone(), value.clone())).chain(content.clone()).collect()
}

type Base = (Template, u32, Document);

/// The template and version that the body names, where it is to be made from one.
async fn template_of(
    app: &App,
    actor: &Actor,
    body: &Map<String, Value>,
    faults: &mut Faults,
) -> Result<Option<Base>, Failure> {
    const WORDS: &[&str] = &["TEMPLATE", "CUSTOM"];
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    let kind = given("createType").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "TEMPLATE" => {}
        "CUSTOM" => {
            for key in ["templateId", "templateVersion", "parameterValues"] {
                if given(key).is_some() {
                    faults.add(key, FaultCode::NotSupported, "goes only with `createType` `TEMPLATE`");
                }
            }
            return Ok(None);
        }
        other => {
            let code = if given("createType").is_none() { FaultCode::Required } else { FaultCode::NotAChoice };
            let hint = did_you_mean(other, WORDS.iter().copied());
            faults.add("createType", code, format!("must be `TEMPLATE` or `CUSTOM`{hint}"));
            return Ok(None);
        }
    }
    let template = match given("templateId") {
        None => {
            faults.add("templateId", FaultCode::Required, "names the template to make the job from");
            return Ok(None);
        }
        Some(Value::String(id)) => match templates::find(app, actor, Action::ReadTemplate, id).await {
            Ok(template) => template,
            Err(Failure::NotFound { .. }) => {
                let message = "there is no such template that this key may see; the list shows what there is";
                faults.add("templateId", FaultCode::Unknown, message);
                return Ok(None);
            }
            Err(other) => return Err(other),
        },
        Some(_) => {
            faults.add("templateId", FaultCode::WrongType, "must be text");
            return Ok(None);
        }
    };
    let version = match given("templateVersion") {
        None => template.version,
        Some(value) => match value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0) {
            Some(version) => version,
            None => {
                faults.add("templateVersion", FaultCode::WrongType, "must be a whole number from 1");
                return Ok(None);
            }
        },
    };
    if version == template.version {
        let content = template.content.clone();
        return Ok(Some((template, version, content)));
    }
    match app.store.template_version(&template.id, version).await? {
        Some(found) => Ok(Some((template, version, found.content))),
        None => {
            let message = format!("the template has no version {version}; its default is {}", template.version);
            faults.add("templateVersion", FaultCode::Unknown, message);
            Ok(None)
        }
    }
}

/// A hash of what the body says, the order of its keys aside.
fn body_hash(body: &Value) -> [u8; 32] {
    let mut sorted = body.clone();
    sorted.sort_all_objects();
    Sha256::digest(sorted.to_string().as_bytes()).into()
}
