//! Templates and their versions.
//!
//! A template's row is small and holds its present state; its content is in the rows of its versions, which never change.

mod list;
mod record;

pub(crate) use record::load_index;

use record::{
    Columns, TEMPLATES, check_version, insert_version, named, template_columns, template_joins, template_of, version_of,
};
use trainyard_domain::{
    id::TemplateId,
    template::{Template, Version},
};

use crate::{
    Page, PageRequest, Store, StoreError, WriteConnection,
    rows::{Fields, Row},
    sql::{Sql, sql, statement},
    template_index::TemplateChange,
};

impl Store {
    /// Keeps a new template with its first version.
    pub async fn insert_template(&self, t: &Template, name_key: &str) -> Result<(), StoreError> {
        const INSERT: Sql = sql!(
            "INSERT INTO templates (id, project, owner, name, name_key, visibility, revision, version, latest_version, \
             archived, described, centre, training_type, framework, created, updated, jobs_made) VALUES ($1, $2, $3, \
             $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14, $15, 0) ON CONFLICT DO NOTHING"
        );
        let columns = Columns::of(t, name_key)?;
        let (id, owner, created) = (t.id.clone(), t.owner.clone(), t.created);
        let listing = columns.listing(t);
        self.write(async move |on: &mut WriteConnection| {
            let c = &columns;
            let insert = statement(INSERT)
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
            if on.execute(insert).await? == 0 {
                return Err(match named(on, &c.project, &c.name_key, &id).await? {
                    Some(taken) => StoreError::NameTaken { id: taken },
                    None => StoreError::Exists,
                });
            }
            insert_version(on, &id, c).await?;
            on.note(TemplateChange::Created(listing));
            Ok(())
        })
        .await
    }

    /// A template in its present state; `None` if there is none with this id.
    pub async fn template(&self, id: &TemplateId) -> Result<Option<Template>, StoreError> {
        const SELECT: Sql =
            sql!("SELECT ", template_columns!(), " FROM templates t ", template_joins!(), " WHERE t.id = $1");
        self.readers().row(statement(SELECT).bind(id.as_str()), template_of).await
    }

    /// The template of a project that has a name.
    pub async fn template_named(&self, project: &str, name_key: &str) -> Result<Option<Template>, StoreError> {
        const SELECT: Sql = sql!(
            "SELECT ",
            template_columns!(),
            " FROM templates t ",
            template_joins!(),
            " WHERE t.project = $1 AND t.name_key = $2"
        );
        self.readers().row(statement(SELECT).bind(project).bind(name_key), template_of).await
    }

    /// Whether a template of a project has a name.
    pub async fn is_name_taken(&self, project: &str, name_key: &str) -> Result<bool, StoreError> {
        const SELECT: Sql = sql!("SELECT id FROM templates WHERE project = $1 AND name_key = $2");
        let found = self.readers().row(statement(SELECT).bind(project).bind(name_key), |_| Ok(()));
        Ok(found.await?.is_some())
    }

    /// One version of a template.
    pub async fn template_version(&self, id: &TemplateId, version: u32) -> Result<Option<Version>, StoreError> {
        const SELECT: Sql = sql!(
            "SELECT template_id, version, created_by, created, comment, content FROM template_versions \
             WHERE template_id = $1 AND version = $2"
        );
        let select = statement(SELECT).bind(id.as_str()).bind(i64::from(version));
        self.readers().row(select, version_of).await
    }

    /// A page of a template's versions, newest first.
    pub async fn template_versions(&self, id: &TemplateId, p: PageRequest) -> Result<Page<Version>, StoreError> {
        const COUNT: Sql = sql!("SELECT count(*) AS total FROM template_versions WHERE template_id = $1");
        const SELECT: Sql = sql!(
            "SELECT template_id, version, created_by, created, comment, content FROM template_versions \
             WHERE template_id = $1 ORDER BY version DESC LIMIT $2 OFFSET $3"
        );
        let count = statement(COUNT).bind(id.as_str());
        let select = statement(SELECT).bind(id.as_str()).bind(p.limit()).bind(p.offset());
        self.readers().count_and_rows(count, select, version_of).await.map(Page::from)
    }

    /// Replaces the state of a template that had the revision `seen_revision` by the next one.
    ///
    /// A new version is kept beside the others; if the version is an earlier one, the content must be that version's own.
    /// Project, owner and time of creation stay as they are.
    pub async fn update_template(&self, next: &Template, name_key: &str, seen_revision: i64) -> Result<(), StoreError> {
        const PRESENT: Sql = sql!("SELECT id, revision, latest_version FROM templates WHERE id = $1");
        const UPDATE: Sql = sql!(
            "UPDATE templates SET name = $1, name_key = $2, visibility = $3, revision = $4, version = $5, \
             latest_version = $6, archived = $7, described = $8, centre = $9, training_type = $10, framework = $11, \
             updated = $12 WHERE id = $13 AND revision = $14"
        );
        let columns = Columns::of(next, name_key)?;
        let id = next.id.clone();
        let listing = columns.listing(next);
        self.write(async move |on: &mut WriteConnection| {
            let c = &columns;
            let present = |row: &Row<'_>| {
                let fields = Fields::of(&TEMPLATES, row);
                Ok((fields.number::<i64>("revision")?, fields.number::<i64>("latest_version")?))
            };
            let Some((revision, latest)) = on.row(statement(PRESENT).bind(id.as_str()), present).await? else {
                return Err(StoreError::NotFound);
            };
            if revision != seen_revision {
                return Err(StoreError::Stale { revision });
            }
            if let Some(taken) = named(on, &c.project, &c.name_key, &id).await? {
                return Err(StoreError::NameTaken { id: taken });
            }
            let update = statement(UPDATE)
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
            if on.execute(update).await? != 1 {
                return Err(StoreError::Stale { revision });
            }
            match c.version > latest {
                true => insert_version(on, &id, c).await?,
                false => check_version(on, &id, c).await?,
            }
            on.note(TemplateChange::Changed(listing));
            Ok(())
        })
        .await
    }

    /// Deletes a template with all its versions; its name is free again. `false` if there was none.
    ///
    /// Jobs that were created from it keep their own copies.
    pub async fn delete_template(&self, id: &TemplateId) -> Result<bool, StoreError> {
        const DELETE: Sql = sql!("DELETE FROM templates WHERE id = $1");
        let id = id.clone();
        self.write(async move |on: &mut WriteConnection| {
            let existed = on.execute(statement(DELETE).bind(id.as_str())).await? > 0;
            on.note(TemplateChange::Deleted(id.bytes()));
            Ok(existed)
        })
        .await
    }
}
