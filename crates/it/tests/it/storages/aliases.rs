//! A storage must not show the data directory under another name: it is refused at each point where the
//! server can check.

use std::{fs, path::Path, process::Command};

use serde_json::json;
use tempfile::TempDir;
use trainyard_server::{
    Server,
    clock::Clock,
    config::{Overrides, load_with},
};

use super::{CREATE, STORAGES, pair};
use crate::harness::{Host, PROGRAM, ROOMY};

/// A second path of the directory for temporary files. Set only when the test runs itself again.
const ALIAS: &str = "TRAINYARD_TEST_ALIAS";

/// Runs the test again in its own mount namespace, which only root can create.
fn again_with_an_alias() {
    if !rustix::process::geteuid().is_root() {
        std::io::Write::write_all(&mut std::io::stderr(), b"skipped: only root can mount an alias\n").unwrap();
        return;
    }
    let (temporary, alias) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let done = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c"])
        .arg("mount --bind \"$TMPDIR\" \"$TRAINYARD_TEST_ALIAS\" && exec \"$@\"")
        .arg("sh")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "storages::aliases::an_alias_of_the_data_directory_is_refused_as_a_storage"])
        .env("TMPDIR", temporary.path())
        .env(ALIAS, alias.path())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && message.contains("1 passed"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_of_the_data_directory_is_refused_as_a_storage() {
    let Some(alias) = std::env::var_os(ALIAS) else { return again_with_an_alias() };
    let alias = Path::new(&alias);
    let host = Host::start(ROOMY).await;
    let own = alias.join(host.dir.path().file_name().unwrap());
    for path in [alias, &own, &own.join("data"), &own.join("data/jobs")] {
        let body = json!({"storageId": "nas", "storageType": "nas-capacity", "path": path});
        let reply = host.post(&format!("{STORAGES}/create"), &body).await;
        assert_eq!(reply.faults(), [pair("path", "malformed")], "{}", path.display());
        assert!(reply.body.to_string().contains("under every name"), "{}", reply.body);
    }
    // A storage that was valid when it was added may become invalid.
    let (nas, inner) = (host.dir.path().join("nas"), host.dir.path().join("nas/inner"));
    fs::create_dir_all(&inner).unwrap();
    let body = json!({"storageId": "nas", "storageType": "nas-capacity", "path": nas});
    host.post(&format!("{STORAGES}/create"), &body).await.ok();
    let mounted = Command::new("mount").arg("--bind").arg(host.dir.path().join("data")).arg(&inner).status().unwrap();
    assert!(mounted.success());
    let body = json!({"createType": "CUSTOM", "startCommand": "true",
        "storageConfigs": [{"mountPath": alias.join("at")}]});
    let is_isolated = !host.get("/v1/aidc/list").await.ok()[0]["isolation"].as_str().unwrap().starts_with("NOT");
    let refused = host.post(CREATE, &body).await;
    assert!(
        !is_isolated || refused.faults() == [pair("storageConfigs[0].storageId", "not_supported")],
        "{}",
        refused.body
    );

    let dir = Host::open(host.close().await, ROOMY).await.close().await;
    let config = format!(
        "{ROOMY}\n[[centre.storage]]\nid = \"fixed\"\ntype = \"nas-capacity\"\npath = \"{}\"\n",
        own.join("data/jobs").display()
    );
    fs::write(dir.path().join("config.toml"), config).unwrap();
    let overrides = Overrides {
        config: Some(dir.path().join("config.toml")),
        data_dir: Some(dir.path().join("data")),
        ..Overrides::default()
    };
    let config = load_with(overrides, |_| None).unwrap();
    let message = Server::open(&config, Clock::system(), Path::new(PROGRAM)).await.unwrap_err().to_string();
    assert!(message.contains("centre 1: the storage \"fixed\" shows the server's data directory"), "{message}");
}
