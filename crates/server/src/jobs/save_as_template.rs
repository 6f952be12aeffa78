//! Saves the request of a job as a template.

use trainyard_domain::{
    access::{Action, Actor},
    id::TemplateId,
    template::body_of_job,
};

use super::find;
use crate::{
    App,
    app::allow,
    failure::Failure,
    templates::{NewName, insert_named},
};

/// Saves the request of a job as a template. Values that came from defaults and products are left out.
///
/// Errors: `NotFound`, `Forbidden`, `NameTaken`.
pub async fn save_as_template(app: &App, actor: &Actor, id: &str, new: NewName) -> Result<TemplateId, Failure> {
    let job = find(app, actor, Action::ReadJob, id).await?;
    allow(actor, Action::CreateTemplate)?;
    let comment = format!("saved from {}", job.id);
    insert_named(app, actor, body_of_job(&job), new, comment).await
}
