//! Who may do what, in one table.
//!
//! A key names a user, a project and a role. What one may not see does not exist for that one; what one may see but
//! not do is forbidden.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::choice::choice;

choice!(
    /// What a key may do in its project; `admin` on the whole server.
    Role {
        /// The whole server.
        Admin = "admin",
        /// Everything in the project.
        Manager = "manager",
        /// Own jobs and templates; reads the project's.
        Member = "member",
        /// Reads the project's.
        Viewer = "viewer",
    }
);

choice!(
    /// Who may see a template, beside its owner and the admins.
    Visibility {
        /// Nobody else but the project's managers.
        Private = "private",
        /// Everybody in the project.
        Project = "project",
        /// Everybody on this server.
        Public = "public",
    }
);

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user of the key.
    pub user: String,
    /// The project of the key.
    pub project: String,
    /// The role of the key.
    pub role: Role,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read a template, list it, make a job from it.
    ReadTemplate,
    /// Make a template in one's own project.
    CreateTemplate,
    /// Change or delete a template.
    ChangeTemplate,
    /// Read a job, its events, workers and logs.
    ReadJob,
    /// Make a job in one's own project.
    CreateJob,
    /// Stop or delete a job.
    ChangeJob,
    /// Make, list or revoke keys.
    ManageKeys,
    /// See compute centres and products.
    ReadCentres,
    /// Add or remove a centre's storages.
    ManageCentres,
}

/// The thing asked about, as far as access goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The project it belongs to.
    pub project: &'a str,
    /// The user who made it.
    pub owner: &'a str,
    /// Who may see it, for a template; jobs are seen by their project.
    pub visibility: Visibility,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allowed,
    /// It may be seen but this may not be done (403).
    Forbidden,
    /// It may not even be known to exist (404).
    Hidden,
}

/// Whether an actor may do something that has no single target.
pub fn may(actor: &Actor, action: Action) -> Verdict {
    use Action::{
        ChangeJob, ChangeTemplate, CreateJob, CreateTemplate, ManageCentres, ManageKeys, ReadCentres, ReadJob,
        ReadTemplate,
    };
    let allowed = match action {
        ReadTemplate | ReadJob | ReadCentres => true,
        CreateTemplate | CreateJob | ChangeTemplate | ChangeJob => actor.role != Role::Viewer,
        ManageKeys | ManageCentres => actor.role == Role::Admin,
    };
    if allowed { Verdict::Allowed } else { Verdict::Forbidden }
}

/// Whether an actor may do something to one thing.
pub fn may_on(actor: &Actor, action: Action, target: &Target<'_>) -> Verdict {
    if !sees(actor, target) {
        return Verdict::Hidden;
    }
    match (may(actor, action), action) {
        (Verdict::Allowed, Action::ChangeTemplate | Action::ChangeJob) if !rules(actor, target) => Verdict::Forbidden,
        (verdict, _) => verdict,
    }
}

fn sees(actor: &Actor, target: &Target<'_>) -> bool {
    let at_home = actor.project == target.project;
    actor.role == Role::Admin
        || target.visibility == Visibility::Public
        || at_home
            && (target.visibility == Visibility::Project || actor.role == Role::Manager || actor.user == target.owner)
}

fn rules(actor: &Actor, target: &Target<'_>) -> bool {
    match actor.role {
        Role::Admin => true,
        Role::Manager => actor.project == target.project,
        Role::Member => actor.project == target.project && actor.user == target.owner,
        Role::Viewer => false,
    }
}
