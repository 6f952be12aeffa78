//! What workers see: the data directory hidden, and storages where the job mounts them.

mod escapes;
mod handles;
mod mount_points;
mod users;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use tempfile::TempDir;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{
    Engine as _, Launch, LaunchFile, LaunchMount, LocalHost as _, MountFault, MountPart, WorkerUser, local::Settings,
};

use crate::support::{End, World, as_ordinary};

/// A world with a storage, and a directory for mount points.
struct Stored {
    world: World,
    storage: TempDir,
    places: TempDir,
}

impl Stored {
    /// `None`, with a message, if this host allows no mount namespace.
    fn new() -> Option<Self> {
        Self::with(|_| {})
    }

    fn with(adjust: fn(&mut Settings)) -> Option<Self> {
        let world = World::with(adjust);
        if world.engine.describe().isolation.starts_with("NOT") {
            std::io::Write::write_all(&mut std::io::stderr(), b"skipped: no mount namespace here\n").unwrap();
            return None;
        }
        fs::write(world.dir.path().join("admin.key"), "secret-of-the-server\n").unwrap();
        let storage = TempDir::new().unwrap();
        fs::create_dir(storage.path().join("inner")).unwrap();
        fs::write(storage.path().join("inner/data"), "what is stored\n").unwrap();
        let places = TempDir::new().unwrap();
        for dir in [storage.path(), places.path()] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self { world, storage, places })
    }

    /// Workers run as this user. `None` unless the tests run as root: only root can run workers as another user.
    fn as_user(user: WorkerUser, adjust: fn(&mut Settings)) -> Option<Self> {
        let mut stored = nix::unistd::geteuid().is_root().then(|| Self::with(adjust)).flatten()?;
        stored.world.user = user;
        Some(stored)
    }

    /// Workers run as the account `nobody`; `None` unless the tests run as root.
    fn as_nobody() -> Option<Self> {
        Self::as_user(WorkerUser::Account("nobody".to_owned()), |settings| settings.other_users = true)
    }

    /// Workers run under a user id without an account; `None` unless the tests run as root.
    fn as_stranger() -> Option<Self> {
        let user = WorkerUser::Id { id: 200_123, name: "alice".to_owned() };
        Self::as_user(user, |settings| settings.other_users = true)
    }

    /// What the engine says about a mount before the job is created.
    async fn check(&self, mount: &LaunchMount) -> Result<(), MountFault> {
        let found = self.world.engine.check_mounts(&self.world.user, std::slice::from_ref(mount)).await;
        found.unwrap().remove(0)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.places.path().join(name)
    }

    fn mount(&self, directory: &str, name: &str, read_only: bool) -> LaunchMount {
        LaunchMount {
            storage: "nas".to_owned(),
            root: self.storage.path().to_owned(),
            directory: Some(directory.to_owned()),
            target: self.place(name),
            read_only,
        }
    }

    fn plan(&self, command: &str, mounts: Vec<LaunchMount>) -> Launch {
        Launch { mounts, hidden: vec![self.storage.path().to_owned()], ..self.world.plan(command, 1) }
    }

    async fn run(&self, command: &str, mounts: Vec<LaunchMount>) -> (End, String) {
        let handle = self.world.engine.launch(&self.plan(command, mounts)).await.unwrap();
        let end = self.world.end(&handle).await;
        (end, self.world.log(0))
    }
}

fn mounts_of_the_host() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap()
}

#[tokio::test]
async fn a_storage_is_mounted_where_the_job_asks_and_nothing_is_left_behind() {
    let Some(stored) = Stored::new() else { return };
    let before = mounts_of_the_host();
    let place = stored.place("deep/nas");
    let command = format!("cat {0}/data; echo written > {0}/new; findmnt >/dev/null 2>&1; true", place.display());
    let (end, log) = stored.run(&command, vec![stored.mount("/inner", "deep/nas", false)]).await;
    assert_eq!((end.exits(), log.as_str()), (vec![Some(Exit::Code(0))], "what is stored\n"));
    assert_eq!(fs::read_to_string(stored.storage.path().join("inner/new")).unwrap(), "written\n");
    assert!(!stored.place("deep").exists(), "the mount point exists in the job's view only");
    assert_eq!(mounts_of_the_host(), before);
}

