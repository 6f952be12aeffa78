//! Who may do what, over HTTP, cell by cell: what one may not see is 404, what one may see and not do is 403.

use std::{collections::BTreeSet, sync::Mutex};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    contract::operations,
    harness::{Host, ROOMY, pod_name},
};

const ROLES: [&str; 4] = ["admin", "manager", "member", "viewer"];

/// The owner and the project of a template beside the caller, who is alice of vision, and its visibility.
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

/// Done; may be seen and not done; may not be seen.
const Y: u16 = 200;
const N: u16 = 403;
const H: u16 = 404;

/// Below these, the answer depends on who owns what.
const ONE_TEMPLATE: &str = "/v1/training/template/{id}/";
const ONE_JOB: &str = "/v1/training/instance/{id}/";

struct World {
    host: Host,
    /// The caller's keys, by role.
    caller_keys: Vec<(&'static str, String)>,
    /// Keys with which things are made, by user and project.
    owner_keys: Vec<((&'static str, &'static str), String)>,
    /// Operations that were called for, each with the role that did.
    called: Mutex<BTreeSet<(String, String)>>,
}

impl World {
    async fn new() -> Self {
        let host = Host::start_without_loops(ROOMY).await;
        let mut caller_keys = Vec::new();
        for role in ROLES {
            caller_keys.push((role, host.key("alice", "vision", role).await));
        }
        let mut owner_keys = Vec::new();
        for owner in [("alice", "vision"), ("bob", "vision"), ("bob", "speech"), ("alice", "speech")] {
            owner_keys.push((owner, host.key(owner.0, owner.1, "member").await));
        }
        Self { host, caller_keys, owner_keys, called: Mutex::default() }
    }

    fn caller_key(&self, role: &str) -> &str {
        &self.caller_keys.iter().find(|(name, _)| *name == role).unwrap().1
    }

    fn owner_key(&self, user: &str, project: &str) -> &str {
        &self.owner_keys.iter().find(|(owner, _)| *owner == (user, project)).unwrap().1
    }

    async fn template(&self, name: &str, (owner, project, visibility): (&str, &str, &str)) -> String {
        let body = json!({"name": name, "visibility": visibility, "startCommand": "true"});
        let path = "/v1/training/template/create";
        let request = self.host.request(Method::POST, path, self.owner_key(owner, project));
        self.host.send(request.json(&body)).await.created_id()
    }

    async fn call(&self, role: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.host.request(method, path, self.caller_key(role));
        let request = match body {
            Some(body) => request.header("if-match", "\"1\"").json(&body),
            None => request,
        };
        let reply = self.host.send(request).await;
        let operation = reply.answer.map(|answer| answer.operation).unwrap_or_default();
        self.called.lock().unwrap().insert((operation, role.to_owned()));
        (reply.status, reply.body["data"].clone())
    }

