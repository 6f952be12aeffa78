//! Permissions by role over HTTP: a hidden target gives 404, a visible target with a forbidden action gives 403.

mod jobs;
mod templates;

use std::{collections::BTreeSet, sync::Mutex};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    contract::operations,
    harness::{Host, ROOMY},
};

const ROLES: [&str; 4] = ["admin", "manager", "member", "viewer"];

/// Expected status: allowed, visible but forbidden, hidden.
const Y: u16 = 200;
const N: u16 = 403;
const H: u16 = 404;

/// Below these paths the answer depends on the owner and the project of the target.
const ONE_TEMPLATE: &str = "/v1/training/template/{id}/";
const ONE_JOB: &str = "/v1/training/instance/{id}/";

struct World {
    host: Host,
    /// The key under test of each role. All these keys belong to user alice in project vision.
    caller_keys: Vec<(&'static str, String)>,
    /// The keys that create templates and jobs, by user and project.
    owner_keys: Vec<((&'static str, &'static str), String)>,
    /// The operations that were called, each with the role of the caller.
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

    /// Asserts that every role called every operation that needs a key and is in the table, so that no row is missing.
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
        (Method::POST,   "/v1/secret/create", Some(json!({"name": "s", "value": "v"})), [Y, Y, Y, N]),
        (Method::GET,    "/v1/secret/list", None,                                    [Y, Y, Y, N]),
        (Method::DELETE, "/v1/secret/none/delete", None,                             [H, H, H, N]),
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