#[tokio::test]
async fn a_worker_sees_only_its_own_part_of_the_data_directory() {
    let Some(stored) = Stored::new() else { return };
    let paths = stored.world.engine.paths(&stored.world.job, 1);
    let mut plan = stored.plan(
        "cd \"$D\"; find . ! -path '*/tmp/*' | sort; cat jobs/*/attempt-1/hostfile; exec 2>/dev/null; touch x jobs/x
         cd jobs/*/; touch work/w checkpoint/c tmp/t x; sh -c 'echo x >> attempt-1/hostfile'; exit 0",
        Vec::new(),
    );
    plan.workers[0].env.push(("D".to_owned(), stored.world.dir.path().to_str().unwrap().to_owned()));
    plan.files = vec![LaunchFile { path: paths.hostfile.clone(), text: "localhost slots=1\n".to_owned() }];
    let end = stored.world.end(&stored.world.engine.launch(&plan).await.unwrap()).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))]);
    let job = format!("./jobs/{}", stored.world.job);
    let seen: Vec<String> = ["", "/attempt-1", "/attempt-1/hostfile", "/checkpoint", "/tmp", "/work"]
        .map(|part| format!("{job}{part}"))
        .into();
    let log = stored.world.log(0);
    let lines: Vec<&str> = log.lines().take(9).collect();
    assert_eq!(lines[..2], [".", "./jobs"]);
    assert_eq!(lines[2..8], seen);
    assert_eq!(lines[8], "localhost slots=1");
    assert_eq!(fs::read_to_string(paths.hostfile).unwrap(), "localhost slots=1\n");
    assert!(paths.work_dir.join("w").exists() && paths.checkpoint_dir.join("c").exists());
    assert!(!stored.world.dir.path().join("x").exists());
}

#[tokio::test]
async fn a_working_directory_in_tmp_stays_visible_and_what_is_hidden_in_it_stays_hidden() {
    let Some(stored) = Stored::new() else { return };
    let host = TempDir::new().unwrap();
    fs::set_permissions(host.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(host.path().join("script"), "echo from the host\n").unwrap();
    let mut plan = stored.plan("sh ./script; pwd; echo written > new", Vec::new());
    plan.work_dir = Some(host.path().to_str().unwrap().to_owned());
    stored.world.end(&stored.world.engine.launch(&plan).await.unwrap()).await;
    assert_eq!(stored.world.log(0), format!("from the host\n{}\n", host.path().display()));
    assert_eq!(fs::read_to_string(host.path().join("new")).unwrap(), "written\n");
    // A directory of the host with the data directory and a storage in it.
    let Some(mut stored) = Stored::new() else { return };
    let above = TempDir::new().unwrap();
    fs::set_permissions(above.path(), fs::Permissions::from_mode(0o755)).unwrap();
    stored.world = World::new_in(above.path());
    fs::write(stored.world.dir.path().join("admin.key"), "secret-of-the-server\n").unwrap();
    stored.storage = TempDir::new_in(above.path()).unwrap();
    fs::write(stored.storage.path().join("secret"), "secret of the storage").unwrap();
    let own = stored.world.dir.path().join("jobs").join(stored.world.job.as_str());
    let find = format!(
        "find . {0} -name 'admin.key' -o -name secret -o -name launch.json; ls {1}/*; touch {1}/forged 2>/dev/null; exit 0",
        stored.world.dir.path().display(),
        own.display()
    );
    for (attempt, work_dir) in (1..).zip([above.path().to_owned(), own.join("attempt-1"), own.join("work")]) {
        let mut plan = stored.plan(&find, Vec::new());
        (plan.attempt, plan.work_dir) = (attempt, Some(work_dir.to_str().unwrap().to_owned()));
        stored.world.end(&stored.world.engine.launch(&plan).await.unwrap()).await;
        let log = fs::read_to_string(stored.world.log_path(attempt, 0)).unwrap();
        assert!(!log.contains("secret") && !log.contains("admin.key") && !log.contains("launch.json"), "{log}");
        assert!(!own.join("forged").exists());
    }
}

#[tokio::test]
async fn two_jobs_at_once_see_their_own_storages() {
    let (Some(one), Some(other)) = (Stored::new(), Stored::new()) else { return };
    fs::write(other.storage.path().join("inner/data"), "of the other\n").unwrap();
    let place = one.place("nas");
    let command = format!("until [ -e go ]; do sleep 0.01; done; cat {}/data", place.display());
    let mut theirs = other.mount("inner", "nas", false);
    theirs.target = place;
    let first = one.world.engine.launch(&one.plan(&command, vec![one.mount("inner", "nas", true)])).await.unwrap();
    let second = other.world.engine.launch(&other.plan(&command, vec![theirs])).await.unwrap();
    one.world.running(&first).await;
    other.world.running(&second).await;
    one.world.touch("go");
    other.world.touch("go");
    one.world.end(&first).await;
    other.world.end(&second).await;
    assert_eq!((one.world.log(0).as_str(), other.world.log(0).as_str()), ("what is stored\n", "of the other\n"));
}

#[tokio::test]
async fn a_storage_may_be_mounted_at_its_own_path() {
    let Some(stored) = Stored::new() else { return };
    let mut mount = stored.mount("", "x", true);
    mount.target = stored.storage.path().to_owned();
    let mut inner = stored.mount("inner", "x", false);
    inner.target = stored.storage.path().join("made");
    let cat = format!("cat {}/inner/data; touch {}/x 2>/dev/null", mount.target.display(), mount.target.display());
    let (end, log) = stored.run(&cat, vec![mount]).await;
    assert_eq!((end.exits(), log.as_str()), (vec![Some(Exit::Code(1))], "what is stored\n"));
    let Some(stored) = Stored::new() else { return };
    let mut inner = stored.mount("inner", "x", false);
    inner.target = stored.storage.path().join("made");
    let (_, log) = stored.run(&format!("cat {}/data", inner.target.display()), vec![inner]).await;
    assert_eq!(log, "what is stored\n");
    assert!(!stored.storage.path().join("made").exists(), "it was created in the mask");
}

#[tokio::test]
async fn a_directory_that_leads_out_of_the_storage_is_refused_before_and_at_the_launch() {
    let Some(stored) = Stored::new() else { return };
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("data"), "outside\n").unwrap();
    symlink(outside.path(), stored.storage.path().join("absolute")).unwrap();
    symlink("../", stored.storage.path().join("up")).unwrap();
    symlink("inner", stored.storage.path().join("within")).unwrap();
    symlink("/proc/self/root", stored.storage.path().join("magic")).unwrap();
    fs::write(stored.storage.path().join("file"), "").unwrap();
    for (directory, is_right) in [
        ("", true),
        ("/", true),
        ("inner", true),
        ("//inner/", true),
        ("within", true),
        ("inner/..", true),
        ("missing", false),
        ("file", false),
        ("absolute", false),
        ("up", false),
        ("magic", false),
        ("inner/../..", false),
    ] {
        let mount = stored.mount(directory, "nas", true);
        let found = stored.check(&mount).await;
        match found {
            Ok(()) => assert!(is_right, "{directory}"),
            Err(fault) => assert!(!is_right && fault.part == MountPart::Directory, "{directory}: {fault:?}"),
        }
    }
    let mount = stored.mount("within", "nas", true);
    assert_eq!(stored.check(&mount).await, Ok(()));
    // Between the check and the launch, another process changes the link.
    fs::remove_file(stored.storage.path().join("within")).unwrap();
    symlink(outside.path(), stored.storage.path().join("within")).unwrap();
    let (end, log) = stored.run("true", vec![mount]).await;
    let said = "storage nas cannot be mounted: \"within\" leads out of the storage".to_owned();
    assert_eq!((end.exits(), log.as_str()), (vec![Some(Exit::CouldNotStart(said))], ""));
    assert_eq!((end.started, end.first_failure), (None, Some(0)));
}

#[tokio::test]
async fn an_impossible_mount_point_is_reported() {
    let Some(stored) = Stored::new() else { return };
    fs::write(stored.place("file"), "").unwrap();
    symlink("/proc", stored.place("kernel")).unwrap();
    symlink(stored.world.dir.path(), stored.place("data")).unwrap();
    symlink("missing", stored.place("nowhere")).unwrap();
    let data = stored.world.dir.path();
    for (target, said) in [
        (stored.place("new/one"), None),
        ("/trainyard-made/x".into(), None),
        (stored.place("file"), Some("file")),
        (stored.place("file/below"), Some("not a directory")),
        (stored.place("kernel/x"), Some("/proc")),
        (stored.place("data/x"), Some("data directory")),
        (stored.place("nowhere"), Some("is a symbolic link to a missing path")),
        ("/".into(), Some("over `/`")),
        ("/proc".into(), Some("/proc")),
        ("/dev/shm/x".into(), Some("/dev")),
        (data.to_owned(), Some("data directory")),
        (data.join("jobs"), Some("data directory")),
        (data.parent().unwrap().to_owned(), Some("data directory")),
    ] {
        let mount = LaunchMount { target: target.clone(), ..stored.mount("inner", "x", true) };
        let found = stored.check(&mount).await;
        match (found, said) {
            (Ok(()), None) => {}
            (Err(fault), Some(said)) => {
                assert_eq!(fault.part, MountPart::Target);
                assert!(fault.message.contains(said), "{}: {}", target.display(), fault.message);
            }
            (found, said) => panic!("{}: {found:?}, not {said:?}", target.display()),
        }
    }
    assert!(!stored.place("new").exists(), "a check creates nothing");
}

#[tokio::test]
async fn a_restarted_server_sees_the_files_of_a_running_shim() {
    let Some(stored) = Stored::new() else { return };
    let handle = stored.world.launch("echo before; until [ -e go ]; do sleep 0.01; done; echo after", 1).await;
    stored.world.running(&handle).await;
    let later = stored.world.restarted();
    stored.world.touch("go");
    let end = crate::support::end(&later, &handle).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))]);
    assert_eq!(stored.world.log(0), "before\nafter\n");
}

/// The tests of this file and of its folder again, as an ordinary user, which may create namespaces and nothing else.
#[test]
fn the_sandbox_holds_under_an_ordinary_user_too() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let (done, said) = as_ordinary(&["sandbox::", "--skip", "ordinary", "--skip", "user"]);
    assert!(done.success() && said.contains("16 passed"), "{said}");
}
