//! The access rules in one table: which role may take which action on which target.
//!
//! A key belongs to a user, a project and a role. A target that the user may not see answers as if it did not exist (404);
//! an action that the role does not allow on a visible target is forbidden (403).

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::choice::choice;

choice!(
    /// The role of a key: what its user may do in the project; `admin` applies to the whole server.
    Role {
        /// May do everything on the whole server.
        Admin = "admin",
        /// May do everything in the project.
        Manager = "manager",
        /// May create jobs and templates and change its own; reads those of the project.
        Member = "member",
        /// Reads the jobs and templates of the project.
        Viewer = "viewer",
    }
);

choice!(
    /// Which users may see a template, beside its owner, the managers of its project and the admins.
    Visibility {
        /// No further user.
        Private = "private",
        /// Every user of the project.
        Project = "project",
        /// Every user of this server.
        Public = "public",
    }
);

/// The caller of an action, as its key names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Name of the user.
    pub user: String,
    /// Name of the project.
    pub project: String,
    /// Role of the key.
    pub role: Role,
}

/// An action that a caller requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read a template, list it, create a job from it.
    ReadTemplate,
    /// Create a template in the own project.
    CreateTemplate,
    /// Change or delete a template.
    ChangeTemplate,
    /// Read a job, its events, workers and logs.
    ReadJob,
    /// Create a job in the own project.
    CreateJob,
    /// Stop, restart or delete a job.
    ChangeJob,
    /// List the names of secrets.
    ListSecrets,
    /// Create a secret in the own project.
    CreateSecret,
    /// Replace or delete a secret.
    ChangeSecret,
    /// Create, list or delete keys.
    ManageKeys,
    /// See compute centres and products.
    ReadCentres,
    /// Add or remove a centre's storages.
    ManageCentres,
}

/// The template, job or secret of an action, as far as the access rules need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The project of the target.
    pub project: &'a str,
    /// The user that created the target.
    pub owner: &'a str,
    /// The visibility of a template. A job and a secret of a project have the visibility `Project`, a personal secret
    /// has `Private`.
    pub visibility: Visibility,
}

/// The decision about an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The caller may take the action.
    Allowed,
    /// The caller may see the target but not take the action (403).
    Forbidden,
    /// The caller must not learn whether the target exists (404).
    Hidden,
}

/// Decides about an action without a single target, such as a list.
pub fn may(actor: &Actor, action: Action) -> Verdict {
    use Action::{
        ChangeJob, ChangeSecret, ChangeTemplate, CreateJob, CreateSecret, CreateTemplate, ListSecrets, ManageCentres,
        ManageKeys, ReadCentres, ReadJob, ReadTemplate,
    };
    let allowed = match action {
        ReadTemplate | ReadJob | ReadCentres => true,
        CreateTemplate | CreateJob | ChangeTemplate | ChangeJob => actor.role != Role::Viewer,
        // A viewer creates no jobs, so even the names of secrets are of no use to it.
        ListSecrets | CreateSecret | ChangeSecret => actor.role != Role::Viewer,
        ManageKeys | ManageCentres => actor.role == Role::Admin,
    };
    if allowed { Verdict::Allowed } else { Verdict::Forbidden }
}

/// Decides about an action on one target.
pub fn may_on(actor: &Actor, action: Action, target: &Target<'_>) -> Verdict {
    if !sees(actor, target) {
        return Verdict::Hidden;
    }
    match may(actor, action) {
        Verdict::Allowed if action.changes_target() && !may_change(actor, target) => Verdict::Forbidden,
        verdict => verdict,
    }
}

impl Action {
    /// Whether the action changes its target, so that only the target's owner, its managers and admins may take it.
    fn changes_target(self) -> bool {
        match self {
            Self::ChangeTemplate | Self::ChangeJob | Self::ChangeSecret => true,
            Self::ReadTemplate
            | Self::CreateTemplate
            | Self::ReadJob
            | Self::CreateJob
            | Self::ListSecrets
            | Self::CreateSecret
            | Self::ManageKeys
            | Self::ReadCentres
            | Self::ManageCentres => false,
        }
    }
}

fn sees(actor: &Actor, target: &Target<'_>) -> bool {
    let same_project = actor.project == target.project;
    actor.role == Role::Admin
        || target.visibility == Visibility::Public
        || same_project
            && (target.visibility == Visibility::Project || actor.role == Role::Manager || actor.user == target.owner)
}

fn may_change(actor: &Actor, target: &Target<'_>) -> bool {
    match actor.role {
        Role::Admin => true,
        Role::Manager => actor.project == target.project,
        Role::Member => actor.project == target.project && actor.user == target.owner,
        Role::Viewer => false,
    }
}
