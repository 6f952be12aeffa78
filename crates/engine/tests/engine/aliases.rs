//! Storages that show hidden directories under another name: workers see nothing of these.
//!
//! Each test runs again in its own mount namespace, as root and as an ordinary user. There the directory of all
//! temporary files is also visible inside of a storage. Only root can prepare that.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use nix::mount::{MsFlags, mount};
use tempfile::TempDir;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{Engine as _, LaunchMount, LocalHost as _, MountPart};

use crate::support::{End, World};

/// The path of the storage with the alias; set only in the runs that a test starts itself.
const STORAGE: &str = "TRAINYARD_TEST_STORAGE";

/// A secret that no worker may read.
const SECRET: &str = "secret-of-the-server\n";

/// Runs a test of this file as both users; in such a run, returns the storage.
fn storage(test: &str) -> Option<PathBuf> {
    if let Some(storage) = std::env::var_os(STORAGE) {
        return Some(storage.into());
    }
    if !nix::unistd::geteuid().is_root() {
        std::io::Write::write_all(&mut std::io::stderr(), b"skipped: only root can mount an alias\n").unwrap();
        return None;
    }
    for user in ["0", "65534"] {
        let (temporary, storage) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        fs::create_dir_all(storage.path().join("alias")).unwrap();
        for dir in [temporary.path(), storage.path()] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
            nix::unistd::chown(dir, Some(user.parse::<u32>().unwrap().into()), None).unwrap();
        }
        let done = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c"])
            .arg("mount --bind \"$TMPDIR\" \"$TRAINYARD_TEST_STORAGE/alias\" && exec \"$@\"")
            .args(["sh", "setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", &format!("aliases::{test}")])
            .env("TMPDIR", temporary.path())
            .env(STORAGE, storage.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.contains("1 passed"), "as {user}: {said}");
    }
    None
}

/// A server with a secret key; `None`, with a message, if this host allows no mount namespace.
fn world() -> Option<World> {
    let world = World::new();
    if world.engine.describe().isolation.starts_with("NOT") {
        std::io::Write::write_all(&mut std::io::stderr(), b"skipped: no mount namespace here\n").unwrap();
        return None;
    }
    fs::write(world.dir.path().join("admin.key"), SECRET).unwrap();
    Some(world)
}

fn of(root: &Path, directory: Option<&str>, target: PathBuf) -> LaunchMount {
    let (root, directory) = (root.to_owned(), directory.map(str::to_owned));
    LaunchMount { storage: "nas".to_owned(), root, directory, target, read_only: false }
}

/// Runs a command in one attempt, with these directories hidden and these read-only; returns its end and its log.
async fn run(
    world: &World,
    attempt: u32,
    command: &str,
    mounts: Vec<LaunchMount>,
    [hidden, sealed]: [&[PathBuf]; 2],
) -> (End, String) {
    let mut plan = world.plan(command, 1);
    (plan.attempt, plan.mounts) = (attempt, mounts);
    (plan.hidden, plan.sealed) = (hidden.to_vec(), sealed.to_vec());
    let end = world.end(&world.engine.launch(&plan).await.unwrap()).await;
    let log = fs::read_to_string(world.log_path(attempt, 0)).unwrap_or_default();
    (end, log)
}

#[tokio::test]
async fn no_other_name_shows_the_data_directory() {
    let Some(storage) = storage("no_other_name_shows_the_data_directory") else { return };
    let Some(world) = world() else { return };
    let (places, data) = (TempDir::new().unwrap(), world.dir.path());
    let name = data.file_name().unwrap().to_str().unwrap();
    let (alias, within) = (storage.join("alias"), format!("alias/{name}"));
    let job = format!("{}/{name}/jobs/{}", alias.display(), world.job);
    for (at, (root, directory)) in (1..).zip([
        (alias.clone(), None),
        (storage.clone(), None),
        (alias.clone(), Some(name)),
        (alias.join(name), None),
        (alias.join(name), Some("jobs")),
        (alias.join(name).join("jobs"), None),
        (job.into(), Some("work")),
        (storage.clone(), Some(within.as_str())),
    ]) {
        let mount = of(&root, directory, places.path().join("at"));
        if root.exists() {
            let found = world.engine.check_mounts(&world.user, std::slice::from_ref(&mount)).await.unwrap().remove(0);
            let fault = found.expect_err("it is refused before the job is created");
            assert_eq!(fault.part, MountPart::Storage);
            assert!(fault.message.contains("shows the server's data directory"), "{}", fault.message);
            assert_eq!(world.engine.check_storage(&root).await.unwrap(), Err(fault.message));
        }
        // As if it had been mounted between the check and the launch.
        let command = format!(
            "find {0} {1} -type f -exec cat {{}} + 2>/dev/null; echo x > ../checkpoint/ok && echo own",
            places.path().join("at").display(),
            storage.display()
        );
        let hidden = [storage.clone()];
        let (end, log) = run(&world, at, &command, vec![mount], [&hidden, &[]]).await;
        match end.exits().remove(0) {
            Some(Exit::Code(0)) => assert_eq!(log, "own\n", "{} {directory:?}", root.display()),
            Some(Exit::CouldNotStart(why)) => assert!(why.contains("what the server hides"), "{why}"),
            other => panic!("{} {directory:?}: {other:?}", root.display()),
        }
    }
    assert!(world.engine.check_storage(places.path()).await.unwrap().is_ok(), "others are left alone");
}

