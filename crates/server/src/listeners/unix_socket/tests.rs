//! Sockets in real directories.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
};

use super::bind;
use crate::accounts::Door;

#[tokio::test]
async fn the_mode_of_a_socket_lets_its_accounts_connect() {
    let dir = tempfile::tempdir().unwrap();
    for (door, mode) in [(Door::DataDir, 0o600), (Door::Public, 0o666)] {
        let path = dir.path().join(format!("{door:?}.sock"));
        let listener = bind(&path, door).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{door:?}");
        UnixStream::connect(&path).unwrap();
        drop(listener);
    }
}

#[tokio::test]
async fn the_socket_of_a_killed_server_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.sock");
    // Dropping a listener leaves its file, as a kill does.
    drop(UnixListener::bind(&path).unwrap());
    let old = fs::metadata(&path).unwrap().ino();
    fs::write(dir.path().join("server.sock.new"), "").unwrap();
    let listener = bind(&path, Door::DataDir).unwrap();
    assert_ne!(fs::metadata(&path).unwrap().ino(), old);
    UnixStream::connect(&path).unwrap();
    drop(listener);
}

#[tokio::test]
async fn the_socket_of_a_living_server_and_other_files_stay() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.sock");
    let living = UnixListener::bind(&path).unwrap();
    let error = bind(&path, Door::Public).unwrap_err().to_string();
    assert!(error.contains("another process listens"), "{error}");
    UnixStream::connect(&path).unwrap();
    drop(living);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "text").unwrap();
    let error = bind(&path, Door::DataDir).unwrap_err().to_string();
    assert!(error.contains("no socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "text");
}

#[tokio::test]
async fn a_path_may_be_longer_than_an_address() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("d".repeat(120));
    fs::create_dir(&deep).unwrap();
    let path = deep.join("server.sock");
    let listener = bind(&path, Door::DataDir).unwrap();
    assert!(path.exists());
    let error = bind(&path, Door::DataDir).unwrap_err().to_string();
    assert!(error.contains("another process listens"), "{error}");
    drop(listener);
    bind(&path, Door::DataDir).unwrap();
}

#[tokio::test]
async fn a_public_socket_needs_a_directory_that_no_other_account_can_write_to() {
    let dir = tempfile::tempdir().unwrap();
    for (mode, may) in [(0o777, false), (0o1777, false), (0o775, false), (0o755, true)] {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        let path = dir.path().join("server.sock");
        assert_eq!(bind(&path, Door::Public).is_ok(), may, "{mode:o}");
        assert_eq!(path.exists(), may, "{mode:o}");
    }
}
