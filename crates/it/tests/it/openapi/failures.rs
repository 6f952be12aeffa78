//! Every operation fails in each documented way and in no other.

use std::{collections::BTreeSet, path::Path};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    contract::{Answer, Operation, documented, minimal_body, minimal_query, operations},
    harness::{Host, ROOMY, pod_name},
};

/// One byte more than the limit of a body.
const TOO_LARGE: usize = 256 * 1024 + 1;

/// A server with two templates, a queued job and a key with the role viewer.
struct World {
    host: Host,
    template: String,
    job: String,
    viewer: String,
    seen: BTreeSet<Answer>,
}

impl World {
    async fn new() -> Self {
        // Without loops the job stays queued and cannot be deleted.
        let host = Host::start_without_loops(ROOMY).await;
        let template = host.post("/v1/training/template/create", &json!({"name": "one"})).await.created_id();
        host.post("/v1/training/template/create", &json!({"name": "two"})).await.ok();
        let job = host.job("true", json!({})).await;
        let viewer = host.key("victor", "default", "viewer").await;
        Self { host, template, job, viewer, seen: BTreeSet::new() }
    }

    /// Returns the operation's path with the ids of existing objects.
    fn path(&self, operation: &Operation) -> String {
        let id = match operation.path {
            path if path.contains("/template/") => self.template.as_str(),
            path if path.contains("/instance/") => self.job.as_str(),
            // Centre 99 does not exist. The server checks the centre last, so the other failures come first.
            path if path.contains("/aidc/") => "99",
            _ => "key_00000000000000000000",
        };
        let path = operation.path.replace("{id}", id).replace("{podName}", &pod_name(&self.job, 0));
        path.replace("{n}", "1").replace("{storageId}", "none").replace("{name}", "none") + minimal_query(operation.id)
    }

    /// Returns a valid request, apart from the path and the key that the caller chooses.
    fn call(&self, operation: &Operation, path: &str, key: &str) -> RequestBuilder {
        let request = self.host.request(operation.method.parse().unwrap(), path, key);
        match minimal_body(operation.id) {
            Some(body) => request.header("if-match", "\"1\"").json(&body),
            None => request,
        }
    }

    /// Sends a request that must fail with this status, and returns the data of the failure.
    async fn fails(&mut self, status: u16, request: RequestBuilder) -> Value {
        let reply = self.host.send(request).await;
        assert_eq!(reply.status, status, "{}", reply.body);
        self.seen.extend(reply.answer);
        reply.body["data"].clone()
    }
}

#[tokio::test]
async fn every_documented_failure_occurs_and_no_other() {
    let mut world = World::new().await;
    for operation in operations() {
        // The probes take no key and always succeed here.
        if operation.id != "healthz" && operation.id != "readyz" {
            for status in operation.statuses() {
                provoke(&mut world, &operation, status).await;
            }
        }
    }
    conflicts(&mut world).await;
    stale_revision(&mut world).await;
    closed_store(&mut world).await;
    let mut seen = std::mem::take(&mut world.seen);
    damaged_database(world, &mut seen).await;

    let failures: BTreeSet<_> = documented().into_iter().filter(|answer| answer.status != 200).collect();
    let never: Vec<_> = failures.difference(&seen).collect();
    assert!(never.is_empty(), "documented but never returned: {never:#?}");
}

/// Provokes the failures that every operation of one kind has in common.
async fn provoke(world: &mut World, operation: &Operation, status: u16) {
    let path = world.path(operation);
    let admin = world.host.admin.clone();
    let takes_body = minimal_body(operation.id).is_some();
    match status {
        400 => {
            let path = format!("{path}{}pageNumber=1", if path.contains('?') { '&' } else { '?' });
            let data = world.fails(400, world.call(operation, &path, &admin)).await;
            assert_eq!((&data["code"], &data["errors"][0]["field"]), (&json!("bad_query"), &json!("pageNumber")));
        }
        401 => drop(world.fails(401, world.call(operation, &path, "")).await),
        403 => drop(world.fails(403, world.call(operation, &path, &world.viewer)).await),
        404 => {
            let unknown = path.replace(&world.template, "tpl_00000000000000000000");
            let unknown = unknown.replace(&world.job, "job_00000000000000000000");
            world.fails(404, world.call(operation, &unknown, &admin)).await;
        }
        413 if takes_body => {
            let large = format!("\"{}\"", "x".repeat(TOO_LARGE - 2));
            world.fails(413, world.call(operation, &path, &admin).body(large)).await;
        }
        415 if takes_body => {
            let request = world.host.request(operation.method.parse().unwrap(), &path, &admin);
            world.fails(415, request.header("content-type", "text/plain").body("{}")).await;
        }
        _ => {}
    }
}

