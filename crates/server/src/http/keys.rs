//! The calls about API keys; all need the role admin.

use serde_json::Value;
use trainyard_api::{
    Empty, Envelope, Page, PageQuery,
    failures::{ActionFailures, CreateFailures, Fails, ListFailures},
    key::{KeyCreate, KeyCreated, KeyRecord, Role as WireRole},
    paths,
};
use trainyard_domain::{
    access::{Action, Role},
    fault::FaultCode,
    text::ShortName,
    time::WallTime,
};
use trainyard_store::KeyRow;

use super::{
    answer::{Answer, done, ok},
    body_fields::{BodyFields, FieldError, malformed, one_of},
    extract::{Call, JsonBody, NoBody, NoQuery, QueryParams},
    path::KeyPath,
    show,
};
use crate::{
    App,
    app::allow,
    failure::Failure,
    keys::{self, NewKey},
};

/// Create an API key
///
/// Only this response has the text of the key. User and project are created when a key first names them. Admins only.
#[utoipa::path(
    post, path = paths::KEY_CREATE, operation_id = "createKey", tag = "keys", request_body = KeyCreate,
    responses((status = 200, description = "The key was created.", body = Envelope<KeyCreated>), CreateFailures)
)]
pub(crate) async fn create(Call { app, actor, .. }: Call, _: NoQuery, JsonBody(body): JsonBody) -> Answer<KeyCreated> {
    allow(&actor, Action::ManageKeys)?;
    let new = new_key(&app, &body)?;
    let (text, row) = keys::create(&app, &actor, new).await?;
    ok(KeyCreated { key: text.reveal().to_owned(), record: record(&app, &row) })
}

/// List API keys
///
/// Without their texts, the newest first. Admins only.
#[utoipa::path(
    get, path = paths::KEY_LIST, operation_id = "listKeys", tag = "keys", params(PageQuery),
    responses((status = 200, description = "One page of keys.", body = Envelope<Page<KeyRecord>>), ListFailures, Fails<403>)
)]
pub(crate) async fn list(Call { app, actor, .. }: Call, query: QueryParams, _: NoBody) -> Answer<Page<KeyRecord>> {
    let page = query.only_page()?;
    let found = keys::list(&app, &actor, page).await?;
    ok(show::page(found, page, |row| record(&app, &row)))
}

/// Revoke an API key
///
/// The next call with the key is refused, and streams of the key end within a second. An admin key can be revoked only if
/// another admin key is valid for at least as long. Admins only.
#[utoipa::path(
    delete, path = paths::KEY_DELETE, operation_id = "revokeKey", tag = "keys", params(KeyPath),
    responses((status = 200, description = "The key was revoked.", body = Envelope<Empty>), ActionFailures, Fails<409>)
)]
pub(crate) async fn delete(Call { app, actor, path }: Call<KeyPath>, _: NoQuery, _: NoBody) -> Answer<Empty> {
    keys::revoke(&app, &actor, &path.id).await?;
    done()
}

/// Reads the body with all its faults.
fn new_key(app: &App, body: &Value) -> Result<NewKey, Failure> {
    let mut fields = BodyFields::of(body, &["name", "user", "project", "role", "expires"])?;
    let name = fields.name();
    let user = fields.required("user", |text| ShortName::parse(text).map_err(malformed));
    let project = fields.required("project", |text| ShortName::parse(text).map_err(malformed));
    let role = fields.required("role", |word| one_of(word, Role::WORDS, Role::parse));
    let expires = fields.optional("expires", |text| read_expiry(text, app));
    match (name, user, project, role) {
        (Some(name), Some(user), Some(project), Some(role)) => {
            fields.finish(NewKey { name, user, project, role, expires })
        }
        _ => Err(fields.into_failure()),
    }
}

fn read_expiry(text: &str, app: &App) -> Result<WallTime, FieldError> {
    let end = show::read_time(text, &app.zone);
    let end = end.ok_or_else(|| malformed("must be a time such as 2027-01-31 18:00:00"))?;
    if end > app.clock.now() { Ok(end) } else { Err((FaultCode::OutOfRange, "must be in the future".to_owned())) }
}

fn record(app: &App, row: &KeyRow) -> KeyRecord {
    KeyRecord {
        id: row.id.to_string(),
        name: row.name.clone(),
        user: row.actor.user.clone(),
        project: row.actor.project.clone(),
        role: match row.actor.role {
            Role::Admin => WireRole::Admin,
            Role::Manager => WireRole::Manager,
            Role::Member => WireRole::Member,
            Role::Viewer => WireRole::Viewer,
        },
        create_by: row.created_by.clone(),
        created_time: show::time(row.created, &app.zone),
        created_time_ms: row.created.as_ms(),
        expires: row.expires.map(|at| show::time(at, &app.zone)),
        expires_ms: row.expires.map(WallTime::as_ms),
        last_used_time: row.last_used.map(|at| show::time(at, &app.zone)),
        last_used_time_ms: row.last_used.map(WallTime::as_ms),
    }
}
