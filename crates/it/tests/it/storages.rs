//! Storages of a centre and jobs that mount them. Storages are added and removed while the server runs, checked when a
//! job is created, and mounted when it starts.

mod aliases;

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Host, ROOMY};

const CREATE: &str = "/v1/training/instance/create";
const STORAGES: &str = "/v1/aidc/1/storage";

/// A server with one storage, which contains `sets/data`, and a directory for mount paths. `None`, with a message, if
/// this host permits no mounts.
struct World {
    host: Host,
    nas: PathBuf,
    mount_dir: TempDir,
}

impl World {
    async fn new() -> Option<Self> {
        let host = Host::start(ROOMY).await;
        let nas = host.dir.path().join("nas");
        fs::create_dir_all(nas.join("sets")).unwrap();
        fs::write(nas.join("sets/data"), "what is stored\n").unwrap();
        let centres = host.get("/v1/aidc/list").await.ok();
        if centres[0]["isolation"].as_str().unwrap().starts_with("NOT") {
            std::io::Write::write_all(&mut std::io::stderr(), b"skipped: this host permits no mount namespace\n")
                .unwrap();
            return None;
        }
        let world = Self { host, nas, mount_dir: TempDir::new().unwrap() };
        world.add("nas", false).await;
        Some(world)
    }

    async fn add(&self, id: &str, read_only: bool) {
        let body = json!({"storageId": id, "storageType": "nas-capacity", "path": self.nas, "readOnly": read_only});
        let created = self.host.post(&format!("{STORAGES}/create"), &body).await.ok();
        assert_eq!(created["storageId"], id);
    }

    fn mount_path(&self, name: &str) -> String {
        self.mount_dir.path().join(name).to_str().unwrap().to_owned()
    }

    async fn refused(&self, mounts: Value) -> Vec<(String, String)> {
        let body = json!({"createType": "CUSTOM", "startCommand": "true", "storageConfigs": mounts});
        let reply = self.host.post(CREATE, &body).await;
        assert_eq!(reply.status, 400, "{}", reply.body);
        reply.faults()
    }
}

