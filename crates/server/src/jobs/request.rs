//! Reads a job's request, for its creation and for its preview alike. It finds every fault before the server answers.

use serde_json::{Map, Value};
use trainyard_domain::{
    access::{Action, Actor},
    document::Document,
    fault::{Fault, FaultCode, Faults, did_you_mean},
    job_spec::{Mode, check_document, whole_number},
    merge::Source,
    path,
    template::{
        Base, EffectiveSpec, Request, Template, Version, base_document, effective_spec, not_reported_yet, parse_name,
    },
};

use crate::{App, failure::Failure, templates};

/// The fields of the body that are not fields of a spec.
const OWN: &[&str] = &["createType", "templateId", "templateVersion", "name", "parameterValues"];

/// A well-formed request.
pub(crate) struct JobRequest {
    /// The job's name, if the request has one.
    pub(crate) name: Option<String>,
    /// The template and the version number, if the job is created from a template.
    pub(crate) template: Option<(Template, u32)>,
    /// The template version with the request merged over it.
    pub(crate) effective: EffectiveSpec,
}

/// Reads the body, merges it over its template and judges the result.
///
/// With `template`, the body may leave out `templateId` and must not name another template.
///
/// # Errors
/// `BadBody` with all faults if the request is malformed. Violated rules of the template, and reasons why the job can
/// never run, are part of the result.
pub(crate) async fn parse_request(
    app: &App,
    actor: &Actor,
    body: &Value,
    template: Option<Template>,
) -> Result<JobRequest, Failure> {
    let mut faults = Faults::default();
    let full_body = body;
    let Some(body) = body.as_object() else {
        faults.add("", FaultCode::WrongType, "the body must be a JSON object with `createType` and the job's fields");
        return Err(Failure::BadBody(faults.into_vec()));
    };
    let name = parse_name(body, false, &mut faults).map(|name| name.as_str().to_owned());
    let base = match template {
        Some(template) => version_of_path_template(app, template, body, &mut faults).await?,
        None => version_of_body_template(app, actor, body, &mut faults).await?,
    };
    let values = match body.get("parameterValues") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(values)) => values.clone(),
        Some(_) => {
            faults.add("parameterValues", FaultCode::WrongType, "must be an object of values by parameter name");
            Map::new()
        }
    };
    let overrides = check_document(body, Mode::Request, OWN, &mut faults);
    let (content, source, author) = match &base {
        Some((template, version)) => (
            base_document(&template.described, &version.content),
            Source::Template(template.id.clone(), version.number),
            version.created_by.as_str(),
        ),
        None => (Document::new(), Source::Request, ""),
    };
    let base_document = Base { content: &content, source: &source, author };
    let request = Request { overrides: &overrides, values: &values };
    let effective = effective_spec(base_document, request, &app.centres.views());
    let faults = faults.into_vec();
    if !faults.is_empty() {
        let unknown_base =
            faults.iter().any(|fault| matches!(fault.path.as_str(), "createType" | "templateId" | "templateVersion"));
        // Without a template, further faults of the request cannot be known.
        let further = if unknown_base { Vec::new() } else { with_body_paths(effective.problems(), full_body) };
        let further: Vec<_> = not_reported_yet(&faults, &further).collect();
        return Err(Failure::BadBody([faults, further].concat()));
    }
    Ok(JobRequest { name, template: base.map(|(template, version)| (template, version.number)), effective })
}

/// Names mounts of the body by their index in it (`storageConfigs[0]…`); other mounts keep their mount path.
pub(crate) fn with_body_paths(mut faults: Vec<Fault>, body: &Value) -> Vec<Fault> {
    let items = body.get("storageConfigs").and_then(Value::as_array);
    let items: Vec<_> = items.into_iter().flatten().filter_map(Value::as_object).enumerate().collect();
    for fault in &mut faults {
        let named = items.iter().find_map(|(index, item)| Some((index, fault.path.strip_prefix(&path::mount(item))?)));
        if let Some((index, rest)) = named {
            fault.path = path::item("storageConfigs", *index) + rest;
        }
    }
    faults
}

const CREATE_TYPES: &[&str] = &["TEMPLATE", "CUSTOM"];

fn non_null<'b>(body: &'b Map<String, Value>, key: &str) -> Option<&'b Value> {
    body.get(key).filter(|value| !value.is_null())
}

/// The template and the version that the body names; `None` for a job without a template, and after a fault.
async fn version_of_body_template(
    app: &App,
    actor: &Actor,
    body: &Map<String, Value>,
    faults: &mut Faults,
) -> Result<Option<(Template, Version)>, Failure> {
    let kind = non_null(body, "createType").and_then(Value::as_str).unwrap_or_default();
    match kind {
        "TEMPLATE" => {}
        "CUSTOM" => {
            for key in ["templateId", "templateVersion", "parameterValues"] {
                if non_null(body, key).is_some() {
                    faults.add(key, FaultCode::NotSupported, "is allowed only with `createType` `TEMPLATE`");
                }
            }
            return Ok(None);
        }
        other => {
            let code = if non_null(body, "createType").is_none() { FaultCode::Required } else { FaultCode::NotAChoice };
            let hint = did_you_mean(other, CREATE_TYPES.iter().copied());
            faults.add("createType", code, format!("must be `TEMPLATE` or `CUSTOM`{hint}"));
            return Ok(None);
        }
    }
    let template = match non_null(body, "templateId") {
        None => {
            faults.add("templateId", FaultCode::Required, "must be given: the id of the template");
            return Ok(None);
        }
        Some(Value::String(id)) => match templates::find(app, actor, Action::ReadTemplate, id).await {
            Ok(template) => template,
            Err(Failure::NotFound { .. }) => {
                let message = "no such template is visible to your API key; list the templates to see those that are";
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
    requested_version(app, template, body, faults).await
}

/// The template of the path and the version that the body names; `None` after a fault.
async fn version_of_path_template(
    app: &App,
    template: Template,
    body: &Map<String, Value>,
    faults: &mut Faults,
) -> Result<Option<(Template, Version)>, Failure> {
    if non_null(body, "createType").is_some_and(|kind| kind != "TEMPLATE") {
        faults.add("createType", FaultCode::NotAChoice, "must be `TEMPLATE` in this call, or left out");
    }
    if non_null(body, "templateId").is_some_and(|id| id != template.id.as_str()) {
        faults.add("templateId", FaultCode::NotAChoice, "must be the template of the path, or left out");
    }
    requested_version(app, template, body, faults).await
}

/// The template with the version that the body names, by default the default version; `None` after a fault.
async fn requested_version(
    app: &App,
    template: Template,
    body: &Map<String, Value>,
    faults: &mut Faults,
) -> Result<Option<(Template, Version)>, Failure> {
    let number = match non_null(body, "templateVersion") {
        None => template.version,
        Some(value) => match whole_number(value).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0) {
            Some(version) => version,
            None => {
                faults.add("templateVersion", FaultCode::WrongType, "must be a whole number of 1 or more");
                return Ok(None);
            }
        },
    };
    let found = if number == template.version {
        Some(template.default_version())
    } else {
        app.store.template_version(&template.id, number).await?
    };
    match found {
        Some(version) => Ok(Some((template, version))),
        None => {
            let message = format!("the template has no version {number}; its default version is {}", template.version);
            faults.add("templateVersion", FaultCode::Unknown, message);
            Ok(None)
        }
    }
}
