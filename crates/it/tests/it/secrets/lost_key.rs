//! The file `secret.key`: backups do not contain it, and without it the secrets say that they cannot be opened.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::json;
use trainyard_server::backup;

use super::{CREATE, LIST, create};
use crate::harness::{Host, ROOMY};

const VALUE: &str = "hunter2-hunter2-hunter2";

/// Whether a file contains the value, as it is or in hexadecimal digits.
fn contains_value(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap();
    let digits: String = VALUE.bytes().map(|byte| format!("{byte:02x}")).collect();
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    has(VALUE) || has(&digits)
}

#[tokio::test]
async fn the_database_and_a_backup_contain_neither_values_nor_the_key() {
    let host = Host::start_without_loops(ROOMY).await;
    create(&host, &host.admin, json!({"name": "wandb", "value": VALUE})).await.ok();
    let data = host.dir.path().join("data");
    let key = fs::read_to_string(data.join("secret.key")).unwrap();
    let file = host.dir.path().join("backup");
    backup::make(&data, &file).await.unwrap();
    let databases = ["trainyard.db", "trainyard.db-wal"].map(|name| data.join(name));
    for path in databases.iter().chain([&file]) {
        assert!(!contains_value(path), "{}", path.display());
        let bytes = fs::read(path).unwrap();
        assert!(!bytes.windows(64).any(|window| window == key.trim().as_bytes()), "{}", path.display());
    }
    assert_eq!(fs::metadata(data.join("secret.key")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_server_without_the_key_starts_and_says_which_secrets_it_cannot_open() {
    let host = Host::start_without_loops(ROOMY).await;
    for name in ["a", "b"] {
        host.post(CREATE, &json!({"name": name, "value": VALUE})).await.ok();
    }
    let dir = host.close().await;
    let path = dir.path().join("data/secret.key");
    let key = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();

    let host = Host::open(dir, ROOMY).await;
    let usable = async || -> Vec<bool> {
        let page = host.get(LIST).await.ok();
        page["records"].as_array().unwrap().iter().map(|secret| secret["usable"] == true).collect()
    };
    assert_eq!(usable().await, [false, false]);
    // What cannot be opened is another value, even if the text is the same.
    assert_eq!(host.post(CREATE, &json!({"name": "a", "value": VALUE})).await.code(), "secret_exists");
    host.post(CREATE, &json!({"name": "a", "value": VALUE, "replace": true})).await.ok();
    assert_eq!(usable().await, [true, false]);
    assert_ne!(fs::read_to_string(&path).unwrap(), key, "a new key");

    let dir = host.close().await;
    fs::write(&path, &key).unwrap();
    let host = Host::open(dir, ROOMY).await;
    let page = host.get(LIST).await.ok();
    let usable: Vec<_> = page["records"].as_array().unwrap().iter().map(|secret| secret["usable"] == true).collect();
    assert_eq!(usable, [false, true]);
}

#[tokio::test]
async fn a_damaged_key_file_refuses_new_secrets_and_nothing_else() {
    let host = Host::start_without_loops(ROOMY).await;
    host.post(CREATE, &json!({"name": "a", "value": VALUE})).await.ok();
    let dir = host.close().await;
    fs::write(dir.path().join("data/secret.key"), "damaged").unwrap();
    let host = Host::open(dir, ROOMY).await;
    let refused = host.post(CREATE, &json!({"name": "b", "value": VALUE})).await;
    assert_eq!(refused.status, 503);
    let message = refused.body["message"].as_str().unwrap();
    assert!(message.contains("secret.key is not a key of 64 hexadecimal digits"), "{message}");
    assert_eq!(host.get(LIST).await.ok()["records"][0]["usable"], false);
    host.post("/v1/training/template/create", &json!({"name": "n"})).await.ok();
    host.delete("/v1/secret/a/delete").await.ok();
}
