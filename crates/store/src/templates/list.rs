//! Pages of templates: the template index finds their ids, the rows have their content.

use std::{collections::HashMap, sync::Arc};

use trainyard_domain::{id::TemplateId, template::Template};

use super::record::{template_columns, template_joins, template_of};
use crate::{
    Page, PageRequest, Store, StoreError, db,
    sql::{LIST_MAX, SqlList, sql_list, statement_of_list},
    template_index::{Found, TemplateFilter},
};

/// How often a page that changed while it was read is composed again.
const TRIES: u32 = 3;

impl Store {
    /// A page of the templates that a filter lets through.
    pub async fn list_templates(&self, f: &TemplateFilter, p: PageRequest) -> Result<Page<Template>, StoreError> {
        let mut tries = 1;
        loop {
            let found = self.find_templates(f, p).await?;
            let mut records = self.templates_by_id(&found.ids).await?;
            // A row may be newer than the search: a caller that may not see it now must not get it.
            records.retain(|one| f.scope.shows(&one.project, &one.owner, one.visibility));
            if records.len() == found.ids.len() || tries == TRIES {
                return Ok(Page { records, total: found.total });
            }
            tries += 1;
        }
    }

    /// Searches the index. That takes milliseconds, too long for a thread that serves other calls meanwhile.
    async fn find_templates(&self, f: &TemplateFilter, p: PageRequest) -> Result<Found, StoreError> {
        let (index, filter) = (Arc::clone(self.template_index()), f.clone());
        db::blocking(move || Ok(index.find(&filter, p))).await
    }

    /// The templates among these that still exist and can be read, in the order of the ids.
    async fn templates_by_id(&self, ids: &[TemplateId]) -> Result<Vec<Template>, StoreError> {
        const SELECT: SqlList = sql_list!(
            "SELECT ",
            template_columns!(),
            " FROM templates t ",
            template_joins!(),
            " WHERE t.id IN ($list)"
        );
        let mut by_id = HashMap::with_capacity(ids.len());
        for some in ids.chunks(LIST_MAX) {
            let select = statement_of_list(SELECT, some.iter().map(TemplateId::as_str));
            let templates = self.readers().rows(select, template_of).await?;
            by_id.extend(templates.into_iter().map(|template| (template.id.clone(), template)));
        }
        Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
    }
}