async fn conflicts(world: &mut World) {
    let (admin, job) = (world.host.admin.clone(), world.job.clone());
    let post = |path: &str, body: Value| world.host.request(Method::POST, path, &admin).json(&body);
    let other_content = post("/v1/training/template/create", json!({"name": "one", "priority": 3}));
    let update = format!("/v1/training/template/{}/update", world.template);
    let other_name = world.host.request(Method::PUT, &update, &admin).header("if-match", "1");
    let copy = format!("/v1/training/template/{}/copy", world.template);
    let save = format!("/v1/training/instance/{job}/save-as-template");
    let import = post("/v1/training/template/import", json!({"text": "name: two\npriority: 3\n"}));
    let (copy, save) =
        (post(&copy, json!({"name": "two", "visibility": "public"})), post(&save, json!({"name": "two"})));
    let create = |command: &str| {
        let body = json!({"createType": "CUSTOM", "startCommand": command});
        post("/v1/training/instance/create", body).header("idempotency-key", "again")
    };
    let (first, other_body) = (create("true"), create("false"));
    let running = world.host.request(Method::DELETE, &format!("/v1/training/instance/{job}/delete"), &admin);
    let over = world.host.job("true", json!({})).await;
    world.host.stop(&over).await.ok();
    let late = world.host.request(Method::PUT, &format!("/v1/training/instance/{over}/timeout"), &admin);
    let early = world.host.request(Method::POST, &format!("/v1/training/instance/{job}/restart"), &admin);
    let keys = world.host.get("/v1/api-key/list").await.ok();
    let of_admin = keys["records"].as_array().unwrap().iter().find(|key| key["role"] == "admin").unwrap();
    let last = format!("/v1/api-key/{}/delete", of_admin["id"].as_str().unwrap());
    let last = world.host.request(Method::DELETE, &last, &admin);
    let dir = world.host.dir.path().to_str().unwrap().to_owned() + "/nas";
    std::fs::create_dir(&dir).unwrap();
    let storage = |read_only: bool| {
        let body = json!({"storageId": "s", "storageType": "nas-capacity", "path": dir, "readOnly": read_only});
        post("/v1/aidc/1/storage/create", body)
    };
    let (added, other_storage) = (storage(false), storage(true));
    let used = json!({"createType": "CUSTOM", "startCommand": "true", "storageConfigs": [{"mountPath": "/mnt"}]});
    let used = post("/v1/training/instance/create", used);
    let in_use = world.host.request(Method::DELETE, "/v1/aidc/1/storage/s/delete", &admin);
    let secret = |value: &str| post("/v1/secret/create", json!({"name": "s", "value": value}));
    let (secret, other_value) = (secret("v"), secret("w"));

    world.host.send(first).await.ok();
    world.host.send(added).await.ok();
    world.host.send(secret).await.ok();
    world.host.send(used).await.ok();
    for (request, code) in [
        (other_content, "name_taken"),
        (other_name.json(&json!({"name": "two"})), "name_taken"),
        (import, "name_taken"),
        (copy, "name_taken"),
        (save, "name_taken"),
        (other_body, "idempotency_conflict"),
        (running, "not_ended"),
        (early, "not_ended"),
        (late.json(&json!({"timeoutSeconds": 60})), "already_ended"),
        (last, "last_admin_key"),
        (other_storage, "storage_exists"),
        (in_use, "storage_in_use"),
        (other_value, "secret_exists"),
    ] {
        let data = world.fails(409, request).await;
        assert_eq!(data["code"], code);
    }
}

async fn stale_revision(world: &mut World) {
    let path = format!("/v1/training/template/{}/update", world.template);
    let update = || world.host.request(Method::PUT, &path, &world.host.admin).json(&json!({"name": "one"}));
    let (without, stale) = (update(), update().header("if-match", "\"7\""));
    world.fails(428, without).await;
    let data = world.fails(412, stale).await;
    assert_eq!(data["revision"], 1);
    let path = format!("/v1/training/template/{}/default-version", world.template);
    let request = world.host.request(Method::POST, &path, &world.host.admin).json(&json!({"version": 1}));
    world.fails(412, request.header("if-match", "\"7\"")).await;
}

/// A closed store gives 503. With a key that the server has not seen since its start every call needs the store.
async fn closed_store(world: &mut World) {
    let unseen = world.host.key("ulla", "default", "admin").await;
    world.host.server.app.store.close().await;
    for operation in operations().filter(|operation| operation.statuses().contains(&503)) {
        let path = world.path(&operation);
        world.fails(503, world.call(&operation, &path, &unseen)).await;
    }
}

/// A row that the server cannot have written gives 500: the row of a key.
async fn damaged_database(world: World, seen: &mut BTreeSet<Answer>) {
    let World { host, template, job, viewer, .. } = world;
    let admin = host.admin.clone();
    let dir = host.close().await;
    damage_hash(&dir.path().join("data/trainyard.db"), &admin);
    let host = Host::open(dir, ROOMY).await;
    let mut world = World { host, template, job, viewer, seen: BTreeSet::new() };
    for operation in operations().filter(|operation| operation.statuses().contains(&500)) {
        let path = world.path(&operation);
        world.fails(500, world.call(&operation, &path, &admin)).await;
    }
    seen.append(&mut world.seen);
}

/// Puts a character that is no hexadecimal digit into the stored hash of a key. In its row the hash follows the public
/// part of the key's text, `tyk_<8 digits>_…`.
fn damage_hash(database: &Path, key: &str) {
    let public = &key.as_bytes()[4..12];
    let mut bytes = std::fs::read(database).unwrap();
    let is_row = |at: &usize| {
        let row = &bytes[*at..];
        row.starts_with(public) && row.len() > 72 && row[8..72].iter().all(u8::is_ascii_hexdigit)
    };
    let row = (0..bytes.len()).find(is_row).expect("the key's row");
    bytes[row + 8] = b'z';
    std::fs::write(database, bytes).unwrap();
}
