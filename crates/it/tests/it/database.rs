//! Databases that the server did not leave as it writes them: rows that cannot be read, and a database of the version before.

mod live_jobs;

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    caller::{Caller, until},
    daemon::Daemon,
    harness::{Host, PROGRAM, ROOMY},
};

const DAMAGE: &str = include_str!("../fixtures/damage.sql");
/// The database of a server of the version before, which was stopped while jobs ran.
const OLD_SERVER: &str = include_str!("../../../store/tests/fixtures/server-of-schema-5.sql");

/// The boot in which that server ran.
const OLD_BOOT: &str = "b819955d-0bb2-4a51-b610-df1209aa8ed1";

/// One core, so that a second job must wait.
const ONE_CORE: &str = "[[centre]]
id = 1
name = \"one core\"
engine = \"local\"
runtime = \"process\"
capacity = { cpu_cores = 1, memory_gb = 64, gpus = [] }
";
/// Runs until the file `go` exists in its work directory.
const UNTIL_GO: &str = "until [ -e go ]; do sleep 0.05; done";

/// Runs SQL on a database through a connection of another program, while the server may use it.
fn run_sql(database: &Path, sql: &str) {
    let program = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], timeout=10)\nc.executescript(sys.stdin.read())\nc.commit()";
    let mut python = Command::new("python3");
    let mut python = python.args(["-c", program]).arg(database).stdin(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    assert!(python.wait().unwrap().success());
}

/// Applies one of the damages to a job.
pub(crate) fn damage(data: &Path, name: &str, job: &str) {
    let sections = DAMAGE.split("\n-- ").find_map(|section| section.strip_prefix(&format!("{name}\n")));
    run_sql(&data.join("trainyard.db"), &sections.unwrap().replace("ID", job));
}

fn let_end(data: &Path, job: &str) {
    fs::write(data.join("jobs").join(job).join("work/go"), "").unwrap();
}

/// The ids of all listed jobs, and the total.
async fn listed(caller: &Caller) -> (Vec<String>, u64) {
    let page = caller.get("/v1/training/instance/list?pageSize=100").await.ok();
    let records = page["records"].as_array().unwrap();
    let ids = records.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect();
    (ids, page["totalRows"].as_u64().unwrap())
}