fn pair(field: &str, code: &str) -> (String, String) {
    (field.to_owned(), code.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_sees_its_storage_and_not_the_servers_key() {
    let Some(world) = World::new().await else { return };
    let data = world.host.dir.path().join("data");
    let command = format!(
        "cat $AT/data; echo more >> $AT/new; cat {key} {own} 2>/dev/null; ls {data}/jobs | wc -l; ls $AT/.. | wc -l",
        key = data.join("admin.key").display(),
        own = world.nas.join("sets/data").display(),
        data = data.display(),
    );
    let mount = json!({"storageId": "nas", "fileDirectory": "/sets/", "mountPath": world.mount_path("deep/at")});
    let wants = json!({"storageConfigs": [mount], "env": {"AT": world.mount_path("deep/at")}});
    let job = world.host.job(&command, wants).await;
    let detail = world.host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(world.host.log(&job, 0).await, "what is stored\n1\n1\n");
    assert_eq!(fs::read_to_string(world.nas.join("sets/new")).unwrap(), "more\n");
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(world.mount_dir.path().to_str().unwrap()), "a mount is left over");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_mount_is_refused_with_its_path() {
    let Some(world) = World::new().await else { return };
    fs::write(world.mount_dir.path().join("file"), "").unwrap();
    std::os::unix::fs::symlink("/", world.nas.join("out")).unwrap();
    let at = world.mount_path("at");
    for (mounts, expected) in [
        (json!([{"mountPath": at, "fileDirectory": "none"}]), pair("storageConfigs[0].fileDirectory", "unknown")),
        (json!([{"mountPath": at, "fileDirectory": "out"}]), pair("storageConfigs[0].fileDirectory", "unknown")),
        (json!([{"mountPath": at, "fileDirectory": "sets/data"}]), pair("storageConfigs[0].fileDirectory", "unknown")),
        (json!([{"mountPath": at, "fileDirectory": "../x"}]), pair("storageConfigs[0].fileDirectory", "malformed")),
        (json!([{"mountPath": at, "storageId": "other"}]), pair("storageConfigs[0].storageId", "unknown")),
        (json!([{"mountPath": world.mount_path("file")}]), pair("storageConfigs[0].mountPath", "not_supported")),
        (json!([{"mountPath": "/proc/x"}]), pair("storageConfigs[0].mountPath", "not_supported")),
        (
            json!([{"mountPath": at}, {"mountPath": format!("{at}/in/")}]),
            pair("storageConfigs[1].mountPath", "duplicate"),
        ),
        (
            json!([{"mountPath": world.host.dir.path().join("data/jobs")}]),
            pair("storageConfigs[0].mountPath", "not_supported"),
        ),
    ] {
        assert_eq!(world.refused(mounts.clone()).await, [expected], "{mounts}");
    }
    // A mount of the template has no index in the request, so its path names it.
    let template = json!({"name": "t", "startCommand": "true",
        "storageConfigs": [{"mountPath": at, "fileDirectory": "none"}]});
    let id = world.host.post("/v1/training/template/create", &template).await.created_id();
    let reply = world.host.post(CREATE, &json!({"createType": "TEMPLATE", "templateId": id})).await;
    let field = format!("storageConfigs[\"{at}\"].fileDirectory");
    assert_eq!(reply.faults(), [pair(&field, "unknown")]);
    let preview = world.host.post(&format!("/v1/training/template/{id}/preview"), &json!({})).await.ok();
    assert_eq!((&preview["runnable"], &preview["problems"][0]["path"]), (&json!(false), &json!(field)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_removed_before_the_start_fails_the_job_once() {
    let Some(world) = World::new().await else { return };
    let blocker = world.host.job("sleep 600", json!({"resource": {"cpuCores": 64}, "stopGraceSeconds": 1})).await;
    world.host.wait_for_status(&blocker, "Running").await;
    let mount = json!({"mountPath": world.mount_path("at"), "fileDirectory": "sets"});
    let wants = json!({"storageConfigs": [mount], "enableAutoRetry": true, "maxRetryCount": 3});
    let job = world.host.job("true", wants).await;
    fs::rename(world.nas.join("sets"), world.nas.join("gone")).unwrap();
    world.host.stop(&blocker).await.ok();
    let detail = world.host.wait_for_end(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("CannotStart")), "{detail:#}");
    assert!(detail["message"].as_str().unwrap().contains("has no directory \"sets\""), "{detail:#}");
    assert_eq!(detail["attempts"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn storages_are_added_and_removed_and_survive_a_restart() {
    let config = format!(
        "{ROOMY}\n[[centre.storage]]\nid = \"fixed\"\ntype = \"nas-performance\"\npath = \"/data/fixed\"\nname = \"f\"\n"
    );
    let host = Host::start(&config).await;
    let nas = host.dir.path().join("nas");
    fs::create_dir(&nas).unwrap();
    fs::write(nas.join("file"), "").unwrap();
    let create = format!("{STORAGES}/create");
    for (body, faults) in [
        (json!({}), vec![pair("storageType", "required"), pair("path", "required")]),
        (
            json!({"storageType": "nfs", "path": "nas", "readOnly": 1, "name": "", "more": 1}),
            vec![
                pair("more", "unknown_field"),
                pair("storageType", "not_a_choice"),
                pair("path", "malformed"),
                pair("readOnly", "wrong_type"),
                pair("name", "malformed"),
            ],
        ),
        (json!({"storageType": "nas-capacity", "path": nas.join("none")}), vec![pair("path", "malformed")]),
        (json!({"storageType": "nas-capacity", "path": nas.join("file")}), vec![pair("path", "malformed")]),
        (json!({"storageType": "nas-capacity", "path": host.dir.path()}), vec![pair("path", "malformed")]),
        (json!({"storageType": "nas-capacity", "path": "/proc/self/root/tmp"}), vec![pair("path", "malformed")]),
    ] {
        assert_eq!(host.post(&create, &body).await.faults(), faults, "{body}");
    }
    let body = json!({"storageId": "mine", "storageType": "nas-capacity", "path": nas});
    let created = host.post(&create, &body).await.ok();
    assert_eq!(created, host.post(&create, &body).await.ok(), "a repeated create adds one storage");
    assert_eq!(created["path"], nas.canonicalize().unwrap().to_str().unwrap());
    let taken = json!({"storageId": "fixed", "storageType": "nas-capacity", "path": nas});
    assert_eq!(host.post(&create, &taken).await.code(), "storage_exists");
    assert_eq!(host.delete(&format!("{STORAGES}/fixed/delete")).await.code(), "storage_configured");

    let host = Host::open(host.close().await, &config).await;
    let listed = host.get(&format!("{STORAGES}/list")).await.ok();
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|one| (&one["storageId"], &one["configured"])).collect();
    assert_eq!(ids, [(&json!("fixed"), &json!(true)), (&json!("mine"), &json!(false))]);
    assert_eq!(host.get("/v1/aidc/list").await.ok()[0]["storages"], listed);
    host.delete(&format!("{STORAGES}/mine/delete")).await.ok();
    assert_eq!(host.delete(&format!("{STORAGES}/mine/delete")).await.status, 404);
    assert_eq!(host.get("/v1/aidc/7/storage/list").await.status, 404);
    assert_eq!(host.get(&format!("{STORAGES}/list")).await.ok().as_array().unwrap().len(), 1);
}
