//! The server is killed and started again, and running jobs do not notice.

use std::{path::PathBuf, time::Duration};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    caller::{pod_name, until},
    daemon::Daemon,
    harness::ROOMY,
    processes,
};

/// A command that prints a number twenty times a second.
fn print_ticks(count: u32) -> String {
    let script =
        format!("import time\nfor i in range({count}):\n  print(\"tick\", i, flush=True)\n  time.sleep(0.05)\n");
    format!("exec python3 -c '{script}'")
}

/// The log of [`print_ticks`] with the same count.
fn expected_ticks(count: u32) -> String {
    (0..count).map(|i| format!("tick {i}\n")).collect()
}

/// Returns pid and start time of each worker of the latest attempt, so that a reused pid is not mistaken for it.
fn workers(detail: &Value) -> Vec<(u32, Option<u64>)> {
    let attempt = detail["attempts"].as_array().unwrap().last().unwrap();
    let pid = |worker: &Value| u32::try_from(worker["pid"].as_u64().unwrap()).unwrap();
    let pids = attempt["workers"].as_array().unwrap().iter().map(pid);
    pids.map(|pid| (pid, processes::start_ticks(pid))).collect()
}

fn attempt_dir(daemon: &Daemon, job: &str) -> PathBuf {
    daemon.data().join("jobs").join(job).join("attempt-1")
}

const FAST_JOB: [&str; 4] = ["NotStarted", "Starting", "Running", "Succeeded"];

