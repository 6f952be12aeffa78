//! Mount points that do not exist on the host: they exist in the job's view only, beside all that the host has there.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{Engine as _, LaunchMount, MountPart};

use super::Stored;
use crate::support::as_ordinary;

/// A directory of the host that is not in `/tmp`, where a job has its own files; `None` for an ordinary user.
fn outside() -> Option<TempDir> {
    let dir = tempfile::Builder::new().prefix("trainyard-test-").tempdir_in("/var/lib").ok()?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    Some(dir)
}

/// Runs a command with the storage at this path, and expects these words.
async fn expect(stored: &Stored, target: &Path, command: &str, words: &str) {
    let mount = LaunchMount { target: target.to_owned(), ..stored.mount("inner", "x", false) };
    assert_eq!(stored.check(&mount).await, Ok(()), "{}", target.display());
    let (end, log) = stored.run(command, vec![mount]).await;
    assert_eq!((end.exits(), log.as_str()), (vec![Some(Exit::Code(0))], words), "{}", target.display());
}

/// All that the host has below these directories, with owners and modes.
fn listing(dirs: &[&Path]) -> Vec<String> {
    let mut all = Vec::new();
    for dir in dirs {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let Ok(found) = entry.metadata() else { continue };
            all.push(format!("{} {} {:o}", entry.path().display(), found.uid(), found.mode()));
        }
    }
    all.sort();
    all
}

#[tokio::test]
async fn a_missing_mount_point_in_any_directory_leaves_no_trace_on_the_host() {
    let Some(outside) = outside() else { return };
    for target in [
        "/etc/nologin".into(),
        "/trainyard-test-nas/deep".into(),
        "/root/nas/123".into(),
        "/usr/local/lib/trainyard-test".into(),
        "/run/trainyard-test/nas".into(),
        "/tmp/trainyard-test/nas".into(),
        outside.path().join("new/deep"),
    ] {
        let above =
            [Path::new("/etc"), Path::new("/"), Path::new("/root"), Path::new("/usr/local/lib"), outside.path()];
        let before = listing(&above);
        for stored in [Stored::new(), Stored::as_nobody(), Stored::as_stranger()].into_iter().flatten() {
            let command = format!(
                "cat {0}/data; sh -c 'echo written > {0}/../probe' 2>/dev/null; grep -q root /etc/passwd && ls / | grep -qx usr \
                 && [ $(ls /etc | wc -l) -gt 20 ] && echo all",
                target.display()
            );
            fs::set_permissions(stored.storage.path().join("inner"), fs::Permissions::from_mode(0o777)).unwrap();
            expect(&stored, &target, &command, "what is stored\nall\n").await;
        }
        assert_eq!(listing(&above), before, "{}", target.display());
        assert!(!target.exists());
    }
}

