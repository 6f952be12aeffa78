//! Templates and their versions as rows, both ways.

use trainyard_domain::{
    access::Visibility,
    document::Document,
    id::TemplateId,
    template::{Template, Version},
};

use crate::{
    StoreError,
    rows::{Fields, Row, json},
    template_index::{Listing, Text},
    writer::{WriteConnection, statement},
};

/// What is written of a template, in the database's own types.
pub(super) struct Columns {
    pub(super) project: String,
    pub(super) name: String,
    pub(super) name_key: String,
    pub(super) visibility: &'static str,
    pub(super) revision: i64,
    pub(super) version: i64,
    pub(super) archived: bool,
    pub(super) described: String,
    pub(super) content: String,
    pub(super) version_by: String,
    pub(super) version_created: i64,
    pub(super) comment: Option<String>,
    pub(super) centre: Option<i64>,
    pub(super) training_type: Option<String>,
    pub(super) framework: Option<String>,
    pub(super) updated: i64,
}

impl Columns {
    pub(super) fn of(t: &Template, name_key: &str) -> Result<Self, StoreError> {
        let word = |field: &str| t.content.get(field).and_then(|value| value.as_str()).map(str::to_owned);
        Ok(Self {
            project: t.project.clone(),
            name: t.name.clone(),
            name_key: name_key.to_owned(),
            visibility: t.visibility.as_str(),
            revision: t.revision,
            version: i64::from(t.version),
            archived: t.archived,
            described: json(&t.described)?,
            content: json(&t.content)?,
            version_by: t.version_by.clone(),
            version_created: t.version_created,
            comment: t.comment.clone(),
            centre: t.content.get("aidcId").and_then(|value| value.as_i64()),
            training_type: word("trainingType"),
            framework: word("trainingFramwork"),
            updated: t.updated,
        })
    }

    /// The same for the template index; of its use a row says more than `t`, which was read some time ago.
    pub(super) fn listing(&self, t: &Template) -> Listing {
        Listing {
            id: t.id.bytes(),
            project: self.project.clone(),
            owner: t.owner.clone(),
            visibility: t.visibility,
            archived: self.archived,
            centre: self.centre,
            training_type: self.training_type.clone(),
            framework: self.framework.clone(),
            created: t.created,
            updated: self.updated,
            jobs_made: 0,
            last_used: None,
            text: Text::new(&self.name, &t.described),
        }
    }
}

/// The template of a project, other than `own`, that has a name.
pub(super) async fn named(
    on: &mut WriteConnection,
    project: &str,
    name_key: &str,
    own: &TemplateId,
) -> Result<Option<TemplateId>, StoreError> {
    const SELECT: &str = "SELECT id FROM templates WHERE project = $1 AND name_key = $2 AND id <> $3";
    let query = statement(SELECT).bind(project).bind(name_key).bind(own.as_str());
    let row = on.row(query).await?;
    row.map(|row| Fields::of("templates", &row).parsed("id")).transpose()
}

pub(super) async fn insert_version(
    on: &mut WriteConnection,
    id: &TemplateId,
    columns: &Columns,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO template_versions (template_id, version, content, created_by, created, \
         comment) VALUES ($1, $2, $3, $4, $5, $6)";
    let query = statement(INSERT)
        .bind(id.as_str())
        .bind(columns.version)
        .bind(&columns.content)
        .bind(&columns.version_by)
        .bind(columns.version_created)
        .bind(&columns.comment);
    match on.execute(query).await? {
        1 => Ok(()),
        _ => Err(StoreError::Bug("a version was not kept".to_owned())),
    }
}

/// A version never changes: whoever names an old one must mean what it says.
pub(super) async fn check_version(
    on: &mut WriteConnection,
    id: &TemplateId,
    columns: &Columns,
) -> Result<(), StoreError> {
    const SELECT: &str = "SELECT content FROM template_versions WHERE template_id = $1 AND version = $2";
    let row = on.row(statement(SELECT).bind(id.as_str()).bind(columns.version)).await?;
    let Some(row) = row else {
        return Err(StoreError::NotFound);
    };
    let kept: Document = Fields::of("template_versions", &row).json("content")?;
    let given: Document = serde_json::from_str(&columns.content)
        .map_err(|error| StoreError::Bug(format!("a content has no JSON form: {error}")))?;
    if kept == given {
        Ok(())
    } else {
        let version = columns.version;
        Err(StoreError::Bug(format!("version {version} of {id} exists and says something else")))
    }
}

pub(super) fn template_of(row: &Row) -> Result<Template, StoreError> {
    let fields = Fields::of("templates", row);
    Ok(Template {
        id: fields.parsed("id")?,
        project: fields.text("project")?,
        owner: fields.text("owner")?,
        name: fields.text("name")?,
        visibility: fields.word("visibility", Visibility::parse)?,
        revision: fields.number("revision")?,
        version: fields.number("version")?,
        latest_version: fields.number("latest_version")?,
        archived: fields.get("archived")?,
        described: fields.json("described")?,
        content: fields.json("content")?,
        version_by: fields.text("version_by")?,
        version_created: fields.number("version_created")?,
        comment: fields.get("comment")?,
        created: fields.number("created")?,
        updated: fields.number("updated")?,
        jobs_made: fields.number("jobs_made")?,
        last_used: fields.get("last_used")?,
    })
}

pub(super) fn version_of(row: &Row) -> Result<Version, StoreError> {
    let fields = Fields::of("template_versions", row);
    Ok(Version {
        number: fields.number("version")?,
        created_by: fields.text("created_by")?,
        created: fields.number("created")?,
        comment: fields.get("comment")?,
        content: fields.json("content")?,
    })
}
