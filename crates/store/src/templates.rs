//! Templates and their versions.
//!
//! A template's row is small and says what it is now; its content lies in the rows of its versions, which never
//! change.

mod filter;
mod list;
mod record;

pub use filter::{ArchivedFilter, Direction, LabelFilter, Sort, SortBy, TemplateFilter};

use record::{Columns, check_version, insert_version, named, template_of, version_of};
use trainyard_domain::{
    id::TemplateId,
    template::{Template, Version},
};

use crate::{
    Page, PageRequest, Store, StoreError, db,
    list::{self as lists, Sql},
    rows::Fields,
    template_index::TemplateChange,
    writer::{WriteConnection, statement},
};

/// The start of every statement that reads whole templates, with its end.
macro_rules! select_templates {
    ($from:literal) => {
        concat!(
            "SELECT t.id, t.project, t.owner, t.name, t.visibility, t.revision, t.version, t.latest_version, \
             t.archived, t.described, t.created, t.updated, t.jobs_made, t.last_used, v.content, \
             v.created_by AS version_by, v.created AS version_created, v.comment FROM ",
            $from
        )
    };
}
use select_templates;

impl Store {
    /// Keeps a new template with its first version.
    pub async fn insert_template(&self, t: &Template, name_key: &str) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO templates (id, project, owner, name, name_key, visibility, revision, \
             version, latest_version, archived, described, centre, training_type, framework, created, updated, \
             jobs_made) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14, $15, 0) \
             ON CONFLICT DO NOTHING";
        let columns = Columns::of(t, name_key)?;
        let (id, owner, created) = (t.id.clone(), t.owner.clone(), t.created);
        let listing = columns.listing(t);
        self.write(async move |on: &mut WriteConnection| {
            let c = &columns;
            let query = statement(INSERT)
                .bind(id.as_str())
                .bind(&c.project)
                .bind(&owner)
                .bind(&c.name)
                .bind(&c.name_key)
                .bind(c.visibility)
                .bind(c.revision)
                .bind(c.version)
                .bind(c.archived)
                .bind(&c.described)
                .bind(c.centre)
                .bind(&c.training_type)
                .bind(&c.framework)
                .bind(created)
                .bind(c.updated);
            if on.execute(query).await? == 0 {
                return Err(match named(on, &c.project, &c.name_key, &id).await? {
                    Some(taken) => StoreError::NameTaken { id: taken },
                    None => StoreError::Exists,
                });
            }
            insert_version(on, &id, c).await?;
            on.tell(TemplateChange::Created(listing));
            Ok(())
        })
        .await
    }

    /// A template as it stands; `None` where there is none of this id, or no longer.
    pub async fn template(&self, id: &TemplateId) -> Result<Option<Template>, StoreError> {
        const SELECT: &str = select_templates!(
            "templates t JOIN template_versions v ON v.template_id = t.id AND v.version = t.version \
             WHERE t.id = $1"
        );
        let row = db::row(self.readers(), sqlx::query(SELECT).bind(id.as_str())).await?;
        row.as_ref().map(template_of).transpose()
    }

    /// The template of a project that has a name.
    pub async fn template_named(&self, project: &str, name_key: &str) -> Result<Option<Template>, StoreError> {
        const SELECT: &str = select_templates!(
            "templates t JOIN template_versions v ON v.template_id = t.id AND v.version = t.version \
             WHERE t.project = $1 AND t.name_key = $2"
        );
        let query = sqlx::query(SELECT).bind(project).bind(name_key);
        let row = db::row(self.readers(), query).await?;
        row.as_ref().map(template_of).transpose()
    }

    /// Whether a template of a project has a name.
    pub async fn is_name_taken(&self, project: &str, name_key: &str) -> Result<bool, StoreError> {
        const SELECT: &str = "SELECT id FROM templates WHERE project = $1 AND name_key = $2";
        let query = sqlx::query(SELECT).bind(project).bind(name_key);
        Ok(db::row(self.readers(), query).await?.is_some())
    }

    /// One version.
    pub async fn template_version(&self, id: &TemplateId, version: u32) -> Result<Option<Version>, StoreError> {
        const SELECT: &str = "SELECT version, created_by, created, comment, content FROM template_versions \
             WHERE template_id = $1 AND version = $2";
        let query = sqlx::query(SELECT).bind(id.as_str()).bind(i64::from(version));
        let row = db::row(self.readers(), query).await?;
        row.as_ref().map(version_of).transpose()
    }

    /// A page of a template's versions, the newest first.
    pub async fn template_versions(&self, id: &TemplateId, p: PageRequest) -> Result<Page<Version>, StoreError> {
        let mut count = Sql::new("SELECT count(*) AS total FROM template_versions WHERE template_id = ");
        count.push_bind(id.as_str());
        let mut select = Sql::new(
            "SELECT version, created_by, created, comment, content FROM template_versions WHERE template_id = ",
        );
        select.push_bind(id.as_str()).push(" ORDER BY version DESC");
        lists::push_limit(&mut select, p);
        lists::page(self, count, select, version_of).await
    }

    /// Puts the next state of a template in place of the one at `seen_revision`.
    ///
    /// Where the version is new it is kept as one; where it is an earlier one, its content must be
    /// that version's own. Project, owner and the time of making stay as they are.
    pub async fn update_template(&self, next: &Template, name_key: &str, seen_revision: i64) -> Result<(), StoreError> {
        const GUARD: &str = "SELECT revision, latest_version FROM templates WHERE id = $1";
        const UPDATE: &str = "UPDATE templates SET name = $1, name_key = $2, visibility = $3, revision = $4, \
             version = $5, latest_version = $6, archived = $7, described = $8, centre = $9, training_type = $10, \
             framework = $11, updated = $12 WHERE id = $13 AND revision = $14";
        let columns = Columns::of(next, name_key)?;
        let id = next.id.clone();
        let listing = columns.listing(next);
        self.write(async move |on: &mut WriteConnection| {
            let c = &columns;
            let Some(row) = on.row(statement(GUARD).bind(id.as_str())).await? else {
                return Err(StoreError::NotFound);
            };
            let current = Fields::of("templates", &row);
            let revision = current.number("revision")?;
            if revision != seen_revision {
                return Err(StoreError::Stale { revision });
            }
            if let Some(taken) = named(on, &c.project, &c.name_key, &id).await? {
                return Err(StoreError::NameTaken { id: taken });
            }
            let latest: i64 = current.number("latest_version")?;
            let query = statement(UPDATE)
                .bind(&c.name)
                .bind(&c.name_key)
                .bind(c.visibility)
                .bind(c.revision)
                .bind(c.version)
                .bind(latest.max(c.version))
                .bind(c.archived)
                .bind(&c.described)
                .bind(c.centre)
                .bind(&c.training_type)
                .bind(&c.framework)
                .bind(c.updated)
                .bind(id.as_str())
                .bind(seen_revision);
            if on.execute(query).await? != 1 {
                return Err(StoreError::Stale { revision });
            }
            match c.version > latest {
                true => insert_version(on, &id, c).await?,
                false => check_version(on, &id, c).await?,
            }
            on.tell(TemplateChange::Changed(listing));
            Ok(())
        })
        .await
    }

    /// Removes a template with all its versions; its name is free again. `false` where there was none.
    ///
    /// Jobs that were made from it keep their own copies.
    pub async fn delete_template(&self, id: &TemplateId) -> Result<bool, StoreError> {
        const DELETE: &str = "DELETE FROM templates WHERE id = $1";
        let id = id.clone();
        self.write(async move |on: &mut WriteConnection| {
            let was_there = on.execute(statement(DELETE).bind(id.as_str())).await? > 0;
            on.tell(TemplateChange::Deleted(id.bytes()));
            Ok(was_there)
        })
        .await
    }
}