#[tokio::test]
async fn everything_beside_a_missing_mount_point_stays_as_it_is() {
    let Some(outside) = outside() else { return };
    let Some(stored) = Stored::new() else { return };
    let top = outside.path();
    fs::create_dir(top.join("dir")).unwrap();
    fs::write(top.join("file"), "of the host\n").unwrap();
    symlink("dir", top.join("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(top.join("socket")).unwrap();
    fs::set_permissions(top.join("file"), fs::Permissions::from_mode(0o640)).unwrap();
    chown(top.join("file"), Some(65534), Some(65534)).unwrap();
    let command = format!(
        "cd {}; cat file nas/data; stat -c '%u %a' file; echo more >> file; echo new > link/new; readlink link; test -S socket \
         && echo socket; echo own > created; cat created; ls -a | tr '\\n' ' '",
        top.display()
    );
    let all = ". .. created dir file link nas socket ";
    let words = format!("of the host\nwhat is stored\n65534 640\ndir\nsocket\nown\n{all}");
    expect(&stored, &top.join("nas"), &command, &words).await;
    assert_eq!(fs::read_to_string(top.join("file")).unwrap(), "of the host\nmore\n");
    assert_eq!(fs::read_to_string(top.join("dir/new")).unwrap(), "new\n");
    // What a job creates beside the mount point is in its own folder.
    assert!(!top.join("created").exists() && !top.join("nas").exists());
    let own = stored.world.attempt_dir().join("mount-points/0/created");
    assert_eq!(fs::read_to_string(own).unwrap(), "own\n");
}

#[tokio::test]
async fn several_mount_points_in_one_directory_and_in_each_other_are_created() {
    let Some(outside) = outside() else { return };
    let Some(stored) = Stored::new() else { return };
    let targets: Vec<PathBuf> = vec![
        outside.path().join("a/b"),
        outside.path().join("c"),
        "/trainyard-test/d".into(),
        "/mnt/trainyard-test".into(),
    ];
    let mounts =
        targets.iter().map(|target| LaunchMount { target: target.clone(), ..stored.mount("inner", "x", true) });
    let cat: String = targets.iter().map(|target| format!("cat {}/data; ", target.display())).collect();
    let (end, log) = stored.run(&cat, mounts.collect()).await;
    assert_eq!((end.exits(), log), (vec![Some(Exit::Code(0))], "what is stored\n".repeat(4)));
    assert!(targets.iter().all(|target| !target.exists()));
}

#[tokio::test]
async fn what_is_hidden_stays_hidden_beside_a_mount_point() {
    let Some(outside) = outside() else { return };
    for target in [outside.path().join("new"), "/trainyard-test-new".into()] {
        let Some(mut stored) = Stored::new() else { return };
        stored.world = crate::support::World::new_in(outside.path());
        fs::write(stored.world.dir.path().join("admin.key"), "secret-of-the-server\n").unwrap();
        let other = TempDir::new_in(outside.path()).unwrap();
        fs::set_permissions(other.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(other.path().join("secret"), "of another storage").unwrap();
        let mount = LaunchMount { target: target.clone(), ..stored.mount("inner", "x", false) };
        let command = format!(
            "find {0} -name admin.key -o -name secret -o -name launch.json 2>/dev/null; cat {1}/data; pwd",
            outside.path().display(),
            target.display()
        );
        let mut plan = stored.plan(&command, vec![mount]);
        plan.hidden.push(other.path().to_owned());
        stored.world.end(&stored.world.engine.launch(&plan).await.unwrap()).await;
        let work = stored.world.file("");
        let work = work.to_str().unwrap().trim_end_matches('/');
        assert_eq!(stored.world.log(0), format!("what is stored\n{work}\n"), "{}", target.display());
    }
}

#[tokio::test]
async fn neither_a_check_nor_a_start_tells_a_user_about_files_that_it_cannot_see() {
    let Some(outside) = outside() else { return };
    let secret = outside.path().join("secret");
    fs::create_dir_all(secret.join("there/deep")).unwrap();
    fs::write(secret.join("file"), "").unwrap();
    symlink("/proc", secret.join("kernel")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).unwrap();
    for target in ["there", "there/deep", "file", "missing", "kernel/x", "file/below"] {
        for stored in [Stored::as_nobody(), Stored::as_stranger()].into_iter().flatten() {
            let target = secret.join(target);
            let command = format!("cat {0}/data; ls {1}", target.display(), secret.display());
            let first = target.strip_prefix(&secret).unwrap().components().next().unwrap();
            let first = first.as_os_str().to_str().unwrap();
            expect(&stored, &target, &command, &format!("what is stored\n{first}\n")).await;
        }
    }
    // A directory of a storage that is closed to the user, and one below it.
    for stored in [Stored::as_nobody(), Stored::as_stranger()].into_iter().flatten() {
        let closed = stored.storage.path().join("closed");
        fs::create_dir_all(closed.join("there")).unwrap();
        fs::write(closed.join("there/data"), "closed").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let there = stored.check(&stored.mount("closed/there", "nas", true)).await.unwrap_err();
        let missing = stored.check(&stored.mount("closed/missing", "nas", true)).await.unwrap_err();
        assert_eq!((there.part, missing.part), (MountPart::Directory, MountPart::Directory));
        assert_eq!(there.message.replace("there", "missing"), missing.message);
        let (end, _) = stored.run("true", vec![stored.mount("closed/there", "nas", true)]).await;
        assert!(matches!(&end.exits()[0], Some(Exit::CouldNotStart(_))), "{end:?}");
    }
}

#[tokio::test]
async fn a_working_directory_that_the_user_cannot_see_is_reported_like_a_missing_one() {
    let Some(outside) = outside() else { return };
    let secret = outside.path().join("secret");
    fs::create_dir_all(secret.join("there")).unwrap();
    fs::write(secret.join("file"), "").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).unwrap();
    let mut said = Vec::new();
    for name in ["there", "file", "missing"] {
        let Some(stored) = Stored::as_nobody() else { return };
        let mut plan = stored.plan("true", Vec::new());
        plan.work_dir = Some(secret.join(name).to_str().unwrap().to_owned());
        let end = stored.world.end(&stored.world.engine.launch(&plan).await.unwrap()).await;
        let Some(Exit::CouldNotStart(why)) = end.exits().remove(0) else { panic!("{name}: {end:?}") };
        said.push(why.replace(name, "NAME"));
    }
    assert!(said.iter().all(|why| *why == said[0]), "{said:?}");
}

#[tokio::test]
async fn a_directory_with_too_many_entries_is_reported() {
    let Some(outside) = outside() else { return };
    let Some(stored) = Stored::new() else { return };
    for number in 0..1001 {
        fs::write(outside.path().join(number.to_string()), "").unwrap();
    }
    let mount = LaunchMount { target: outside.path().join("new"), ..stored.mount("inner", "x", true) };
    let said = stored.check(&mount).await.unwrap_err();
    assert!(said.part == MountPart::Target && said.message.contains("more than 1000 entries"), "{said:?}");
    let (end, _) = stored.run("true", vec![mount]).await;
    assert!(matches!(&end.exits()[0], Some(Exit::CouldNotStart(why)) if why.contains("more than 1000")), "{end:?}");
    fs::create_dir(outside.path().join("new")).unwrap();
    let Some(again) = Stored::new() else { return };
    expect(
        &again,
        &outside.path().join("new"),
        &format!("cat {}/new/data", outside.path().display()),
        "what is stored\n",
    )
    .await;
}

/// What a job of an ordinary user can do, which creates namespaces and nothing else.
#[tokio::test]
async fn a_user_without_rights_mounts_where_it_could_create_nothing() {
    for target in ["/trainyard-test-nas/deep", "/usr/trainyard-test", "/run/trainyard-test"] {
        let Some(stored) = Stored::new() else { return };
        let command = format!("cat {target}/data; ls / | grep -x usr");
        expect(&stored, Path::new(target), &command, "what is stored\nusr\n").await;
        assert!(!Path::new(target).exists());
    }
}

/// That test again, as an ordinary user.
#[test]
fn an_ordinary_user_mounts_everywhere_too() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (done, said) = as_ordinary(&["sandbox::mount_points::a_user_without_rights", "--skip", "ordinary"]);
    assert!(done.success() && said.contains("1 passed"), "{said}");
}
