//! Which templates there are, as far as the caller may know.

use trainyard_domain::{
    access::{Action, Actor},
    template::Template,
    text::Name,
};
use trainyard_store::{Page, PageRequest, TemplateFilter};

use crate::{App, app::allow, failure::Failure};

/// A page of what a filter lets through.
///
/// # Errors
/// Only those of the store.
pub async fn list(app: &App, filter: &TemplateFilter, page: PageRequest) -> Result<Page<Template>, Failure> {
    Ok(app.store.list_templates(filter, page).await?)
}

/// Whether the caller could save a template under a name now.
///
/// # Errors
/// `Forbidden` for whoever may save none: it would tell of private ones.
pub async fn name_available(app: &App, actor: &Actor, name: &Name) -> Result<bool, Failure> {
    allow(actor, Action::CreateTemplate)?;
    Ok(!app.store.is_name_taken(&actor.project, &name.key()).await?)
}
