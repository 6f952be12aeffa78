//! Use cases about secrets: create, replace, list, delete.
//!
//! No use case answers the text of a secret. Only the launch of an attempt gets it, by `of_jobs`.

mod of_jobs;

pub(crate) use of_jobs::{NeededSecrets, PresentSecrets, faults, of_job};

use subtle::ConstantTimeEq as _;
use trainyard_domain::{
    access::{Action, Actor, Role, Target, Visibility},
    fault::{Fault, FaultCode},
    secret::{SecretScope, SecretText},
    text::ShortName,
};
use trainyard_store::{Page, PageRequest, SecretPlace, SecretRow, SecretScopes, Store, StoreError};

use crate::{
    App,
    app::{allow, allow_on},
    failure::Failure,
    vault::Vault,
};

/// The most secrets of one project, personal ones included.
const MOST: u64 = 1000;

/// A secret to create.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The name, unique among those with the same scope.
    pub name: ShortName,
    /// The secret text.
    pub text: SecretText,
    /// The jobs that can use it.
    pub scope: SecretScope,
    /// Whether to replace the text of an existing secret.
    pub replace: bool,
}

/// A secret as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSecret {
    /// Its row, which has no text.
    pub row: SecretRow,
    /// Whether this server has the key that opens its text.
    pub is_usable: bool,
}

/// Creates a secret in the caller's project, or replaces its text. A repeated call with the same text changes nothing.
///
/// Errors: `Forbidden`, `SecretExists`, `TooManySecrets`, `Unavailable` if the server has no key.
pub async fn create(app: &App, actor: &Actor, new: NewSecret) -> Result<ListedSecret, Failure> {
    allow(actor, Action::CreateSecret)?;
    let user = (new.scope == SecretScope::Personal).then(|| actor.user.clone());
    let place = SecretPlace { project: actor.project.clone(), user, name: new.name.as_str().to_owned() };
    let sealed = app.vault.seal(&place, &new.text)?;
    let now = app.clock.now();
    let mut row = SecretRow {
        place,
        key_id: app.vault.key_id()?.to_owned(),
        created_by: actor.user.clone(),
        created: now,
        updated_by: actor.user.clone(),
        updated: now,
    };
    let exists = || Failure::SecretExists(new.name.as_str().to_owned());
    match app.store.secret(&row.place).await? {
        Some((existing, before)) => {
            if has_text(app, &existing.place, &before, &new.text) {
                return Ok(listed(app, existing));
            }
            if !new.replace {
                return Err(exists());
            }
            allow_change(actor, &existing)?;
            match app.store.replace_secret(&row, &sealed).await {
                Err(StoreError::NotFound) => return Err(Failure::not_found("secret", &row.place.name)),
                other => other?,
            }
            (row.created_by, row.created) = (existing.created_by, existing.created);
        }
        None => match app.store.insert_secret(&row, &sealed, MOST).await {
            // Another call has created it since.
            Err(StoreError::Exists) => return Err(exists()),
            Err(StoreError::TooMany) => return Err(Failure::TooManySecrets { most: MOST }),
            other => other?,
        },
    }
    // A queued job may have waited for it.
    app.scheduler.notify_one();
    Ok(listed(app, row))
}

/// Whether a secret has this text already. An unreadable text is another one.
fn has_text(app: &App, place: &SecretPlace, sealed: &str, text: &SecretText) -> bool {
    let same = |found: &SecretText| bool::from(found.reveal().as_bytes().ct_eq(text.reveal().as_bytes()));
    app.vault.unseal(place, sealed).is_ok_and(|found| same(&found))
}

