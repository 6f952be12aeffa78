//! Places where a key must not appear: the database, files that other users can read, debug output.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::json;

use super::{CREATE, new_key, status_of};
use crate::harness::{Host, ROOMY};

#[tokio::test]
async fn only_the_admin_key_file_contains_a_key() {
    let host = Host::start_without_loops(ROOMY).await;
    let member_key = host.key("alice", "vision", "member").await;
    assert_eq!(status_of(&host, &member_key).await, 200);
    let (admin, data) = (host.admin.clone(), host.dir.path().join("data"));
    let check = |when: &str| {
        let mut databases = 0;
        for entry in fs::read_dir(&data).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            let (path, bytes) = (entry.path(), fs::read(entry.path()).unwrap());
            let file = path.file_name().unwrap().to_str().unwrap();
            for (key, its_file) in [(&admin, "admin.key"), (&member_key, "none")] {
                // Searches for the secret part alone, since the part before it is public.
                let secret = key.rsplit('_').next().unwrap().as_bytes();
                let found = bytes.windows(secret.len()).any(|window| window == secret);
                assert_eq!(found, file == its_file, "{when}: {file}");
            }
            databases += u32::from(file.starts_with("trainyard.db"));
        }
        assert!(databases > 0);
    };
    check("while the server runs");
    let dir = host.close().await;
    check("after the server has ended");
    drop(dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_servers_user_can_read_the_file_with_its_address() {
    let daemon = crate::daemon::Daemon::start(ROOMY, &[]).await;
    let mode = fs::metadata(daemon.data().join("server.url")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn only_the_servers_user_can_read_the_data_directory() {
    let host = Host::start_without_loops(ROOMY).await;
    host.post("/v1/training/template/create", &json!({"name": "n"})).await.ok();
    let data = host.dir.path().join("data");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(&data).unwrap().map(Result::unwrap) {
        let expected = if entry.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry.path()), expected, "{}", entry.path().display());
        names.push(entry.file_name().into_string().unwrap());
    }
    assert!(names.contains(&"admin.key".to_owned()) && names.contains(&"trainyard.db".to_owned()), "{names:?}");
}

#[tokio::test]
async fn debug_output_hides_keys() {
    let host = Host::start_without_loops(ROOMY).await;
    let answer = host.post(CREATE, &new_key("viewer")).await.ok();
    let text = answer["key"].as_str().unwrap().to_owned();
    let created: trainyard_api::key::KeyCreated = serde_json::from_value(answer).unwrap();
    for printed in [format!("{created:?}"), format!("{:?}", host.client()), format!("{:?}", host.server)] {
        for key in [&text, &host.admin] {
            let secret = key.rsplit('_').next().unwrap();
            assert!(!printed.contains(secret), "{printed}");
        }
    }
    assert!(format!("{created:?}").contains("***"));
}
