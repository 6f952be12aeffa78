//! The secrets of an attempt: every worker gets them, and no file and no other process has them.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use trainyard_domain::{attempt::Exit, secret::SecretText};
use trainyard_engine::{Engine as _, Launch};

use crate::support::{SHIM, World, engine};

const VALUE: &str = "hunter2 \"quoted\"\nsecond line";

/// Prints the secret, then runs until the file `go` exists.
const PRINT: &str = r#"printf '%s|%s\n' "$KEY" "$PLAIN"; until [ -e go ]; do sleep 0.01; done"#;

fn plan(world: &World, workers: u32, value: &str) -> Launch {
    let mut plan = world.plan(PRINT, workers);
    plan.secrets = vec![("KEY".to_owned(), SecretText::parse(value).unwrap())];
    for worker in &mut plan.workers {
        worker.env.push(("PLAIN".to_owned(), "plain".to_owned()));
    }
    plan
}

/// Every file below a directory that contains the first line of a value, except the logs of workers.
fn files_with(dir: &Path, value: &str) -> Vec<String> {
    let needle = value.lines().next().unwrap().as_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_with(&path, value));
        } else if entry.file_type().unwrap().is_file() && !name.starts_with("worker-") {
            let bytes = fs::read(&path).unwrap();
            found.extend(bytes.windows(needle.len()).any(|window| window == needle).then_some(name));
        }
    }
    found
}

#[tokio::test]
async fn every_worker_gets_the_secrets_and_no_file_has_them() {
    let world = World::new();
    let handle = world.engine.launch(&plan(&world, 2, VALUE)).await.unwrap();
    world.running(&handle).await;
    assert_eq!(files_with(world.dir.path(), VALUE), [""; 0]);
    let launch = fs::read_to_string(world.attempt_dir().join("launch.json")).unwrap();
    assert!(launch.contains("\"KEY\""), "the launch names the variable: {launch}");
    for name in ["environ", "cmdline"] {
        let bytes = fs::read(format!("/proc/{}/{name}", world.shim())).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{name} of the shim");
    }
    let files = fs::read_dir(format!("/proc/{}/fd", world.shim())).unwrap();
    let files = files.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let memory: Vec<_> = files.filter(|path| path.to_string_lossy().contains("memfd")).collect();
    assert!(memory.is_empty(), "the shim has closed the file with the secrets: {memory:?}");
    world.touch("go");
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0)), Some(Exit::Code(0))]);
    assert_eq!([world.log(0), world.log(1)], [format!("{VALUE}|plain\n"), format!("{VALUE}|plain\n")]);
    assert_eq!(files_with(world.dir.path(), VALUE), [""; 0]);
}

#[tokio::test]
async fn a_launch_after_a_crash_passes_the_secrets_again() {
    let world = World::new();
    // The starter dies before it has started a shim, as in a crash of the host's memory management.
    let broken = engine(world.dir.path(), "/bin/false");
    broken.launch(&plan(&world, 1, "old value")).await.unwrap();
    assert!(!world.attempt_dir().join("started").exists());
    assert_eq!(files_with(world.dir.path(), "old value"), [""; 0]);
    world.touch("go");
    let handle = world.restarted().launch(&plan(&world, 1, "new value")).await.unwrap();
    assert_eq!(world.end(&handle).await.exits(), [Some(Exit::Code(0))]);
    assert_eq!(world.log(0), "new value|plain\n");
}

#[tokio::test]
async fn a_repeated_launch_of_a_running_attempt_changes_no_value() {
    let world = World::new();
    let handle = world.engine.launch(&plan(&world, 1, "old value")).await.unwrap();
    world.running(&handle).await;
    assert_eq!(world.restarted().launch(&plan(&world, 1, "new value")).await.unwrap(), handle);
    world.touch("go");
    world.end(&handle).await;
    assert_eq!(world.log(0), "old value|plain\n");
}

#[tokio::test]
async fn a_shim_that_gets_no_secrets_starts_nothing() {
    let world = World::new();
    let broken = engine(world.dir.path(), "/bin/false");
    broken.launch(&plan(&world, 1, "value")).await.unwrap();
    let mut shim = Command::new(SHIM);
    shim.arg("shim").arg(world.attempt_dir()).stdin(Stdio::null());
    let output = shim.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("only the server can start this attempt") && said.contains("KEY"), "{said}");
    assert!(!world.attempt_dir().join("started").exists());
    world.touch("go");
    let handle = world.engine.launch(&plan(&world, 1, "value")).await.unwrap();
    world.end(&handle).await;
    assert_eq!(world.log(0), "value|plain\n");
}