    /// Each role has tried each operation that takes a key and has such a path: a table lacks no row.
    fn assert_all_called(&self, is_in_table: impl Fn(&str) -> bool) {
        let called = self.called.lock().unwrap();
        let with_key = operations().filter(|operation| operation.statuses().contains(&401));
        let mut count = 0;
        for operation in with_key.filter(|operation| is_in_table(operation.path)) {
            for role in ROLES {
                assert!(called.contains(&(operation.id.to_owned(), role.to_owned())), "{} as {role}", operation.id);
            }
            count += 1;
        }
        assert!(count > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_by_role_and_relation() {
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

/// Does something to a template; a list and a job's creation say in their own ways that they know of none.
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

#[tokio::test(flavor = "multi_thread")]
async fn jobs_by_role_and_relation() {
    let world = World::new().await;
    let mut jobs = Vec::new();
    for (owner, project) in [("alice", "vision"), ("bob", "vision"), ("bob", "speech"), ("alice", "speech")] {
        let body = json!({"createType": "CUSTOM", "startCommand": "true", "name": format!("{owner} {project}")});
        let request = world.host.request(Method::POST, "/v1/training/instance/create", world.owner_key(owner, project));
        jobs.push(world.host.send(request.json(&body)).await.created_id());
    }
    // They have their workers, which nobody begins: a job that may be deleted has not ended yet.
    world.host.scheduler_pass().await;
    const E: u16 = 409;
    #[rustfmt::skip]
    let table = [
        //                        own  project's  another's  own in another
        ("read",       "admin",   [Y,  Y,         Y,         Y]),
        ("read",       "manager", [Y,  Y,         H,         H]),
        ("read",       "member",  [Y,  Y,         H,         H]),
        ("read",       "viewer",  [Y,  Y,         H,         H]),
        ("save",       "admin",   [Y,  Y,         Y,         Y]),
        ("save",       "manager", [Y,  Y,         H,         H]),
        ("save",       "member",  [Y,  Y,         H,         H]),
        ("save",       "viewer",  [N,  N,         H,         H]),
        ("delete",     "admin",   [E,  E,         E,         E]),
        ("delete",     "manager", [E,  E,         H,         H]),
        ("delete",     "member",  [E,  N,         H,         H]),
        ("delete",     "viewer",  [N,  N,         H,         H]),
        ("restart",    "admin",   [E,  E,         E,         E]),
        ("restart",    "manager", [E,  E,         H,         H]),
        ("restart",    "member",  [E,  N,         H,         H]),
        ("restart",    "viewer",  [N,  N,         H,         H]),
        ("timeout",    "admin",   [Y,  Y,         Y,         Y]),
        ("timeout",    "manager", [Y,  Y,         H,         H]),
        ("timeout",    "member",  [Y,  N,         H,         H]),
        ("timeout",    "viewer",  [N,  N,         H,         H]),
        ("stop",       "viewer",  [N,  N,         H,         H]),
        ("stop",       "member",  [Y,  N,         H,         H]),
        ("stop",       "manager", [Y,  Y,         H,         H]),
        ("stop",       "admin",   [Y,  Y,         Y,         Y]),
    ];
    for (action, role, verdicts) in table {
        for (job, expected) in jobs.iter().zip(verdicts) {
            let worker = pod_name(job, 0);
            let (method, paths) = match action {
                "stop" => (Method::POST, vec!["stop".to_owned()]),
                "restart" => (Method::POST, vec!["restart".to_owned()]),
                "timeout" => (Method::PUT, vec!["timeout".to_owned()]),
                "save" => (Method::POST, vec!["save-as-template".to_owned()]),
                "delete" => (Method::DELETE, vec!["delete".to_owned()]),
                _ => {
                    let of_worker = ["basic", "log", "log/search?q=x", "open-port/list"];
                    let of_worker = of_worker.map(|what| format!("{worker}/{what}"));
                    let of_job = ["detail", "event/list", "pod/list"].map(str::to_owned);
                    (Method::GET, of_job.into_iter().chain(of_worker).collect())
                }
            };
            for path in paths {
                let path = format!("/v1/training/instance/{job}/{path}");
                let body = match action {
                    "save" => Some(json!({"name": format!("{role} {job}")})),
                    "timeout" => Some(json!({"timeoutSeconds": 60})),
                    _ => None,
                };
                let (status, data) = world.call(role, method.clone(), &path, body).await;
                assert_eq!(status, expected, "{action} as {role}: {path} {data}");
            }
        }
    }
    for (role, expected) in [("admin", 4), ("manager", 2), ("member", 2), ("viewer", 2)] {
        let (_, page) = world.call(role, Method::GET, "/v1/training/instance/list", None).await;
        assert_eq!(page["totalRows"], expected, "{role}");
    }
    world.assert_all_called(|path| path.starts_with(ONE_JOB));
}

#[tokio::test]
async fn calls_without_a_target_depend_only_on_the_role() {
    let world = World::new().await;
    let key = json!({"name": "k", "user": "u", "project": "p", "role": "viewer"});
    let job = json!({"createType": "CUSTOM", "startCommand": "true"});
    let storage = json!({"storageType": "nas-capacity", "path": "/nowhere"});
    #[rustfmt::skip]
    let table = [
        //                                                                  admin manager member viewer
        (Method::POST,   "/v1/training/template/create", Some(json!({"name": "n"})), [Y, Y, Y, N]),
        (Method::GET,    "/v1/training/template/list", None,                         [Y, Y, Y, Y]),
        (Method::GET,    "/v1/training/template/name-available?name=n", None,        [Y, Y, Y, N]),
        (Method::POST,   "/v1/training/template/import", Some(json!({"text": "name: m"})), [Y, Y, Y, N]),
        (Method::POST,   "/v1/training/instance/create", Some(job),                  [Y, Y, Y, N]),
        (Method::GET,    "/v1/training/instance/list", None,                         [Y, Y, Y, Y]),
        (Method::GET,    "/v1/training/instance/checkIsEnabled", None,               [Y, Y, Y, Y]),
        (Method::GET,    "/v1/product/list-for-training-task", None,                 [Y, Y, Y, Y]),
        (Method::GET,    "/v1/aidc/list", None,                                      [Y, Y, Y, Y]),
        (Method::POST,   "/v1/aidc/9/storage/create", Some(storage),                 [H, N, N, N]),
        (Method::GET,    "/v1/aidc/1/storage/list", None,                            [Y, Y, Y, Y]),
        (Method::DELETE, "/v1/aidc/1/storage/none/delete", None,                     [H, N, N, N]),
        (Method::POST,   "/v1/api-key/create", Some(key),                            [Y, N, N, N]),
        (Method::GET,    "/v1/api-key/list", None,                                   [Y, N, N, N]),
        (Method::DELETE, "/v1/api-key/key_00000000000000000000/delete", None,        [H, N, N, N]),
    ];
    for (method, path, body, verdicts) in table {
        for (role, expected) in ROLES.into_iter().zip(verdicts) {
            let (status, _) = world.call(role, method.clone(), path, body.clone()).await;
            assert_eq!(status, expected, "{method} {path} as {role}");
        }
    }
    world.assert_all_called(|path| !path.starts_with(ONE_TEMPLATE) && !path.starts_with(ONE_JOB));
}

#[tokio::test]
async fn a_hidden_template_gets_the_answer_of_a_missing_one() {
    let world = World::new().await;
    let hidden = world.template("hidden", ("bob", "speech", "project")).await;
    let missing = "tpl_00000000000000000000";
    for path in ["detail", "delete"] {
        let method = if path == "detail" { Method::GET } else { Method::DELETE };
        let mut answers = Vec::new();
        for id in [hidden.as_str(), missing] {
            let request = world.host.request(
                method.clone(),
                &format!("/v1/training/template/{id}/{path}"),
                world.caller_key("member"),
            );
            let reply = world.host.send(request).await;
            answers.push(reply.body.to_string().replace(id, "ID"));
        }
        assert_eq!(answers[0], answers[1]);
    }
}