/// A page of the secrets that a caller may know: a member those of the project and its own, a manager all of the project,
/// an admin all.
///
/// Errors: `Forbidden`.
pub async fn list(app: &App, actor: &Actor, page: PageRequest) -> Result<Page<ListedSecret>, Failure> {
    allow(actor, Action::ListSecrets)?;
    let scopes = match actor.role {
        Role::Admin => SecretScopes::All,
        Role::Manager => SecretScopes::Project(actor.project.clone()),
        Role::Member | Role::Viewer => SecretScopes::User { project: actor.project.clone(), user: actor.user.clone() },
    };
    let Page { records, total } = app.store.list_secrets(&scopes, page).await?;
    Ok(Page { records: records.into_iter().map(|row| listed(app, row)).collect(), total })
}

fn listed(app: &App, row: SecretRow) -> ListedSecret {
    ListedSecret { is_usable: app.vault.opens(&row.key_id), row }
}

/// Which of the secrets with a name to delete. What is `None` is found by the name, if only one secret fits.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The scope.
    pub scope: Option<SecretScope>,
    /// The project; by default the caller's.
    pub project: Option<String>,
    /// The user of a personal secret; by default the caller. With a user, only a personal secret fits.
    pub user: Option<String>,
}

/// Deletes a secret. Jobs that run keep it; jobs that wait for their start go on waiting, with this as the reason.
///
/// Errors: `NotFound`, `Forbidden`, and `BadQuery` if a secret of the project and a personal one have the name.
pub async fn delete(app: &App, actor: &Actor, name: &str, choice: &Choice) -> Result<(), Failure> {
    allow(actor, Action::ChangeSecret)?;
    let missing = || Failure::not_found("secret", name);
    let name = ShortName::parse(name).map_err(|_| missing())?;
    let user = choice.user.clone().unwrap_or_else(|| actor.user.clone());
    let places = [
        (choice.scope != Some(SecretScope::Personal) && choice.user.is_none()).then_some(None),
        (choice.scope != Some(SecretScope::Project)).then_some(Some(user)),
    ];
    let mut found = Vec::new();
    for user in places.into_iter().flatten() {
        let project = choice.project.clone().unwrap_or_else(|| actor.project.clone());
        let place = SecretPlace { project, user, name: name.as_str().to_owned() };
        if let Some((row, _)) = app.store.secret(&place).await? {
            match allow_change(actor, &row) {
                Err(Failure::NotFound { .. }) => {}
                verdict => found.push((row.place, verdict)),
            }
        }
    }
    let [(place, verdict)] = <[_; 1]>::try_from(found).map_err(|found| match found.is_empty() {
        true => missing(),
        false => ambiguous(name.as_str()),
    })?;
    verdict?;
    match app.store.delete_secret(&place).await {
        Err(StoreError::NotFound) => return Err(missing()),
        other => other?,
    }
    app.scheduler.notify_one();
    Ok(())
}

fn ambiguous(name: &str) -> Failure {
    let message = format!(
        "the project has a secret named {name}, and so have you; add scope=project or scope=personal to say which"
    );
    Failure::BadQuery(vec![Fault { path: "scope".to_owned(), code: FaultCode::Required, message }])
}

/// A secret of a project belongs to its creator as far as changes go, a personal one to its user.
fn allow_change(actor: &Actor, row: &SecretRow) -> Result<(), Failure> {
    let SecretPlace { project, user, name } = &row.place;
    let visibility = if user.is_some() { Visibility::Private } else { Visibility::Project };
    let owner = user.as_deref().unwrap_or(&row.created_by);
    allow_on(actor, Action::ChangeSecret, &Target { project, owner, visibility }, "secret", name)
}

/// Warns of secrets that the server cannot open, as after a restore without the key.
///
/// Errors: those of the store.
pub(crate) async fn log_unusable(store: &Store, vault: &Vault) -> Result<(), Failure> {
    let all = store.secrets(&SecretScopes::All).await?;
    let unusable = all.iter().filter(|row| !vault.opens(&row.key_id)).count();
    if unusable > 0 {
        tracing::warn!(
            "{unusable} secrets cannot be opened: secret.key is not the key that encrypted them; put the right file back \
             and restart the server, or set them again"
        );
    }
    Ok(())
}
