//! The access rules: every role, action and relation to the target, cell by cell.

use super::{
    Action::*,
    Role::*,
    Verdict::{Allowed as Y, Forbidden as N, Hidden as H},
    *,
};

const ROLES: [Role; 4] = [Admin, Manager, Member, Viewer];

/// Owner, project and visibility of the target. The actor is alice of the project vision.
const RELATIONS: [(&str, &str, Visibility); 8] = [
    ("alice", "vision", Visibility::Private),
    ("alice", "vision", Visibility::Project),
    ("bob", "vision", Visibility::Private),
    ("bob", "vision", Visibility::Project),
    ("bob", "vision", Visibility::Public),
    ("bob", "speech", Visibility::Private),
    ("bob", "speech", Visibility::Project),
    ("bob", "speech", Visibility::Public),
];

fn actor(role: Role) -> Actor {
    Actor { user: "alice".to_owned(), project: "vision".to_owned(), role }
}

#[test]
fn without_a_target_the_role_alone_decides() {
    #[rustfmt::skip]
    let table = [
        //                admin manager member viewer
        (ReadTemplate,   [Y,    Y,      Y,     Y]),
        (CreateTemplate, [Y,    Y,      Y,     N]),
        (ChangeTemplate, [Y,    Y,      Y,     N]),
        (ReadJob,        [Y,    Y,      Y,     Y]),
        (CreateJob,      [Y,    Y,      Y,     N]),
        (ChangeJob,      [Y,    Y,      Y,     N]),
        (ListSecrets,    [Y,    Y,      Y,     N]),
        (CreateSecret,   [Y,    Y,      Y,     N]),
        (ChangeSecret,   [Y,    Y,      Y,     N]),
        (ManageKeys,     [Y,    N,      N,     N]),
        (ManageCentres,  [Y,    N,      N,     N]),
        (ReadCentres,    [Y,    Y,      Y,     Y]),
    ];
    for (action, verdicts) in table {
        for (role, verdict) in ROLES.into_iter().zip(verdicts) {
            assert_eq!(may(&actor(role), action), verdict, "{role:?} {action:?}");
        }
    }
}

#[test]
fn an_invisible_target_is_hidden_and_a_visible_one_may_be_forbidden() {
    #[rustfmt::skip]
    let table = [
        //                        own       | project's other's  | another project's
        //                        priv  proj  priv  proj  public   priv  proj  public
        (ReadTemplate,   Admin,   [Y,   Y,    Y,    Y,    Y,       Y,    Y,    Y]),
        (ReadTemplate,   Manager, [Y,   Y,    Y,    Y,    Y,       H,    H,    Y]),
        (ReadTemplate,   Member,  [Y,   Y,    H,    Y,    Y,       H,    H,    Y]),
        (ReadTemplate,   Viewer,  [Y,   Y,    H,    Y,    Y,       H,    H,    Y]),
        (ChangeTemplate, Admin,   [Y,   Y,    Y,    Y,    Y,       Y,    Y,    Y]),
        (ChangeTemplate, Manager, [Y,   Y,    Y,    Y,    Y,       H,    H,    N]),
        (ChangeTemplate, Member,  [Y,   Y,    H,    N,    N,       H,    H,    N]),
        (ChangeTemplate, Viewer,  [N,   N,    H,    N,    N,       H,    H,    N]),
        (ChangeSecret,   Admin,   [Y,   Y,    Y,    Y,    Y,       Y,    Y,    Y]),
        (ChangeSecret,   Manager, [Y,   Y,    Y,    Y,    Y,       H,    H,    N]),
        (ChangeSecret,   Member,  [Y,   Y,    H,    N,    N,       H,    H,    N]),
        (ChangeSecret,   Viewer,  [N,   N,    H,    N,    N,       H,    H,    N]),
    ];
    for (action, role, verdicts) in table {
        for ((owner, project, visibility), verdict) in RELATIONS.into_iter().zip(verdicts) {
            let target = Target { project, owner, visibility };
            let case = format!("{role:?} {action:?} {owner}'s of {project}, {visibility:?}");
            assert_eq!(may_on(&actor(role), action, &target), verdict, "{case}");
        }
    }
}

#[test]
fn jobs_are_seen_by_their_project_and_changed_by_their_owner_or_its_managers() {
    #[rustfmt::skip]
    let table = [
        //                   own  project's other's  another project's
        (ReadJob,   Admin,   [Y,  Y,                 Y]),
        (ReadJob,   Manager, [Y,  Y,                 H]),
        (ReadJob,   Member,  [Y,  Y,                 H]),
        (ReadJob,   Viewer,  [Y,  Y,                 H]),
        (ChangeJob, Admin,   [Y,  Y,                 Y]),
        (ChangeJob, Manager, [Y,  Y,                 H]),
        (ChangeJob, Member,  [Y,  N,                 H]),
        (ChangeJob, Viewer,  [N,  N,                 H]),
    ];
    let relations = [("alice", "vision"), ("bob", "vision"), ("bob", "speech")];
    for (action, role, verdicts) in table {
        for ((owner, project), verdict) in relations.into_iter().zip(verdicts) {
            let target = Target { project, owner, visibility: Visibility::Project };
            let case = format!("{role:?} {action:?} {owner}'s of {project}");
            assert_eq!(may_on(&actor(role), action, &target), verdict, "{case}");
        }
    }
}

#[test]
fn own_means_the_user_in_the_keys_own_project() {
    let target = |visibility| Target { project: "speech", owner: "alice", visibility };
    let member = actor(Member);
    assert_eq!(may_on(&member, ReadTemplate, &target(Visibility::Private)), H);
    assert_eq!(may_on(&member, ChangeTemplate, &target(Visibility::Public)), N);
}
