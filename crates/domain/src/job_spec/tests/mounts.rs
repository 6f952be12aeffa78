//! Mounts against the storages of a centre: the storage, the mount path, and whether it is read-only.

use serde_json::{Value, json};

use super::prepare::prepared_on;
use crate::{
    job_spec::{Centre, Prepared, Storage, StorageType},
    merge::Source,
    samples::{centre, lines},
};

fn storage(id: &str, read_only: bool) -> Storage {
    let path = format!("/data/{id}");
    Storage { id: id.to_owned(), name: None, kind: StorageType::Capacity, path, read_only }
}

fn with(storages: &[Storage], mounts: Value) -> Prepared {
    let centre =
        Centre { storages: storages.to_vec(), data_dir: Some("/var/lib/trainyard/".to_owned()), ..centre(8, 16, &[]) };
    prepared_on(json!({"startCommand": "true", "storageConfigs": mounts}), &[centre])
}

#[track_caller]
fn check(storages: &[Storage], mounts: Value, problems: &[&str], warnings: &[&str]) {
    let prepared = with(storages, mounts);
    assert_eq!(lines(&prepared.problems), problems);
    assert_eq!(lines(&prepared.warnings), warnings);
}

#[test]
fn a_mount_is_read_only_if_it_or_its_storage_is() {
    let storages = [storage("open", false), storage("sets", true)];
    let mounts = json!([
        {"mountPath": "/a/", "storageId": "open", "onlyRead": true, "fileDirectory": "x"},
        {"mountPath": "/b", "storageId": "open", "onlyRead": false},
        {"mountPath": "/c", "storageId": "sets"},
        {"mountPath": "/d", "storageId": "sets", "onlyRead": false},
    ]);
    let prepared = with(&storages, mounts);
    assert_eq!(lines(&prepared.warnings), [r#"storageConfigs["/d"].onlyRead suspicious"#]);
    let mounts = prepared.spec.unwrap().mounts;
    let seen: Vec<_> = mounts.iter().map(|mount| (mount.mount_path.as_str(), mount.read_only)).collect();
    assert_eq!(seen, [("/a", true), ("/b", false), ("/c", true), ("/d", true)]);
    assert_eq!((mounts[0].storage_id.as_deref(), mounts[0].directory.as_deref()), (Some("open"), Some("x")));
}

#[test]
fn a_storage_must_be_known_and_need_not_be_named_where_it_is_the_only_one() {
    let (one, other) = (storage("one", false), storage("other", false));
    let unnamed = || json!([{"mountPath": "/a"}]);
    check(&[], unnamed(), &[r#"storageConfigs["/a"].storageId required"#], &[]);
    check(&[one.clone(), other.clone()], unnamed(), &[r#"storageConfigs["/a"].storageId required"#], &[]);
    let found = with(std::slice::from_ref(&one), unnamed());
    assert_eq!(found.document["storageConfigs"][0]["storageId"], "one");
    assert_eq!(found.provenance[r#"storageConfigs["/a"].storageId"#], Source::Default);
    let wrong = json!([{"mountPath": "/a", "storageId": "two"}]);
    let prepared = with(&[one.clone(), other], wrong);
    assert_eq!(lines(&prepared.problems), [r#"storageConfigs["/a"].storageId unknown"#]);
    assert!(prepared.problems[0].message.ends_with("it has one, other"), "{:?}", prepared.problems);
    let kind = json!([{"mountPath": "/a", "storageId": "one", "storageType": "nas-performance"}]);
    check(&[one], kind, &[], &[r#"storageConfigs["/a"].storageType suspicious"#]);
}

#[test]
fn a_mount_path_is_separate_from_the_system_the_data_directory_and_other_mounts() {
    let storages = [storage("one", false)];
    for (place, is_right) in [
        ("/root/nas/123", true),
        ("/data/one", true),
        ("/processed", true),
        ("/var/lib/trainyard2", true),
        ("/", false),
        ("//.", false),
        ("/proc", false),
        ("/proc/1", false),
        ("//sys/", false),
        ("/dev/shm", false),
        ("/var/lib/trainyard", false),
        ("/var/lib/trainyard/jobs/x", false),
        ("/var/lib", false),
    ] {
        let found = with(&storages, json!([{"mountPath": place}]));
        assert_eq!(found.problems.is_empty(), is_right, "{place}: {:?}", found.problems);
        assert!(found.problems.iter().all(|fault| fault.path.ends_with(".mountPath")), "{place}");
    }
    let inside = json!([{"mountPath": "/a/b"}, {"mountPath": "/a/bc"}, {"mountPath": "/a/b/c/"}]);
    check(&storages, inside, &[r#"storageConfigs["/a/b/c"].mountPath duplicate"#], &[]);
    let around = json!([{"mountPath": "/a/b"}, {"mountPath": "/a"}]);
    check(&storages, around, &[r#"storageConfigs["/a"].mountPath duplicate"#], &[]);
}

#[test]
fn a_mount_over_a_directory_that_programs_need_gets_a_warning() {
    for dir in ["/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr"] {
        let warned = format!("storageConfigs[\"{dir}\"].mountPath suspicious");
        check(&[storage("one", false)], json!([{"mountPath": format!("{dir}/")}]), &[], &[&warned]);
    }
    check(&[storage("one", false)], json!([{"mountPath": "/usr/data"}]), &[], &[]);
}
