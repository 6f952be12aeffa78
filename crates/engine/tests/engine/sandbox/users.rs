//! Workers that run as another user than the server: their rights, their files, and how they are stopped.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use tempfile::TempDir;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{Engine as _, EngineError, Launch, LaunchFile, LocalHost as _, WorkerUser};

use super::Stored;
use crate::support::{World, engine_with_other_users};

#[tokio::test]
async fn a_job_runs_as_the_configured_user() {
    let Some(stored) = Stored::as_nobody() else { return };
    assert_eq!(stored.world.engine.describe().isolation, "own user");
    let paths = stored.world.engine.paths(&stored.world.job, 1);
    let command =
        "id -u; id -g; id -G; id -r -u; grep -E 'Cap(Prm|Eff|Inh)|NoNewPrivs' /proc/self/status | cut -f2 | sort -u
        cat ../attempt-1/hostfile; touch mine ../checkpoint/mine ../tmp/mine; kill -9 $PPID 2>/dev/null || echo safe";
    let mut plan = stored.plan(command, Vec::new());
    plan.files = vec![LaunchFile { path: paths.hostfile.clone(), text: "localhost slots=1\n".to_owned() }];
    let end = stored.world.end(&stored.world.engine.launch(&plan).await.unwrap()).await;
    assert_eq!(end.exits(), [Some(Exit::Code(0))], "{}", stored.world.log(0));
    let log = stored.world.log(0);
    let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["65534", "65534", "65534", "65534", "0000000000000000", "1", "localhost slots=1", "safe"]);
    for (path, owner) in [
        (paths.work_dir.join("mine"), 65534),
        (paths.checkpoint_dir.join("mine"), 65534),
        (paths.hostfile, 65534),
        (paths.attempt_dir, 0),
        (stored.world.log_path(1, 0), 0),
    ] {
        assert_eq!(fs::metadata(&path).unwrap().uid(), owner, "{}", path.display());
    }
    let base = stored.world.engine.base_env(&stored.world.user).await.unwrap();
    assert!(base.contains(&("USER".to_owned(), "nobody".to_owned())) && base.iter().any(|(name, _)| name == "HOME"));
}

#[tokio::test]
async fn a_worker_of_another_user_is_stopped_like_any_other() {
    let Some(stored) = Stored::as_nobody() else { return };
    let handle =
        stored.world.launch("setsid sleep 600 & trap '' TERM; touch up; while :; do sleep 0.05; done", 1).await;
    stored.world.appears("up").await;
    stored.world.engine.stop(&handle, 0).await.unwrap();
    assert_eq!(stored.world.end(&handle).await.exits(), [Some(Exit::Signal(9))]);
    assert_eq!(stored.world.processes(), [] as [i32; 0]);
}

#[tokio::test]
async fn a_user_without_an_account_owns_the_files_of_its_jobs() {
    let Some(stored) = Stored::as_stranger() else { return };
    let (end, log) = stored.run("id -u; id -G; echo $HOME; touch mine ../checkpoint/mine", Vec::new()).await;
    assert_eq!((end.exits(), log.as_str()), (vec![Some(Exit::Code(0))], "200123\n200123\n\n"));
    assert_eq!(fs::metadata(stored.world.file("mine")).unwrap().uid(), 200_123);
    let base = stored.world.engine.base_env(&stored.world.user).await.unwrap();
    let named: Vec<_> = base.iter().filter(|(name, _)| matches!(name.as_str(), "HOME" | "USER")).collect();
    assert_eq!(named, [&("USER".to_owned(), "alice".to_owned())]);
}

#[tokio::test]
async fn a_user_that_cannot_run_jobs_is_refused_with_the_reason() {
    let account = |name: &str| WorkerUser::Account(name.to_owned());
    if !nix::unistd::geteuid().is_root() {
        let dir = TempDir::new().unwrap();
        let error = engine_with_other_users(dir.path()).err().unwrap();
        assert!(matches!(&error, EngineError::Refused(why) if why.contains("runs as root")), "{error:?}");
    }
    let own = World::new();
    for user in [account("nobody"), WorkerUser::Id { id: 200_123, name: "alice".to_owned() }] {
        let launched = own.engine.launch(&Launch { user, ..own.plan("true", 1) }).await;
        assert!(
            matches!(&launched, Err(EngineError::Refused(why)) if why.contains("user of the server")),
            "{launched:?}"
        );
    }
    let Some(stored) = Stored::as_nobody() else { return };
    let root = WorkerUser::Id { id: 0, name: "alice".to_owned() };
    let said = [
        (account("nobody-here"), "no account nobody-here"),
        (account("root"), "not be root"),
        (root, "belongs to the account root"),
    ];
    for (user, said) in said {
        let found = stored.world.engine.find_user(&user).await.unwrap();
        assert!(found.as_ref().is_err_and(|why| why.contains(said)), "{found:?}");
        let launched = stored.world.engine.launch(&Launch { user, ..stored.plan("true", Vec::new()) }).await;
        assert!(matches!(&launched, Err(EngineError::Refused(why)) if why.contains(said)), "{launched:?}");
    }
    let closed = TempDir::new().unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let engine = engine_with_other_users(&closed.path().join("data")).unwrap();
    let found = engine.find_user(&account("nobody")).await.unwrap();
    assert!(found.as_ref().is_err_and(|why| why.contains("is closed to this user")), "{found:?}");
}
