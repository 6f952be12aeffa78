//! Workers that run as another user than the server: their rights, their files, and how they are stopped.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use tempfile::TempDir;
use trainyard_domain::attempt::Exit;
use trainyard_engine::{Engine as _, EngineError, LaunchFile, LocalHost as _};

use super::Stored;

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
    let base = stored.world.engine.base_env();
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

#[test]
fn a_user_that_cannot_run_jobs_is_refused_at_the_start() {
    let is_root = nix::unistd::geteuid().is_root();
    for (name, said) in [("nobody-here", "no user nobody-here"), ("root", "must not be root")] {
        let dir = TempDir::new().unwrap();
        let error = crate::support::engine_as(dir.path(), name).err().unwrap();
        let said = if is_root { said } else { "runs as root" };
        assert!(matches!(&error, EngineError::Refused(why) if why.contains(said)), "{error:?}");
    }
    if is_root {
        let closed = TempDir::new().unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let error = crate::support::engine_as(&closed.path().join("data"), "nobody").err().unwrap();
        assert!(error.to_string().contains("is closed to this user"), "{error}");
    }
}
