//! How workers end, and which result that gives their job.

use serde_json::{Value, json};

use crate::{
    harness::{Host, ROOMY},
    processes,
};

/// Runs a job of two workers to its end and asserts that it failed and that no process is left.
async fn failed(host: &Host, command: &str, more: Value) -> Value {
    let mut all = json!({"resource": {"workerCount": 2}});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let job = host.job(command, all).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Failed", "{detail:#}");
    let left = processes::of_job(&job);
    assert!(left.is_empty(), "{:?}", processes::describe(&left));
    detail
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_names_the_rank_that_failed_first_and_the_other_is_stopped() {
    let host = Host::start(ROOMY).await;
    let is_counted = host.get("/v1/aidc/list").await.ok()[0]["limits"]["memory"] != "none";
    let memory = if is_counted { "" } else { "; running out of memory is one possible cause" };
    let killed = format!("rank 1 was killed by signal 9 (SIGKILL){memory}");
    for (command, reason, message, worker) in [
        (
            "[ $TRAINYARD_RANK = 0 ] && exec sleep 1000; exit 3",
            "WorkerFailed",
            "rank 1 exited with status 3",
            json!({"exitCode": 3, "reason": "WorkerFailed"}),
        ),
        (
            "[ $TRAINYARD_RANK = 0 ] && exec sleep 1000; kill -KILL $$",
            "Killed",
            &killed,
            json!({"signal": 9, "reason": "Killed"}),
        ),
        (
            "[ $TRAINYARD_RANK = 0 ] && exec sleep 1000; sh -c 'kill -SEGV $$'; exit $?",
            "Killed",
            "rank 1 was killed by signal 11 (SIGSEGV)",
            json!({"exitCode": 139, "signal": 11, "reason": "Killed"}),
        ),
        (
            "[ $TRAINYARD_RANK = 0 ] && exec sleep 1000; exit 255",
            "WorkerFailed",
            "rank 1 exited with status 255",
            json!({"exitCode": 255, "reason": "WorkerFailed"}),
        ),
    ] {
        let detail = failed(&host, command, json!({})).await;
        assert_eq!((&detail["reason"], &detail["message"]), (&json!(reason), &json!(message)));
        let attempt = &detail["attempts"][0];
        assert_eq!((&attempt["status"], &attempt["reason"]), (&json!("Failed"), &json!(reason)));
        let [other, first] = [0, 1].map(|rank| &attempt["workers"][rank]);
        assert_eq!(first["status"], "Failed", "{first:#}");
        for (key, value) in worker.as_object().unwrap() {
            assert_eq!(&first[key], value, "{key} of {first:#}");
        }
        assert_eq!((&other["status"], &other["reason"]), (&json!("Stopped"), &json!("Stopped")));
        assert_eq!(other["signal"], 15);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rank_that_fails_because_of_the_first_failure_is_not_named() {
    let host = Host::start(ROOMY).await;
    // Rank 0 fails as soon as it gets SIGTERM, as a training does after it has lost its peer.
    let command = r#"if [ $TRAINYARD_RANK = 0 ]; then trap "exit 7" TERM; touch ready; while :; do sleep 0.02; done; fi
        until [ -e ready ]; do sleep 0.02; done; exit 3"#;
    for _ in 0..5 {
        let detail = failed(&host, command, json!({})).await;
        assert_eq!(detail["message"], "rank 1 exited with status 3", "{detail:#}");
        assert_eq!(detail["attempts"][0]["workers"][0]["exitCode"], 7);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_can_never_run_is_not_retried() {
    let host = Host::start(ROOMY).await;
    let retries = json!({"enableAutoRetry": true, "retryDelaySeconds": 0});
    for (command, more, reason, message) in [
        (
            "no-such-program --flag",
            json!({}),
            "CommandNotFound",
            "rank 0 exited with status 127: the command was not found; see its log",
        ),
        (
            "/etc/passwd",
            json!({}),
            "CommandNotFound",
            "rank 0 exited with status 126: the command could not be run; see its log",
        ),
        (
            "touch $TRAINYARD_CHECKPOINT_DIR/ran",
            json!({"workDir": "/no/such/directory"}),
            "CannotStart",
            "rank 0 could not start: the working directory /no/such/directory does not exist",
        ),
        (
            "touch $TRAINYARD_CHECKPOINT_DIR/ran",
            json!({"workDir": "/etc/passwd"}),
            "CannotStart",
            "rank 0 could not start: the working directory /etc/passwd is not a directory",
        ),
    ] {
        let mut all = retries.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        all.insert("resource".to_owned(), json!({"workerCount": 1}));
        let detail = failed(&host, command, all.into()).await;
        assert_eq!((&detail["reason"], &detail["message"]), (&json!(reason), &json!(message)));
        assert_eq!(detail["attempts"].as_array().unwrap().len(), 1, "{detail:#}");
        assert_eq!(detail["attempts"][0]["workers"][0]["reason"], reason, "{detail:#}");
        let job = detail["id"].as_str().unwrap();
        let folder = host.dir.path().join("data/jobs").join(job);
        assert!(!folder.join("checkpoint/ran").exists());
        if reason == "CommandNotFound" {
            let log = host.log(job, 0).await;
            assert!(log.contains("not found") || log.contains("ermission denied"), "{log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn background_processes_are_ended_and_do_not_fail_the_job() {
    let host = Host::start(ROOMY).await;
    let mark = format!("{}.25", 100_000 + std::process::id());
    for command in [
        format!("sleep {mark} & exit 0"),
        format!("setsid sleep {mark} >/dev/null 2>&1 </dev/null & exit 0"),
        format!("env -i setsid sleep {mark} & exit 0"),
        format!("(trap '' TERM; exec setsid sleep {mark}) & exit 0"),
    ] {
        let job = host.job(&command, json!({})).await;
        let detail = host.wait_for_end(&job).await;
        assert_eq!(detail["status"], "Succeeded", "{detail:#}");
        let left = processes::with_argument(&mark);
        assert!(left.is_empty(), "{command}: {:?}", processes::describe(&left));
    }
}