async fn check_success_at_first_attempt(daemon: &Daemon, job: &str) {
    let detail = daemon.wait_for_end(job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(detail["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(daemon.events(job).await, FAST_JOB);
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_the_server_disturb_neither_a_job_nor_its_followers() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let job = daemon.job(&print_ticks(160), json!({"resource": {"workerCount": 2}})).await;
    let before = workers(&daemon.wait_for_status(&job, "Running").await);
    let mut follow = daemon.client().log_follow(&job, &pod_name(&job, 1), None, 0);
    let reader = async {
        let mut text = String::new();
        while let Some(chunk) = follow.next().await.unwrap() {
            assert_eq!(chunk.offset, text.len() as u64);
            text.push_str(&chunk.text);
        }
        text
    };
    let mut history = daemon.client().event_follow(&job, 0);
    let event_reader = async {
        let mut kinds = Vec::new();
        while let Some(event) = history.next().await.unwrap() {
            kinds.push(event.kind);
        }
        kinds
    };
    let kills = async {
        for seen in [20, 60, 100] {
            daemon.wait_for_output(&job, 0, &format!("tick {seen}\n")).await;
            daemon.kill_and_restart().await;
            let detail = daemon.detail(&job).await;
            assert_eq!(detail["status"], "Running", "{detail:#}");
            assert_eq!(workers(&detail), before);
        }
        daemon.wait_for_end(&job).await
    };
    let (followed, kinds, detail) = tokio::join!(reader, event_reader, kills);
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(detail["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(daemon.log(&job, 0).await, expected_ticks(160));
    assert_eq!(daemon.log(&job, 1).await, expected_ticks(160));
    assert_eq!(followed, expected_ticks(160));
    assert_eq!(kinds, FAST_JOB);
    assert_eq!(daemon.events(&job).await, FAST_JOB);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ends_while_the_server_is_down_is_recorded_once_with_its_end_time() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let job = daemon.job(&print_ticks(20), json!({})).await;
    daemon.wait_for_status(&job, "Running").await;
    daemon.kill();
    let status = attempt_dir(&daemon, &job).join("status.json");
    let end_is_recorded = async || {
        let text = std::fs::read_to_string(&status).unwrap();
        let record: Value = serde_json::from_str(&text).unwrap();
        if record["phase"] == "ended" { Ok(record) } else { Err(record) }
    };
    let record = until(end_is_recorded).await;
    daemon.start_again();
    daemon.wait_until_ready().await;
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    assert_eq!(detail["endTimeMs"], record["ended_ms"]);
    assert_eq!(daemon.log(&job, 0).await, expected_ticks(20));
    // After two more restarts the event is still in the history only once.
    for _ in 0..2 {
        daemon.kill_and_restart().await;
    }
    assert_eq!(daemon.events(&job).await, FAST_JOB);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_job_runs_exactly_once_though_the_server_is_killed() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let mut jobs = Vec::new();
    for round in 0..8_u64 {
        let command = "echo $TRAINYARD_RANK >>$TRAINYARD_CHECKPOINT_DIR/../work/runs";
        let more = json!({"resource": {"workerCount": 2}, "enableAutoRetry": true});
        jobs.push(daemon.job(command, more).await);
        // The kills come at moments from before the placement until after the start of the workers.
        tokio::time::sleep(Duration::from_millis(round * 4)).await;
        daemon.kill_and_restart().await;
    }
    for job in jobs {
        check_success_at_first_attempt(&daemon, &job).await;
        let runs = daemon.data().join("jobs").join(&job).join("work/runs");
        let runs = std::fs::read_to_string(runs).unwrap();
        let mut ranks: Vec<&str> = runs.lines().collect();
        ranks.sort_unstable();
        assert_eq!(ranks, ["0", "1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_stop_takes_effect_though_the_server_is_killed() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    for wait_ms in [0, 2, 10, 30] {
        let job = daemon.job("sleep 1000", json!({"resource": {"workerCount": 2}})).await;
        if wait_ms > 0 {
            daemon.wait_for_status(&job, "Running").await;
        }
        assert_eq!(daemon.stop(&job).await.status, 200);
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        daemon.kill_and_restart().await;
        let detail = daemon.wait_for_end(&job).await;
        assert_eq!(detail["status"], "Stopped", "{detail:#}");
        let left = processes::of_job(&job);
        assert!(left.is_empty(), "{:?}", processes::describe(&left));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_jobs_survive_ten_kills_at_any_moment() {
    const COUNT: u32 = 60;
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let mut random: u64 = 0x5eed_0fe1_e7e4_b10c;
    let mut jobs = Vec::new();
    for _ in 0..10 {
        let more = json!({"resource": {"workerCount": 2}, "enableAutoRetry": true});
        jobs.push(daemon.job(&print_ticks(COUNT), more).await);
        // Xorshift: the same sequence of random numbers in every run.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        tokio::time::sleep(Duration::from_millis(random % 500)).await;
        daemon.kill_and_restart().await;
    }
    for job in jobs {
        check_success_at_first_attempt(&daemon, &job).await;
        for rank in 0..2 {
            assert_eq!(daemon.log(&job, rank).await, expected_ticks(COUNT));
        }
        let left = processes::of_job(&job);
        assert!(left.is_empty(), "{:?}", processes::describe(&left));
    }
    let shims = processes::with_argument(&daemon.data().join("jobs").to_string_lossy());
    assert!(shims.is_empty(), "{:?}", processes::describe(&shims));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_server_exits_and_its_jobs_continue() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let job = daemon.job(&print_ticks(60), json!({})).await;
    let before = workers(&daemon.wait_for_status(&job, "Running").await);
    let address = daemon.data().join("server.url");
    assert!(address.exists());
    // A follower keeps a connection open, which must not delay the exit.
    let mut follow = daemon.client().log_follow(&job, &pod_name(&job, 0), None, 0);
    let first = follow.next().await.unwrap().unwrap();
    let ended = daemon.terminate().await;
    assert!(ended.success(), "{ended}");
    assert!(!address.exists());
    daemon.start_again();
    let mut text = first.text;
    while let Some(chunk) = follow.next().await.unwrap() {
        text.push_str(&chunk.text);
    }
    assert_eq!(text, expected_ticks(60));
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    let pids = |of: &[(u32, Option<u64>)]| of.iter().map(|(pid, _)| *pid).collect::<Vec<_>>();
    assert_eq!(pids(&workers(&detail)), pids(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_directory_refuses_and_names_the_first() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let refused = daemon.second_server().stderr(std::process::Stdio::piped()).output().unwrap();
    assert!(!refused.status.success());
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(stderr.contains("in use"), "{stderr}");
    assert!(stderr.contains(&format!("process {}", daemon.pid())), "{stderr}");
    assert!(stderr.contains(&*daemon.data().to_string_lossy()), "{stderr}");
    // The second server has changed nothing, and the lock of a dead server is free.
    daemon.wait_until_ready().await;
    daemon.kill_and_restart().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_attempt_is_retried_only_if_retries_are_enabled() {
    let daemon = Daemon::start(ROOMY, &[]).await;
    let once = "[ $TRAINYARD_ATTEMPT = 2 ] || sleep 1000";
    for (retries, status, attempts) in [(false, "Failed", 1), (true, "Succeeded", 2)] {
        let more = json!({"enableAutoRetry": retries, "maxRetryCount": 0, "retryDelaySeconds": 0});
        let job = daemon.job(once, more).await;
        daemon.wait_for_status(&job, "Running").await;
        let started = attempt_dir(&daemon, &job).join("started");
        let started: Value = serde_json::from_str(&std::fs::read_to_string(started).unwrap()).unwrap();
        let shim = started["shim"]["pid"].as_u64().unwrap();
        processes::signal(shim.try_into().unwrap(), Signal::KILL);
        let detail = daemon.wait_for_end(&job).await;
        assert_eq!(detail["status"], status, "{detail:#}");
        assert_eq!(detail["attempts"].as_array().unwrap().len(), attempts);
        assert_eq!(detail["attempts"][0]["reason"], "WorkerLost", "{detail:#}");
        let left = processes::of_job(&job);
        assert!(left.is_empty(), "{:?}", processes::describe(&left));
    }
}