#[tokio::test]
async fn what_is_mounted_inside_of_a_storage_is_hidden_too() {
    let Some(_) = storage("what_is_mounted_inside_of_a_storage_is_hidden_too") else { return };
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let Some(world) = world() else { return };
    let (nas, places, data) = (TempDir::new().unwrap(), TempDir::new().unwrap(), world.dir.path());
    fs::create_dir_all(nas.path().join("sets/bound")).unwrap();
    fs::write(nas.path().join("sets/key"), "").unwrap();
    fs::write(nas.path().join("sets/data"), "stored\n").unwrap();
    for (what, on) in [(data.join("jobs"), "sets/bound"), (data.join("admin.key"), "sets/key")] {
        mount(Some(&what), &nas.path().join(on), None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    }
    let found = world.engine.check_storage(nas.path()).await.unwrap();
    assert!(found.is_err_and(|why| why.contains("sets/bound")));
    let command = format!(
        "cd {}; cat data; ls bound; cat key; rmdir bound 2>/dev/null || ! umount bound key 2>/dev/null",
        places.path().display()
    );
    let mounts = vec![of(nas.path(), Some("sets"), places.path().to_owned())];
    let (end, log) = run(&world, 1, &command, mounts, [&[nas.path().to_owned()], &[]]).await;
    assert_eq!((end.exits(), log.as_str()), (vec![Some(Exit::Code(0))], "stored\n"));
}

#[tokio::test]
async fn a_storage_is_reached_through_no_other_one() {
    let Some(storage) = storage("a_storage_is_reached_through_no_other_one") else { return };
    let Some(world) = world() else { return };
    let (outer, places) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (inner, place) = (outer.path().join("inner"), places.path().join("at"));
    fs::create_dir_all(inner.join("deep")).unwrap();
    fs::write(outer.path().join("own"), "of the outer\n").unwrap();
    fs::write(inner.join("data"), "of the inner\n").unwrap();
    // The outer one is registered under its alias.
    let alias = storage.join("alias").join(outer.path().file_name().unwrap());
    let hidden = [alias.clone(), inner.clone()];
    let sealed = [inner.clone()];
    let command =
        format!("cd {0} && ls; cat own data 2>/dev/null; ls inner 2>/dev/null; echo x > new", place.display());
    for (at, (root, directory, expected)) in (1..).zip([
        (alias.as_path(), None, Ok("inner\nown\nof the outer\n")),
        (alias.as_path(), Some("inner"), Err("belongs to another storage")),
        (alias.as_path(), Some("inner/deep"), Err("belongs to another storage")),
        (inner.as_path(), None, Ok("data\ndeep\nof the inner\n")),
        // The inner one under a second id and another path: it is read-only there as well.
        (alias.join("inner").as_path(), None, Ok("data\ndeep\nof the inner\n")),
    ]) {
        let mut mounts = vec![of(root, directory, place.clone())];
        mounts[0].read_only = root == inner;
        let (end, log) = run(&world, at, &command, mounts, [&hidden, &sealed]).await;
        match (end.exits().remove(0), expected) {
            (Some(Exit::CouldNotStart(why)), Err(said)) => assert!(why.contains(said), "{why}"),
            (Some(Exit::Code(_)), Ok(expected)) => assert!(log.starts_with(expected), "{at}: {log}"),
            (other, _) => panic!("{at}: {other:?} {log}"),
        }
        assert!(!inner.join("new").exists(), "{at} writes to what is read-only");
    }
    assert!(outer.path().join("new").exists());
    // A job that mounts both sees each at its own path.
    let mut both = vec![of(&alias, None, place.clone()), of(&inner, None, places.path().join("second"))];
    both[1].read_only = true;
    let command = format!("cd {}; cat at/own second/data; ls at/inner", places.path().display());
    let (_, log) = run(&world, 9, &command, both, [&hidden, &sealed]).await;
    assert_eq!(log, "of the outer\nof the inner\n");
}
