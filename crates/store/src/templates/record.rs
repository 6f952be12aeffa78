//! Templates and their versions as rows, in both directions, and the entries of the template index that rows become.
//!
//! The JSON columns (`described`, `content`) hold documents under the published field names, which any release can read;
//! `tests/stored.rs` reads every form that was ever written.

use trainyard_domain::{
    access::Visibility,
    document::Document,
    id::TemplateId,
    template::{Template, Version},
    time::WallTime,
};

use crate::{
    StoreError, WriteConnection,
    rows::{Fields, Row, Table, UnreadableRows, json},
    sql::{Sql, sql, statement},
    template_index::{Listing, TemplateIndex, Text},
};

pub(super) const TEMPLATES: Table = Table { name: "templates", key: &["id"] };
const VERSIONS: Table = Table { name: "template_versions", key: &["template_id", "version"] };

/// The columns of a whole template with its default version, from `templates t` and `template_versions v`.
macro_rules! template_columns {
    () => {
        "t.id, t.project, t.owner, t.name, t.visibility, t.revision, t.version, t.latest_version, t.archived, \
         t.described, t.created, t.updated, t.jobs_made, t.last_used, v.template_id, v.content, \
         v.created_by AS version_by, v.created AS version_created, v.comment"
    };
}

/// What joins the default version to `templates t`.
macro_rules! template_joins {
    () => {
        "JOIN template_versions v ON v.template_id = t.id AND v.version = t.version"
    };
}

pub(super) use {template_columns, template_joins};

/// The changeable columns of a template and its version.
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
    pub(super) version_created: WallTime,
    pub(super) comment: Option<String>,
    pub(super) centre: Option<i64>,
    pub(super) training_type: Option<String>,
    pub(super) framework: Option<String>,
    pub(super) updated: WallTime,
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

    /// The entry of the template index. Its usage counts are those of a new template. For an existing template the
    /// index keeps its own counts, which are newer than those in `t`.
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

/// Fills the template index from the rows, one after the other, so that no second copy of all rows is in memory. It runs
/// before anything is written, so no change is missed.
///
/// An unreadable row is in no list, and the log says so: a call for this template gets the error.
pub(crate) fn load_index(
    from: &mut WriteConnection,
    index: &TemplateIndex,
    unreadable: &UnreadableRows,
) -> Result<(), StoreError> {
    const SELECT: Sql = sql!(
        "SELECT id, project, owner, name, visibility, archived, described, centre, training_type, framework, created, \
         updated, jobs_made, last_used FROM templates"
    );
    index.fill(|add| {
        from.each_row(statement(SELECT), |row| {
            unreadable.readable(listing_of(row))?.iter().for_each(&mut *add);
            Ok(())
        })
    })
}

fn listing_of(row: &Row<'_>) -> Result<Listing, StoreError> {
    let fields = Fields::of(&TEMPLATES, row);
    let id: TemplateId = fields.parsed("id")?;
    let described: Document = fields.json("described")?;
    Ok(Listing {
        id: id.bytes(),
        project: fields.text("project")?,
        owner: fields.text("owner")?,
        visibility: fields.word("visibility", Visibility::parse)?,
        archived: fields.get("archived")?,
        centre: fields.get("centre")?,
        training_type: fields.get("training_type")?,
        framework: fields.get("framework")?,
        created: fields.number("created")?,
        updated: fields.number("updated")?,
        jobs_made: fields.number("jobs_made")?,
        last_used: fields.optional("last_used")?,
        text: Text::new(fields.get("name")?, &described),
    })
}

/// The template of a project, other than `own`, that has a name.
pub(super) async fn named(
    on: &mut WriteConnection,
    project: &str,
    name_key: &str,
    own: &TemplateId,
) -> Result<Option<TemplateId>, StoreError> {
    const SELECT: Sql = sql!("SELECT id FROM templates WHERE project = $1 AND name_key = $2 AND id <> $3");
    let select = statement(SELECT).bind(project).bind(name_key).bind(own.as_str());
    on.row(select, |row| Fields::of(&TEMPLATES, row).parsed("id")).await
}

pub(super) async fn insert_version(
    on: &mut WriteConnection,
    id: &TemplateId,
    columns: &Columns,
) -> Result<(), StoreError> {
    const INSERT: Sql = sql!(
        "INSERT INTO template_versions (template_id, version, content, created_by, created, comment) \
         VALUES ($1, $2, $3, $4, $5, $6)"
    );
    let insert = statement(INSERT)
        .bind(id.as_str())
        .bind(columns.version)
        .bind(&columns.content)
        .bind(&columns.version_by)
        .bind(columns.version_created)
        .bind(&columns.comment);
    match on.execute(insert).await? {
        1 => Ok(()),
        _ => Err(StoreError::Bug("a version was not kept".to_owned())),
    }
}

/// Refuses other content for an existing version: a version never changes.
pub(super) async fn check_version(
    on: &mut WriteConnection,
    id: &TemplateId,
    columns: &Columns,
) -> Result<(), StoreError> {
    const SELECT: Sql =
        sql!("SELECT template_id, version, content FROM template_versions WHERE template_id = $1 AND version = $2");
    let select = statement(SELECT).bind(id.as_str()).bind(columns.version);
    let content = |row: &Row<'_>| Fields::of(&VERSIONS, row).json::<Document>("content");
    let Some(existing) = on.row(select, content).await? else {
        return Err(StoreError::NotFound);
    };
    let given: Document = serde_json::from_str(&columns.content)
        .map_err(|error| StoreError::Bug(format!("a content has no JSON form: {error}")))?;
    if existing == given {
        Ok(())
    } else {
        let version = columns.version;
        Err(StoreError::Bug(format!("version {version} of {id} exists with other content")))
    }
}

/// Reads a row of `template_columns!`.
pub(super) fn template_of(row: &Row<'_>) -> Result<Template, StoreError> {
    let (fields, version) = (Fields::of(&TEMPLATES, row), Fields::of(&VERSIONS, row));
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
        content: version.json("content")?,
        version_by: version.text("version_by")?,
        version_created: version.number("version_created")?,
        comment: version.get("comment")?,
        created: fields.number("created")?,
        updated: fields.number("updated")?,
        jobs_made: fields.number("jobs_made")?,
        last_used: fields.optional("last_used")?,
    })
}

/// Reads a row of `template_versions` alone.
pub(super) fn version_of(row: &Row<'_>) -> Result<Version, StoreError> {
    let fields = Fields::of(&VERSIONS, row);
    Ok(Version {
        number: fields.number("version")?,
        created_by: fields.text("created_by")?,
        created: fields.number("created")?,
        comment: fields.get("comment")?,
        content: fields.json("content")?,
    })
}
