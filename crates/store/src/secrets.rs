//! Secrets: their names, and their texts as the server has encrypted them. The key is not in the database.

use trainyard_domain::time::WallTime;

use crate::{
    Page, PageRequest, Store, StoreError, WriteConnection,
    rows::{Fields, Row, Table, only_number},
    sql::{Condition, Sql, SqlFiltered, sql, sql_condition, sql_filtered, statement, statement_filtered},
};

const SECRETS: Table = Table { name: "secrets", key: &["project", "owner", "name"] };

/// The owner of a secret that belongs to its whole project.
const NO_USER: &str = "";

/// The place of a secret: no two secrets have the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretPlace {
    /// The project whose jobs can use it.
    pub project: String,
    /// The user whose jobs alone can use it; `None` for all jobs of the project.
    pub user: Option<String>,
    /// Its name.
    pub name: String,
}

/// A secret without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Its project, user and name.
    pub place: SecretPlace,
    /// Which key opens its text.
    pub key_id: String,
    /// The user that created it.
    pub created_by: String,
    /// When it was created.
    pub created: WallTime,
    /// The user that set its present text.
    pub updated_by: String,
    /// When its present text was set.
    pub updated: WallTime,
}

/// The secrets that a caller may list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretScopes {
    /// Those of all projects and users.
    All,
    /// Those of a project and of all its users.
    Project(String),
    /// Those of a project, and the personal ones of a user there.
    User {
        /// The project.
        project: String,
        /// The user.
        user: String,
    },
}

impl Store {
    /// Keeps a new secret with its encrypted text.
    ///
    /// [`StoreError::Exists`] if the place is taken, [`StoreError::TooMany`] if the project has `most` secrets already.
    pub async fn insert_secret(&self, row: &SecretRow, sealed: &str, most: u64) -> Result<(), StoreError> {
        const COUNT: Sql = sql!("SELECT count(*) AS total FROM secrets WHERE project = $1");
        const INSERT: Sql = sql!(
            "INSERT INTO secrets (project, owner, name, key_id, sealed, created_by, created, updated_by, updated) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"
        );
        let (row, sealed) = (row.clone(), sealed.to_owned());
        self.write(async move |on: &mut WriteConnection| {
            let place = &row.place;
            let count = on.row(statement(COUNT).bind(&place.project), only_number).await?.unwrap_or(0);
            let insert = statement(INSERT)
                .bind(&place.project)
                .bind(owner(place))
                .bind(&place.name)
                .bind(&row.key_id)
                .bind(&sealed)
                .bind(&row.created_by)
                .bind(row.created)
                .bind(&row.updated_by)
                .bind(row.updated);
            match on.execute(insert).await? {
                1 if count.unsigned_abs() >= most => Err(StoreError::TooMany),
                1 => Ok(()),
                _ => Err(StoreError::Exists),
            }
        })
        .await
    }

    /// Replaces the encrypted text of a secret: `row` says by which key, user and when. Its creation stays.
    pub async fn replace_secret(&self, row: &SecretRow, sealed: &str) -> Result<(), StoreError> {
        const UPDATE: Sql = sql!(
            "UPDATE secrets SET key_id = $1, sealed = $2, updated_by = $3, updated = $4 \
             WHERE project = $5 AND owner = $6 AND name = $7"
        );
        let (row, sealed) = (row.clone(), sealed.to_owned());
        self.write(async move |on: &mut WriteConnection| {
            let place = &row.place;
            let update = statement(UPDATE)
                .bind(&row.key_id)
                .bind(&sealed)
                .bind(&row.updated_by)
                .bind(row.updated)
                .bind(&place.project)
                .bind(owner(place))
                .bind(&place.name);
            match on.execute(update).await? {
                1 => Ok(()),
                _ => Err(StoreError::NotFound),
            }
        })
        .await
    }

    /// A secret with its encrypted text.
    pub async fn secret(&self, place: &SecretPlace) -> Result<Option<(SecretRow, String)>, StoreError> {
        const SELECT: Sql = sql!(
            "SELECT project, owner, name, key_id, sealed, created_by, created, updated_by, updated FROM secrets \
             WHERE project = $1 AND owner = $2 AND name = $3"
        );
        let select = statement(SELECT).bind(&place.project).bind(owner(place)).bind(&place.name);
        let with_text = |row: &Row<'_>| Ok((secret_of(row)?, Fields::of(&SECRETS, row).text("sealed")?));
        self.readers().row(select, with_text).await
    }

    /// A page of secrets, ordered by project, name and user.
    pub async fn list_secrets(&self, of: &SecretScopes, p: PageRequest) -> Result<Page<SecretRow>, StoreError> {
        const COUNT: SqlFiltered = sql_filtered!("SELECT count(*) AS total FROM secrets WHERE $conditions");
        const SELECT: SqlFiltered = sql_filtered!(
            "SELECT project, owner, name, key_id, created_by, created, updated_by, updated FROM secrets \
             WHERE $conditions ORDER BY project, name, owner LIMIT $1 OFFSET $2"
        );
        let count = statement_filtered(COUNT, Vec::new(), conditions(of));
        let select = statement_filtered(SELECT, vec![p.limit().into(), p.offset().into()], conditions(of));
        self.readers().count_and_rows(count, select, secret_of).await.map(Page::from)
    }

    /// All secrets of a list that can be read, without their texts.
    pub async fn secrets(&self, of: &SecretScopes) -> Result<Vec<SecretRow>, StoreError> {
        const SELECT: SqlFiltered = sql_filtered!(
            "SELECT project, owner, name, key_id, created_by, created, updated_by, updated FROM secrets \
             WHERE $conditions ORDER BY project, name, owner"
        );
        self.readers().rows(statement_filtered(SELECT, Vec::new(), conditions(of)), secret_of).await
    }

    /// Deletes a secret.
    pub async fn delete_secret(&self, place: &SecretPlace) -> Result<(), StoreError> {
        const DELETE: Sql = sql!("DELETE FROM secrets WHERE project = $1 AND owner = $2 AND name = $3");
        let place = place.clone();
        self.write_anyway(async move |on: &mut WriteConnection| {
            let delete = statement(DELETE).bind(&place.project).bind(owner(&place)).bind(&place.name);
            match on.execute(delete).await? {
                1 => Ok(()),
                _ => Err(StoreError::NotFound),
            }
        })
        .await
    }
}

fn owner(place: &SecretPlace) -> &str {
    place.user.as_deref().unwrap_or(NO_USER)
}

fn conditions(of: &SecretScopes) -> Vec<Condition<'_>> {
    match of {
        SecretScopes::All => Vec::new(),
        SecretScopes::Project(project) => vec![sql_condition!("project = $value", project)],
        SecretScopes::User { project, user } => {
            vec![sql_condition!("project = $value", project), sql_condition!("(owner = '' OR owner = $value)", user)]
        }
    }
}

fn secret_of(row: &Row<'_>) -> Result<SecretRow, StoreError> {
    let fields = Fields::of(&SECRETS, row);
    let place = SecretPlace {
        project: fields.text("project")?,
        user: Some(fields.text("owner")?).filter(|user| user != NO_USER),
        name: fields.text("name")?,
    };
    Ok(SecretRow {
        place,
        key_id: fields.text("key_id")?,
        created_by: fields.text("created_by")?,
        created: fields.number("created")?,
        updated_by: fields.text("updated_by")?,
        updated: fields.number("updated")?,
    })
}
