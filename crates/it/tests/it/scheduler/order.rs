//! All workers of a job start together. Jobs start in the order of priority and age, and never exceed the capacity.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    harness::{Host, ROOMY},
    processes,
};

/// A centre with this number of cores.
fn cores(count: u32) -> String {
    format!("[[centre]]\nid = 1\nname = \"small\"\ncapacity = {{ cpu_cores = {count}, memory_gb = 64, gpus = [] }}\n")
}

/// Runs until the file `go` exists in the job's work directory.
const WAIT_FOR_GO: &str = "until [ -e go ]; do sleep 0.02; done";

fn release(host: &Host, job: &str) {
    std::fs::write(host.dir.path().join(format!("data/jobs/{job}/work/go")), "").unwrap();
}

fn folder(host: &Host, job: &str) -> std::path::PathBuf {
    host.dir.path().join("data/jobs").join(job)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_starts_with_all_its_workers_or_not_at_all() {
    let host = Host::start(&cores(4)).await;
    let first = host.job(WAIT_FOR_GO, json!({"resource": {"cpuCores": 1.5}})).await;
    host.wait_for_status(&first, "Running").await;
    // One of its two workers would fit.
    let second = host.job("true", json!({"resource": {"cpuCores": 2, "memoryGB": 1, "workerCount": 2}})).await;
    let detail = host.wait_until(&second, |detail| detail["reason"] == "WaitingForResources").await;
    assert_eq!(detail["status"], "NotStarted");
    let missing = "needs 4 cores: 2.5 of 4 free, 1.5 missing";
    let why = "its start time is unknown, because jobs without a time limit hold what it needs";
    let position = format!("1st of 1 in the queue; {why}");
    let reasons = json!([{"code": "WaitingForCpu", "message": missing}, {"code": "FirstInQueue", "message": position}]);
    assert_eq!(detail["waitingFor"], reasons);
    assert_eq!((&detail["message"], &detail["attempts"]), (&json!(format!("{missing}; {position}")), &json!([])));
    assert!(!folder(&host, &second).exists());
    release(&host, &first);
    assert_eq!(host.wait_for_end(&second).await["status"], "Succeeded");
    assert_eq!(host.events(&second).await, ["NotStarted", "NotStarted", "Starting", "Running", "Succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_start_by_priority_and_then_by_age() {
    let host = Host::start(&cores(1)).await;
    let blocker = host.job(WAIT_FOR_GO, json!({})).await;
    host.wait_for_status(&blocker, "Running").await;
    // A working directory in `/tmp` stays visible; nothing else there does.
    let shared = host.dir.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let mut jobs = Vec::new();
    for (name, priority) in [("low", 1), ("old", 2), ("high", 3), ("young", 2), ("unset", 0), ("higher", 3)] {
        let mut more = json!({"workDir": shared});
        if priority > 0 {
            more["priority"] = json!(priority);
        }
        jobs.push(host.job(&format!("echo {name} >>order"), more).await);
    }
    host.wait_until(&jobs[5], |detail| detail["reason"] == "WaitingForResources").await;
    release(&host, &blocker);
    for job in &jobs {
        assert_eq!(host.wait_for_end(job).await["status"], "Succeeded");
    }
    assert_eq!(std::fs::read_to_string(shared.join("order")).unwrap(), "high\nhigher\nold\nyoung\nunset\nlow\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_job_does_not_take_reserved_resources() {
    let host = Host::start(&cores(4)).await;
    let blocker = host.job(WAIT_FOR_GO, json!({"resource": {"cpuCores": 3}})).await;
    host.wait_for_status(&blocker, "Running").await;
    let large = host.job(WAIT_FOR_GO, json!({"resource": {"cpuCores": 4}})).await;
    let small = host.job("true", json!({"resource": {"cpuCores": 0.5}})).await;
    let detail = host.wait_until(&small, |detail| detail["reason"] == "WaitingForResources").await;
    let [reason] = detail["waitingFor"].as_array().unwrap().as_slice() else { panic!("{detail:#}") };
    assert_eq!(reason["code"], "AheadInQueue");
    let message = reason["message"].as_str().unwrap();
    assert!(message.starts_with("2nd of 2 in the queue") && message.contains(&large), "{message}");
    // A job of higher priority does not wait behind the reservation.
    let urgent = host.job("true", json!({"priority": 3})).await;
    assert_eq!(host.wait_for_end(&urgent).await["status"], "Succeeded");
    // A stopped job no longer holds a reservation.
    host.stop(&large).await.ok();
    assert_eq!(host.wait_for_end(&small).await["status"], "Succeeded");
    release(&host, &blocker);
    host.wait_for_end(&blocker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn running_jobs_never_exceed_the_capacity_and_all_run() {
    let host = Host::start(&cores(4)).await;
    let mut jobs = Vec::new();
    for round in 0..24 {
        let more = json!({"resource": {"cpuCores": 1, "workerCount": 1 + round % 2}});
        jobs.push(host.job("date +%s%N; sleep 0.1; date +%s%N", more).await);
    }
    let mut moments: Vec<(u64, i32)> = Vec::new();
    for (round, job) in jobs.iter().enumerate() {
        assert_eq!(host.wait_for_end(job).await["status"], "Succeeded");
        for rank in 0..=u32::try_from(round % 2).unwrap() {
            let log = host.log(job, rank).await;
            let (begin, end) = log.trim().split_once('\n').unwrap();
            moments.extend([(begin.parse().unwrap(), 1), (end.parse().unwrap(), -1)]);
        }
    }
    moments.sort_unstable();
    let (mut running, mut most) = (0, 0);
    for (_, change) in moments {
        running += change;
        most = running.max(most);
    }
    assert!((2..=4).contains(&most), "{most} ran at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_are_free_only_after_the_last_process_is_dead() {
    let host = Host::start(&cores(1)).await;
    let deaf = r#"trap "" TERM; echo ready; while :; do sleep 0.02; done"#;
    let first = host.job(deaf, json!({"stopGraceSeconds": 2})).await;
    host.wait_for_output(&first, 0, "ready").await;
    let pid = processes::of_job(&first)[0];
    let second = host.job(&format!("test ! -e /proc/{pid}"), json!({})).await;
    host.stop(&first).await.ok();
    assert_eq!(host.detail(&first).await["status"], "Stopping");
    let waiting = host.wait_until(&second, |detail| detail["reason"] == "WaitingForResources").await;
    assert_eq!(waiting["status"], "NotStarted");
    let detail = host.wait_for_end(&second).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_waits_in_the_queue_like_any_other_job() {
    let host = Host::start(&cores(1)).await;
    let command = "[ $TRAINYARD_ATTEMPT = 2 ] || exit 1";
    let more = json!({"enableAutoRetry": true, "retryDelaySeconds": 1});
    let first = host.job(command, more).await;
    host.wait_for_status(&first, "Retrying").await;
    // The retry gives up its resources meanwhile. Back in the queue it is the oldest job again.
    let blocker = host.job(WAIT_FOR_GO, json!({})).await;
    host.wait_for_status(&blocker, "Running").await;
    let young = host.job("true", json!({})).await;
    let detail = host.wait_until(&first, |detail| detail["waitingFor"][0]["code"] == "WaitingForCpu").await;
    assert_eq!(detail["status"], "NotStarted");
    let is_behind = |detail: &Value| {
        let reason = detail["waitingFor"].as_array().and_then(|all| all.last().cloned()).unwrap_or_default();
        reason["code"] == "AheadInQueue" && reason["message"].as_str().unwrap().contains(&first)
    };
    host.wait_until(&young, is_behind).await;
    release(&host, &blocker);
    let ends = [host.wait_for_end(&first).await, host.wait_for_end(&young).await];
    assert_eq!(ends.map(|detail| detail["status"].clone()), ["Succeeded", "Succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_declared_capacity_the_host_is_measured() {
    let host = Host::start("").await;
    let centres = host.get("/v1/aidc/list").await.ok();
    let listed: Vec<Value> = centres.as_array().unwrap().clone();
    assert_eq!(listed[0]["id"], 1);
    let too_much = json!({"createType": "CUSTOM", "startCommand": "true", "resource": {"cpuCores": 100_000}});
    let refused = host.post("/v1/training/instance/create", &too_much).await;
    assert_eq!(refused.faults(), [("resource.cpuCores".to_owned(), "never_fits".to_owned())]);
    let job = host.job("true", json!({})).await;
    assert_eq!(host.wait_for_end(&job).await["status"], "Succeeded");
    assert!(Path::new("/proc/self").exists());
    let roomy = Host::start_without_loops(ROOMY).await;
    assert_eq!(roomy.get("/v1/aidc/list").await.ok().as_array().unwrap().len(), 1);
}
