//! Pages of templates: which ones is asked of the template index, what they say of the rows.

use std::{collections::HashMap, sync::Arc};

use trainyard_domain::{id::TemplateId, template::Template};

use super::{filter::TemplateFilter, record::template_of, select_templates};
use crate::{Page, PageRequest, Store, StoreError, db, list::Sql, template_index::Found};

/// How often a page is put together anew that changed while it was read.
const TRIES: u32 = 3;
/// How many rows one statement asks for; pages are smaller, but who asks for more gets it.
const ROWS_AT_ONCE: usize = 1000;

impl Store {
    /// A page of the templates that a filter lets through.
    pub async fn list_templates(&self, f: &TemplateFilter, p: PageRequest) -> Result<Page<Template>, StoreError> {
        let mut tries = 1;
        loop {
            let found = self.find_templates(f, p).await?;
            let mut records = self.templates_by_id(&found.ids).await?;
            // The row is newer than what was found: whoever may not see it now must not get it.
            records.retain(|one| f.scope.shows(&one.project, &one.owner, one.visibility));
            if records.len() == found.ids.len() || tries == TRIES {
                return Ok(Page { records, total: found.total });
            }
            tries += 1;
        }
    }

    /// Walking over all of them takes milliseconds, too long for a thread that serves other calls meanwhile.
    async fn find_templates(&self, f: &TemplateFilter, p: PageRequest) -> Result<Found, StoreError> {
        let (template_index, filter) = (Arc::clone(self.template_index()), f.clone());
        let search = tokio::task::spawn_blocking(move || template_index.find(&filter, p));
        search.await.map_err(|error| StoreError::Unavailable(format!("a search was given up: {error}")))
    }

    /// Those of some templates that are still there, in the order of their ids here.
    async fn templates_by_id(&self, ids: &[TemplateId]) -> Result<Vec<Template>, StoreError> {
        const SELECT: &str = select_templates!(
            "templates t JOIN template_versions v ON v.template_id = t.id AND v.version = t.version WHERE t.id IN ("
        );
        let mut by_id = HashMap::with_capacity(ids.len());
        for some in ids.chunks(ROWS_AT_ONCE) {
            let mut select = Sql::new(SELECT);
            let mut list = select.separated(", ");
            for id in some {
                list.push_bind(id.as_str());
            }
            select.push(")");
            for row in db::rows(self.readers(), select.build()).await? {
                let template = template_of(&row)?;
                by_id.insert(template.id.clone(), template);
            }
        }
        Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
    }
}
