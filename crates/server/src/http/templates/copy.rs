//! The calls that create a template from another template or from a job.

use trainyard_api::{
    Empty, Envelope,
    failures::{ChangeFailures, Fails},
    paths,
    template::copy::{SaveAsTemplate, TemplateCopy},
};

use crate::{
    failure::Failure,
    http::{
        answer::{Answer, created},
        body_fields::BodyFields,
        extract::{Call, JsonBody, NoQuery},
        path::{JobPath, TemplatePath},
    },
    jobs,
    templates::{self, NewName},
};

/// Copy a template
///
/// The copy belongs to the caller, in the caller's project, and has one version. It keeps description and labels.
#[utoipa::path(
    post, path = paths::TEMPLATE_COPY, operation_id = "copyTemplate", tag = "templates", request_body = TemplateCopy,
    params(TemplatePath),
    responses((status = 200, description = "The template was copied.", body = Envelope<Empty>, headers(("Location" = String, description = "The path of the copy's detail."))), ChangeFailures, Fails<409>)
)]
pub(crate) async fn copy(
    Call { app, actor, path }: Call<TemplatePath>,
    _: NoQuery,
    JsonBody(body): JsonBody,
) -> Answer<Empty> {
    let mut fields = BodyFields::of(&body, &["name", "version", "visibility"])?;
    let version = fields.count("version");
    let new = new_name(fields)?;
    let id = templates::copy(&app, &actor, &path.id, version, new).await?;
    created(paths::template_detail(id.as_str()), Empty {})
}

/// Save a job as a template
///
/// The template has the values that the job's request set; values from defaults and products are left out.
#[utoipa::path(
    post, path = paths::JOB_SAVE, operation_id = "saveJobAsTemplate", tag = "jobs", request_body = SaveAsTemplate,
    params(JobPath),
    responses((status = 200, description = "The template was created.", body = Envelope<Empty>, headers(("Location" = String, description = "The path of the template's detail."))), ChangeFailures, Fails<409>)
)]
pub(crate) async fn save_job(
    Call { app, actor, path }: Call<JobPath>,
    _: NoQuery,
    JsonBody(body): JsonBody,
) -> Answer<Empty> {
    let new = new_name(BodyFields::of(&body, &["name", "visibility"])?)?;
    let id = jobs::save_as_template(&app, &actor, &path.id, new).await?;
    created(paths::template_detail(id.as_str()), Empty {})
}

fn new_name(mut fields: BodyFields<'_>) -> Result<NewName, Failure> {
    let (name, visibility) = (fields.name(), fields.visibility());
    let Some(name) = name else { return Err(fields.into_failure()) };
    fields.finish(NewName { name, visibility })
}
