//! A server that runs as an ordinary user, without rights to create control groups. Jobs run and end as with root, and
//! the server says what this user lacks.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{MetadataExt as _, chown},
    process::{Command, Stdio},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    caller::until,
    daemon::Daemon,
    harness::{PROGRAM, ROOMY},
    processes::{self, assert_dead},
};

/// Returns the centre as the server shows it.
async fn centre(daemon: &Daemon) -> Value {
    daemon.get("/v1/aidc/list").await.ok()[0].clone()
}

fn is_isolated(centre: &Value) -> bool {
    !centre["isolation"].as_str().unwrap().starts_with("NOT")
}

/// Two processes outside their parent, group and session that ignore SIGTERM, one of them without the job's
/// variables; then `rest`.
fn with_detached_processes(mark: &str, rest: &str) -> String {
    format!(
        r#"(setsid sh -c '(trap "" TERM HUP INT; exec sleep {mark}) & exit 0' & exit 0)
        (env -i setsid sh -c '(trap "" TERM HUP INT; exec sleep {mark}) & exit 0' </dev/null >/dev/null 2>&1 & exit 0)
        {rest}"#
    )
}

/// A number of seconds that no other process sleeps for, to find the processes of this test.
fn mark(number: u32) -> String {
    format!("{}.{number}", 300_000 + std::process::id())
}

async fn wait_for_detached(mark: &str) {
    let both = async || match processes::with_argument(&format!("sleep\0{mark}")) {
        found if found.len() == 2 => Ok(()),
        found => Err(processes::describe(&found)),
    };
    until(both).await;
}

