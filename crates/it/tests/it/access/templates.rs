//! Calls for one template by role, owner, project and visibility.

use reqwest::Method;
use serde_json::json;

use super::{H, N, ONE_TEMPLATE, World, Y};

/// Owner, project and visibility of a template. The caller is always alice in project vision.
const RELATIONS: [(&str, &str, &str); 10] = [
    ("alice", "vision", "private"),
    ("alice", "vision", "project"),
    ("bob", "vision", "private"),
    ("bob", "vision", "project"),
    ("bob", "vision", "public"),
    ("bob", "speech", "private"),
    ("bob", "speech", "project"),
    ("bob", "speech", "public"),
    ("alice", "speech", "private"),
    ("alice", "speech", "public"),
];

#[tokio::test(flavor = "multi_thread")]
async fn access_to_templates_depends_on_role_and_relation() {
    let world = World::new().await;
    #[rustfmt::skip]
    let table = [
        //                    own        project's others'   another project's   own in another
        //                    priv proj  priv proj publ      priv proj publ      priv publ
        ("show",   "admin",   [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("show",   "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("show",   "member",  [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("show",   "viewer",  [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("list",   "admin",   [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("list",   "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("list",   "member",  [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("list",   "viewer",  [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("use",    "admin",   [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("use",    "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("use",    "member",  [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("use",    "viewer",  [N,  N,    N,   N,   N,        N,   N,   N,        N,   N]),
        ("update", "admin",   [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("update", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   N,        H,   N]),
        ("update", "member",  [Y,  Y,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("update", "viewer",  [N,  N,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("delete", "admin",   [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("delete", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   N,        H,   N]),
        ("delete", "member",  [Y,  Y,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("delete", "viewer",  [N,  N,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("version/list", "admin", [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("version/list", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("version/list", "member", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("version/list", "viewer", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("version/1/detail", "admin", [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("version/1/detail", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("version/1/detail", "member", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("version/1/detail", "viewer", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("diff?from=1&to=1", "admin", [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("diff?from=1&to=1", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("diff?from=1&to=1", "member", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("diff?from=1&to=1", "viewer", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("export", "admin", [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("export", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("export", "member", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("export", "viewer", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("preview", "admin", [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("preview", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("preview", "member", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("preview", "viewer", [N,  N,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("copy", "admin", [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("copy", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("copy", "member", [Y,  Y,    H,   Y,   Y,        H,   H,   Y,        H,   Y]),
        ("copy", "viewer", [N,  N,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("default-version", "admin", [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("default-version", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   N,        H,   N]),
        ("default-version", "member", [Y,  Y,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("default-version", "viewer", [N,  N,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("archive", "admin", [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("archive", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   N,        H,   N]),
        ("archive", "member", [Y,  Y,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("archive", "viewer", [N,  N,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("unarchive", "admin", [Y,  Y,    Y,   Y,   Y,        Y,   Y,   Y,        Y,   Y]),
        ("unarchive", "manager", [Y,  Y,    Y,   Y,   Y,        H,   H,   N,        H,   N]),
        ("unarchive", "member", [Y,  Y,    H,   N,   N,        H,   H,   N,        H,   N]),
        ("unarchive", "viewer", [N,  N,    H,   N,   N,        H,   H,   N,        H,   N]),
    ];
    for (action, role, verdicts) in table {
        for (relation, expected) in RELATIONS.into_iter().zip(verdicts) {
            let name = format!("{action} as {role}, {relation:?}");
            let id = world.template(&name, relation).await;
            let found = perform(&world, action, role, &name, &id).await;
            assert_eq!(found, expected, "{name}");
        }
    }
    world.assert_all_called(|path| path.starts_with(ONE_TEMPLATE));
}

/// Performs an action on a template and returns its status. A list and a create report a hidden template by other means
/// than a 404; both are translated to [`H`].
async fn perform(world: &World, action: &str, role: &str, name: &str, id: &str) -> u16 {
    let at = |rest: &str| format!("/v1/training/template/{id}/{rest}");
    match action {
        "show" => world.call(role, Method::GET, &at("detail"), None).await.0,
        "update" => world.call(role, Method::PUT, &at("update"), Some(json!({"name": name, "desc": "new"}))).await.0,
        "delete" => world.call(role, Method::DELETE, &at("delete"), None).await.0,
        "preview" => world.call(role, Method::POST, &at("preview"), Some(json!({}))).await.0,
        "copy" => world.call(role, Method::POST, &at("copy"), Some(json!({"name": format!("of {name}")}))).await.0,
        "default-version" => world.call(role, Method::POST, &at(action), Some(json!({"version": 1}))).await.0,
        "archive" | "unarchive" => world.call(role, Method::POST, &at(action), None).await.0,
        reading if reading == "export" || reading.starts_with("version/") || reading.starts_with("diff") => {
            world.call(role, Method::GET, &at(reading), None).await.0
        }
        "list" => {
            let path = "/v1/training/template/list?pageSize=1";
            let (status, page) = world.call(role, Method::GET, &format!("{path}&name={name}"), None).await;
            assert_eq!(status, 200);
            if page["totalRows"] == 1 { Y } else { H }
        }
        _ => {
            let body = json!({"createType": "TEMPLATE", "templateId": id});
            match world.call(role, Method::POST, "/v1/training/instance/create", Some(body)).await {
                (400, data) if data["errors"][0]["field"] == "templateId" => H,
                (status, _) => status,
            }
        }
    }
}