async fn answers_500(caller: &Caller, job: &str) {
    let reply = caller.get(&format!("/v1/training/instance/{job}/detail")).await;
    let expected = json!({"status": 500, "message": "Internal Server Error", "data": {}});
    assert_eq!((reply.status, &reply.body), (500, &expected));
    assert_eq!(caller.stop(job).await.status, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_goes_on_with_all_other_jobs_when_rows_cannot_be_read() {
    let mut daemon = Daemon::start(ONE_CORE, &[]).await;
    let ended = daemon.job("true", json!({})).await;
    daemon.wait_for_end(&ended).await;
    let running = daemon.job(UNTIL_GO, json!({})).await;
    daemon.wait_for_status(&running, "Running").await;
    // Both wait, and the scheduler has read both: the first of them is next.
    let first = daemon.job("true", json!({})).await;
    let second = daemon.job("true", json!({})).await;
    damage(&daemon.data(), "state", &first);
    damage(&daemon.data(), "spec", &ended);
    damage(&daemon.data(), "event", &running);
    answers_500(&daemon, &first).await;
    answers_500(&daemon, &ended).await;
    assert_eq!(listed(&daemon).await, (vec![second.clone(), running.clone()], 4));
    assert!(!daemon.events(&running).await.is_empty(), "the other entries of its history are shown");
    let_end(&daemon.data(), &running);
    assert_eq!(daemon.wait_for_end(&running).await["status"], "Succeeded");
    assert_eq!(daemon.wait_for_end(&second).await["status"], "Succeeded");
    daemon.kill_and_restart().await;
    let new = daemon.job("echo went", json!({})).await;
    assert_eq!(daemon.wait_for_end(&new).await["status"], "Succeeded");
    assert_eq!(daemon.log(&new, 0).await, "went\n");
    answers_500(&daemon, &first).await;
    assert_eq!(listed(&daemon).await, (vec![new, second, running], 5));
    assert!(daemon.terminate().await.success());
    // The log names the damaged row of a job that the loops read.
    let log = daemon.dir.path().join("log");
    let mut server = daemon.second_server().stderr(File::create(&log).unwrap()).spawn().unwrap();
    let line = until(async || {
        let text = fs::read_to_string(&log).unwrap();
        text.lines().find(|line| line.contains(&first)).map(str::to_owned).ok_or(text)
    })
    .await;
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(line.contains(&format!("row {first} of table jobs cannot be read: column state")), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_of_a_running_job_that_cannot_be_read_are_not_given_to_others() {
    let host = Host::start_without_loops(ONE_CORE).await;
    let running = host.job(UNTIL_GO, json!({})).await;
    host.scheduler_pass().await;
    until(async || {
        host.runner_pass().await;
        let status = host.detail(&running).await["status"].clone();
        if status == "Running" { Ok(()) } else { Err(status) }
    })
    .await;
    let dir = host.close().await;
    damage(&dir.path().join("data"), "state", &running);
    let host = Host::open(dir, ONE_CORE).await;
    let data = host.dir.path().join("data");
    let waiting = host.job("true", json!({})).await;
    for _ in 0..2 {
        host.scheduler_pass().await;
        host.runner_pass().await;
    }
    let detail = host.detail(&waiting).await;
    assert_eq!(detail["status"], "NotStarted", "{detail:#}");
    let reasons = detail["waitingFor"].to_string();
    assert!(reasons.contains("WaitingForCpu"), "{detail:#}");
    damage(&data, "repair of a running job", &running);
    let_end(&data, &running);
    for job in [&running, &waiting] {
        until(async || {
            host.runner_pass().await;
            host.scheduler_pass().await;
            let status = host.detail(job).await["status"].clone();
            if status == "Succeeded" { Ok(()) } else { Err(status) }
        })
        .await;
    }
}

/// A data directory with the database of the version before. Its attempts ran in this boot of the host.
async fn old_data_dir(boot: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let here = OLD_SERVER.replace("/srv/trainyard/data", data.to_str().unwrap()).replace(OLD_BOOT, boot);
    run_sql(&data.join("trainyard.db"), &here);
    // The directory to which the database belongs, so that the server does not take it for a copy from elsewhere.
    let identity = OLD_SERVER.lines().find_map(|line| line.split_once("data_directory VALUES('"));
    fs::write(data.join("identity"), identity.unwrap().1.trim_end_matches("');")).unwrap();
    let mut reset = Command::new(PROGRAM);
    reset.args(["key", "reset-admin", "--data-dir"]).arg(&data).env_remove("TRAINYARD_SERVER");
    let output = tokio::task::spawn_blocking(move || reset.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_version_before_opens_and_its_live_jobs_are_managed() {
    let daemon = Daemon::start_in(old_data_dir(OLD_BOOT).await, PROGRAM.into(), ROOMY, &[]).await;
    let (ids, total) = listed(&daemon).await;
    assert_eq!((ids.len(), total), (11, 11));
    let mut by_name = std::collections::BTreeMap::new();
    for id in ids {
        let detail = daemon.detail(&id).await;
        by_name.insert(detail["name"].as_str().unwrap().to_owned(), (id, detail));
    }
    let names: Vec<&str> = by_name.keys().map(String::as_str).collect();
    let expected = [
        "failed",
        "killed",
        "missing",
        "mounted",
        "queued",
        "retrying",
        "running",
        "stopped",
        "stopping",
        "succeeded",
        "timedout",
    ];
    assert_eq!(names, expected);
    assert_eq!(by_name["failed"].1["attempts"].as_array().unwrap().len(), 2);
    // Their processes are gone, with the host on which they ran; the runner finds that out and retries or ends the jobs.
    let was_lost =
        |detail: &Value| detail["attempts"][0]["status"] != "Running" && detail["attempts"][0]["status"] != "Stopping";
    for name in ["running", "stopping"] {
        let detail = daemon.wait_until(&by_name[name].0, was_lost).await;
        assert!(!detail["attempts"][0]["endTimeMs"].is_null(), "{detail:#}");
    }
    assert_eq!(daemon.wait_for_end(&by_name["stopping"].0).await["status"], "Stopped");
    let templates = daemon.get("/v1/training/template/list?archived=all").await.ok();
    assert_eq!(templates["totalRows"], 2, "{templates:#}");
    let storages = daemon.get("/v1/aidc/1/storage/list").await.ok();
    assert_eq!(storages.as_array().unwrap().len(), 2);
    let new = daemon.job("true", json!({})).await;
    assert_eq!(daemon.wait_for_end(&new).await["status"], "Succeeded");
}
