//! The calls about secrets. No answer contains a value.

use serde_json::Value;
use trainyard_api::{
    Empty, Envelope, Page, PageQuery,
    failures::{ActionFailures, CreateFailures, Fails, ListFailures},
    paths,
    secret::{SecretCreate, SecretDeleteQuery, SecretRecord, SecretScope as WireScope},
};
use trainyard_domain::{
    access::Action,
    secret::{SecretScope, SecretText},
    text::ShortName,
};

use super::{
    answer::{Answer, done, ok},
    body_fields::{BodyFields, malformed, one_of},
    extract::{Call, JsonBody, NoBody, NoQuery, QueryParams},
    path::SecretPath,
    show,
};
use crate::{
    App,
    app::allow,
    failure::Failure,
    secrets::{self, Choice, ListedSecret, NewSecret},
};

/// Create a secret
///
/// A job of the project gets the value where its `env` names the secret: `{"WANDB_API_KEY": {"secret": "wandb"}}`. The
/// server encrypts the value and never answers it. A repeated call with the same value changes nothing; another value needs
/// `replace`. Members can replace and delete the secrets that they created, managers all of the project. Viewers can
/// neither see nor use secrets.
#[utoipa::path(
    post, path = paths::SECRET_CREATE, operation_id = "createSecret", tag = "secrets", request_body = SecretCreate,
    responses((status = 200, description = "The secret was created or replaced, or had this value.", body = Envelope<SecretRecord>), CreateFailures, Fails<409>)
)]
pub(crate) async fn create(
    Call { app, actor, .. }: Call,
    _: NoQuery,
    JsonBody(body): JsonBody,
) -> Answer<SecretRecord> {
    allow(&actor, Action::CreateSecret)?;
    let created = secrets::create(&app, &actor, new_secret(&body)?).await?;
    ok(record(&app, created))
}

/// List secrets
///
/// Their names, without values: those of the project and the caller's personal ones. Managers see the personal secrets of
/// all users of the project, admins all secrets of the server.
#[utoipa::path(
    get, path = paths::SECRET_LIST, operation_id = "listSecrets", tag = "secrets", params(PageQuery),
    responses((status = 200, description = "One page of secrets.", body = Envelope<Page<SecretRecord>>), ListFailures, Fails<403>)
)]
pub(crate) async fn list(Call { app, actor, .. }: Call, query: QueryParams, _: NoBody) -> Answer<Page<SecretRecord>> {
    let page = query.only_page()?;
    let found = secrets::list(&app, &actor, page).await?;
    ok(show::page(found, page, |secret| record(&app, secret)))
}

/// Delete a secret
///
/// Running jobs keep the value. Jobs that need the secret and have not started wait until a secret with this name exists
/// again, and say so.
#[utoipa::path(
    delete, path = paths::SECRET_DELETE, operation_id = "deleteSecret", tag = "secrets", params(SecretPath, SecretDeleteQuery),
    responses((status = 200, description = "The secret was deleted.", body = Envelope<Empty>), ActionFailures)
)]
pub(crate) async fn delete(
    Call { app, actor, path }: Call<SecretPath>,
    query: QueryParams,
    _: NoBody,
) -> Answer<Empty> {
    allow(&actor, Action::ChangeSecret)?;
    let mut query = query.read(&["scope", "user", "project"]);
    let scope = query.choice("scope", SecretScope::WORDS).and_then(|word| SecretScope::parse(&word));
    let choice = Choice { scope, user: query.text("user"), project: query.text("project") };
    let choice = query.finish(choice)?;
    secrets::delete(&app, &actor, &path.name, &choice).await?;
    done()
}

/// Reads the body with all its faults. No fault contains the value.
fn new_secret(body: &Value) -> Result<NewSecret, Failure> {
    let mut fields = BodyFields::of(body, &["name", "value", "scope", "replace"])?;
    let name = fields.required("name", |text| ShortName::parse(text).map_err(malformed));
    let text = fields.required("value", |text| SecretText::parse(text).map_err(malformed));
    let scope = fields.optional("scope", |word| one_of(word, SecretScope::WORDS, SecretScope::parse));
    let replace = fields.flag("replace");
    match (name, text) {
        (Some(name), Some(text)) => {
            fields.finish(NewSecret { name, text, scope: scope.unwrap_or(SecretScope::Project), replace })
        }
        _ => Err(fields.into_failure()),
    }
}

fn record(app: &App, ListedSecret { row, is_usable }: ListedSecret) -> SecretRecord {
    SecretRecord {
        name: row.place.name,
        scope: if row.place.user.is_some() { WireScope::Personal } else { WireScope::Project },
        project: row.place.project,
        user: row.place.user,
        usable: is_usable,
        create_by: row.created_by,
        created_time: show::time(row.created, &app.zone),
        created_time_ms: row.created.as_ms(),
        update_by: row.updated_by,
        updated_time: show::time(row.updated, &app.zone),
        updated_time_ms: row.updated.as_ms(),
    }
}
