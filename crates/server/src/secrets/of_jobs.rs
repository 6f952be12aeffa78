//! The secrets that jobs name: whether they exist, and their texts for the launch.
//!
//! A job looks for a name among the personal secrets of its user first, then among those of its project. The user is the
//! creator of the job, even if another user restarts it.

use std::collections::{BTreeSet, HashMap};

use trainyard_domain::{
    document::Document,
    fault::{Fault, FaultCode},
    job::Job,
    path,
    secret::{SecretText, references},
};
use trainyard_store::{SecretPlace, SecretScopes};

use crate::{App, failure::Failure};

/// The secrets that a job needs, and the user and the project that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NeededSecrets {
    project: String,
    user: String,
    names: BTreeSet<String>,
}

impl NeededSecrets {
    /// Those of a job; `None` if it needs none.
    pub(crate) fn of(job: &Job) -> Option<Self> {
        let names: BTreeSet<String> = job.spec.secrets.iter().map(|(_, name)| name.clone()).collect();
        let (project, user) = (job.project.clone(), job.owner.clone());
        (!names.is_empty()).then_some(Self { project, user, names })
    }
}

/// Which secrets exist at a moment, and whether the server can open them.
#[derive(Debug)]
pub(crate) struct PresentSecrets(HashMap<SecretPlace, bool>);

impl PresentSecrets {
    /// Those of a list.
    ///
    /// Errors: those of the store.
    pub(crate) async fn read(app: &App, of: &SecretScopes) -> Result<Self, Failure> {
        let rows = app.store.secrets(of).await?;
        Ok(Self(rows.into_iter().map(|row| (row.place, app.vault.opens(&row.key_id))).collect()))
    }

    /// Why a job would not get all its secrets; `None` if it would.
    pub(crate) fn problem_of(&self, needed: &NeededSecrets) -> Option<String> {
        needed.names.iter().find_map(|name| self.problem(&needed.project, &needed.user, name))
    }

    /// Why a job of a user would not get a secret; `None` if it would.
    fn problem(&self, project: &str, user: &str, name: &str) -> Option<String> {
        match places(project, user, name).iter().find_map(|place| self.0.get(place)) {
            Some(true) => None,
            Some(false) => Some(cannot_open(name)),
            None => Some(does_not_exist(project, user, name)),
        }
    }
}

/// Where a job of a user looks for a secret: a personal one comes first.
fn places(project: &str, user: &str, name: &str) -> [SecretPlace; 2] {
    let place = |user: Option<&str>| SecretPlace {
        project: project.to_owned(),
        user: user.map(str::to_owned),
        name: name.to_owned(),
    };
    [place(Some(user)), place(None)]
}

fn does_not_exist(project: &str, user: &str, name: &str) -> String {
    format!(
        "the project {project} has no secret named {name}, and neither has {user} there; create it with \
         `trainyard secret create {name}`"
    )
}

fn cannot_open(name: &str) -> String {
    format!(
        "the secret {name} cannot be opened: secret.key in the data directory is not the key that encrypted it; an \
         administrator must put the right file back, or the secret must be set again"
    )
}

/// The faults of a document whose jobs would not get their secrets, for jobs of a user in a project.
///
/// Errors: those of the store.
pub(crate) async fn faults(app: &App, project: &str, user: &str, document: &Document) -> Result<Vec<Fault>, Failure> {
    let mut references = references(document).peekable();
    if references.peek().is_none() {
        return Ok(Vec::new());
    }
    let of = SecretScopes::User { project: project.to_owned(), user: user.to_owned() };
    let present = PresentSecrets::read(app, &of).await?;
    let fault = |(variable, name): (&str, &str)| {
        let message = present.problem(project, user, name)?;
        Some(Fault { path: path::member("env", variable), code: FaultCode::Unknown, message })
    };
    Ok(references.filter_map(fault).collect())
}

/// The texts of a job's secrets by the names of its variables, as they are now. The inner error says which of them the job
/// cannot get, and why.
///
/// Errors: those of the store.
pub(crate) async fn of_job(app: &App, job: &Job) -> Result<Result<Vec<(String, SecretText)>, String>, Failure> {
    let mut texts = Vec::with_capacity(job.spec.secrets.len());
    for (variable, name) in &job.spec.secrets {
        let mut found = None;
        for place in places(&job.project, &job.owner, name) {
            found = app.store.secret(&place).await?;
            if found.is_some() {
                break;
            }
        }
        let Some((row, sealed)) = found else {
            return Ok(Err(does_not_exist(&job.project, &job.owner, name)));
        };
        match app.vault.unseal(&row.place, &sealed) {
            Ok(text) => texts.push((variable.clone(), text)),
            Err(why) => return Ok(Err(format!("the secret {name} cannot be opened: {why}"))),
        }
    }
    Ok(Ok(texts))
}