async fn wait_until_gone(mark: &str) {
    let none = async || match processes::with_argument(mark) {
        found if found.is_empty() => Ok(()),
        found => Err(processes::describe(&found)),
    };
    until(none).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_run_print_stop_and_time_out() {
    let daemon = Daemon::start_ordinary(ROOMY).await;
    let owner = fs::metadata(daemon.data().join("admin.key")).unwrap().uid();
    assert_ne!(owner, 0);
    // The job must not keep any group of root.
    let job = daemon.job("id -u; id -G; echo $TRAINYARD_RANK >&2", json!({"resource": {"workerCount": 2}})).await;
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    let log = daemon.log(&job, 1).await;
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines.first(), lines.last()), (Some(&owner.to_string().as_str()), Some(&"1")), "{log}");
    assert!(!lines[1].split(' ').any(|group| group == "0"), "{log}");

    let stopped = mark(1);
    let more = json!({"stopGraceSeconds": 1});
    let job = daemon.job(&with_detached_processes(&stopped, "exec sleep 1000"), more).await;
    wait_for_detached(&stopped).await;
    daemon.stop(&job).await.ok();
    assert_eq!(daemon.wait_for_end(&job).await["status"], "Stopped");
    assert_dead(&job);
    let left = processes::with_argument(&stopped);
    assert!(left.is_empty(), "{:?}", processes::describe(&left));

    let timed = mark(2);
    let more = json!({"enableTimeoutCancel": true, "timeoutSeconds": 1, "stopGraceSeconds": 0});
    let job = daemon.job(&with_detached_processes(&timed, "exec sleep 1000"), more).await;
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("TimedOut")), "{detail:#}");
    assert_dead(&job);
    let left = processes::with_argument(&timed);
    assert!(left.is_empty(), "{:?}", processes::describe(&left));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_sees_its_storage_and_not_the_admin_key() {
    let daemon = Daemon::start_ordinary(ROOMY).await;
    let owner = fs::metadata(daemon.dir.path()).unwrap().uid();
    let (nas, at, data) = (daemon.dir.path().join("nas"), daemon.dir.path().join("deep/at"), daemon.data());
    fs::create_dir_all(nas.join("sets")).unwrap();
    fs::write(nas.join("sets/data"), "what is stored\n").unwrap();
    for path in [nas.clone(), nas.join("sets"), nas.join("sets/data")] {
        chown(path, Some(owner), Some(owner)).unwrap();
    }
    let storage = json!({"storageId": "nas", "storageType": "nas-capacity", "path": nas});
    daemon.post("/v1/aidc/1/storage/create", &storage).await.ok();
    let env = json!({"AT": at, "NAS": nas, "DATA": data});
    let mounts = json!([{"mountPath": at, "fileDirectory": "sets"}]);
    if !is_isolated(&centre(&daemon).await) {
        // A job with mounts is refused, and a job without mounts can read the admin key.
        let body = json!({"createType": "CUSTOM", "startCommand": "true", "storageConfigs": mounts});
        let refused = daemon.post("/v1/training/instance/create", &body).await;
        assert_eq!((refused.status, refused.faults()[0].1.as_str()), (400, "not_supported"), "{}", refused.body);
        let job = daemon.job("cat $DATA/admin.key", json!({"env": env})).await;
        daemon.wait_for_end(&job).await;
        assert_eq!(daemon.log(&job, 0).await.trim(), daemon.admin);
        return eprintln!("skipped in part: this host permits an ordinary user no mount namespace");
    }
    let command = "cat $AT/data; echo more >$AT/new; exec 2>/dev/null
        cat $DATA/admin.key $DATA/trainyard.db $DATA/jobs/*/attempt-1/launch.json $NAS/sets/data
        for pid in $PPID 1 $(cut -d' ' -f4 /proc/$PPID/stat); do cat /proc/$pid/root$DATA/admin.key; done
        unshare -rm sh -c 'umount -l $DATA; cat $DATA/admin.key'
        ls $DATA/jobs | wc -l; umount $AT; mount -o remount,ro $AT; echo still >>$AT/new; echo done";
    let job = daemon.job(command, json!({"storageConfigs": mounts, "env": env})).await;
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(daemon.log(&job, 0).await, "what is stored\n1\ndone\n");
    assert_eq!(fs::read_to_string(nas.join("sets/new")).unwrap(), "more\nstill\n");
    assert_eq!(fs::metadata(nas.join("sets/new")).unwrap().uid(), owner);
    assert!(!daemon.dir.path().join("deep").exists(), "the mount point exists in the job's view only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_outlives_its_killed_server_and_is_found() {
    let mut daemon = Daemon::start_ordinary(ROOMY).await;
    let mark = mark(3);
    let job =
        daemon.job(&with_detached_processes(&mark, "until [ -e go ]; do sleep 0.05; done; echo done"), json!({})).await;
    wait_for_detached(&mark).await;
    let before = daemon.wait_for_status(&job, "Running").await;
    for _ in 0..2 {
        daemon.kill_and_restart().await;
        let detail = daemon.detail(&job).await;
        assert_eq!((&detail["status"], &detail["attempts"]), (&json!("Running"), &before["attempts"]), "{detail:#}");
    }
    fs::write(daemon.data().join("jobs").join(&job).join("work/go"), "").unwrap();
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!((&detail["status"], detail["attempts"].as_array().unwrap().len()), (&json!("Succeeded"), 1));
    assert_eq!(daemon.log(&job, 0).await, "done\n");
    assert_eq!(daemon.events(&job).await, ["NotStarted", "Starting", "Running", "Succeeded"]);
    assert_dead(&job);
    wait_until_gone(&mark).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_and_its_log_name_what_this_user_lacks() {
    let mut daemon = Daemon::start_ordinary(ROOMY).await;
    let shown = centre(&daemon).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (isolation, means) = (text(&shown["isolation"]), text(&shown["killing"]["means"]));
    let limits = ["cpu", "memory", "pids"].map(|what| text(&shown["limits"][what]));
    if rustix::process::geteuid().is_root() {
        // This user has no delegated control group.
        assert_eq!(limits, ["none"; 3]);
        assert!(["pid namespace", "subreaper"].contains(&means.as_str()), "{shown:#}");
        assert!(!text(&shown["limits"]["note"]).is_empty(), "{shown:#}");
    }
    assert_ne!(isolation, "own user");
    let mut show = Command::new(PROGRAM);
    show.args(["centre", "show", "--server", &daemon.url]).env("TRAINYARD_API_KEY", &daemon.admin);
    let show = tokio::task::spawn_blocking(move || show.output().unwrap()).await.unwrap();
    let printed = String::from_utf8(show.stdout).unwrap();
    let by = match limits.each_ref().map(String::as_str) {
        ["none", "none", "none"] => format!("not enforced ({})", text(&shown["limits"]["note"])),
        [cpu, memory, pids] => format!("cores by {cpu}, memory by {memory}, processes by {pids}"),
    };
    let expected = [isolation, format!("{means}: {}", text(&shown["killing"]["note"])), by.clone()];
    assert!(expected.iter().all(|part| printed.contains(part)), "{printed}");
    for one in shown["isolationMeans"].as_array().unwrap() {
        let note = if one["used"] == true { "" } else { "NOT USED (" };
        let line = format!("{}: {note}{}", text(&one["means"]), text(&one["note"]));
        assert!(printed.contains(&line), "{line}: {printed}");
    }

    // A killed shim has the effect that the server describes.
    let mark = mark(4);
    let job = daemon.job(&with_detached_processes(&mark, "exec sleep 1000"), json!({})).await;
    wait_for_detached(&mark).await;
    let started = daemon.data().join("jobs").join(&job).join("attempt-1/started");
    let started: Value = serde_json::from_slice(&fs::read(started).unwrap()).unwrap();
    processes::signal(started["shim"]["pid"].as_u64().unwrap().try_into().unwrap(), Signal::KILL);
    assert_eq!(daemon.wait_for_end(&job).await["reason"], "WorkerLost");
    match means.as_str() {
        "subreaper" => {
            assert!(expected[1].contains("may outlive"), "{printed}");
            for pid in processes::with_argument(&mark) {
                processes::signal(pid, Signal::KILL);
            }
        }
        _ => wait_until_gone(&mark).await,
    }

    daemon.kill();
    let mut again = daemon.second_server().stderr(Stdio::piped()).spawn().unwrap();
    let stderr = BufReader::new(again.stderr.take().unwrap());
    let log = tokio::task::spawn_blocking(move || {
        let lines = stderr.lines().map(Result::unwrap);
        let mut log: Vec<String> = Vec::new();
        for line in lines {
            let is_last = line.contains("kill method");
            log.push(line);
            if is_last {
                break;
            }
        }
        log.join("\n")
    })
    .await
    .unwrap();
    again.kill().unwrap();
    again.wait().unwrap();
    let expected = [expected[0].clone(), format!("kill method {means}; limits: {by}")];
    assert!(expected.iter().all(|part| log.contains(part)), "{log}");
}
