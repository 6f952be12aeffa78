//! Resource limits of workers: they are enforced, a worker over its limit is reported as such, and without limits the
//! server warns before a start.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

const LIST: &str = "/v1/aidc/list";

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_over_its_memory_limit_fails_the_job_and_is_named() {
    let host = Host::start(ROOMY).await;
    if host.get(LIST).await.ok()[0]["limits"]["memory"] == "none" {
        return eprintln!("skipped: this host cannot limit memory");
    }
    let wants = json!({"resource": {"workerCount": 2, "memoryGB": "0.063"}, "stopGraceSeconds": 1});
    for command in [
        "[ $TRAINYARD_RANK = 0 ] && exec sleep 1000; exec tail /dev/zero",
        // The kernel kills a child, and the main process exits with an error.
        "[ $TRAINYARD_RANK = 0 ] && exec sleep 1000; tail /dev/zero; exit 4",
    ] {
        let job = host.job(command, wants.clone()).await;
        let detail = host.wait_for_end(&job).await;
        assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("OutOfMemory")), "{detail:#}");
        assert_eq!(detail["message"], "rank 1 ran out of memory and was killed");
        let workers = &detail["attempts"][0]["workers"];
        assert_eq!((&workers[1]["reason"], &workers[0]["reason"]), (&json!("OutOfMemory"), &json!("Stopped")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_reaches_its_limit_and_can_be_stopped() {
    let host = Host::start(&format!("{ROOMY}pids_per_worker = 64\n")).await;
    if host.get(LIST).await.ok()[0]["limits"]["pids"] == "none" {
        return eprintln!("skipped: this host cannot limit processes");
    }
    let command = "trap '' TERM; bomb() { bomb | bomb & }; bomb; while :; do sleep 0.05; done";
    let job = host.job(command, json!({"stopGraceSeconds": 1})).await;
    // The shell reports that the kernel refused a new process.
    host.wait_for_output(&job, 0, "annot fork").await;
    host.stop(&job).await.ok();
    assert_eq!(host.wait_for_end(&job).await["status"], "Stopped");
    let left = crate::processes::of_job(&job);
    assert!(left.is_empty(), "{:?}", crate::processes::describe(&left));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_limits_the_preview_and_the_job_show_warnings() {
    let host = Host::start(&format!("{ROOMY}limits = \"off\"\n")).await;
    let limits = &host.get(LIST).await.ok()[0]["limits"];
    assert_eq!(["cpu", "memory", "pids"].map(|what| &limits[what]), [&json!("none"); 3]);
    assert!(limits["note"].as_str().unwrap().contains("limits = \"off\""), "{limits:#}");
    let warned = |answer: &Value| {
        let warnings = answer["warnings"].as_array().unwrap().iter();
        let found: Vec<String> = warnings.map(|one| one["path"].as_str().unwrap().to_owned()).collect();
        ["resource.cpuCores", "resource.memoryGB", "startCommand"].map(|path| found.iter().any(|one| one == path))
    };
    // More than the memory limit, if there were one.
    let wants = json!({"resource": {"memoryGB": "0.016"}});
    let command = "head -c 50000000 /dev/zero | tail -c 40000000 | wc -c";
    let content = json!({"name": "free", "startCommand": command, "resource": wants["resource"]});
    let template = host.post("/v1/training/template/create", &content).await.created_id();
    let preview = format!("/v1/training/template/{template}/preview");
    assert_eq!(warned(&host.post(&preview, &json!({})).await.ok()), [true; 3]);
    let job = host.job(command, wants).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!((&detail["status"], warned(&detail)), (&json!("Succeeded"), [true; 3]), "{detail:#}");
    // Without memory accounting the server cannot tell why the worker was killed.
    let killed = host.job("kill -KILL $$", json!({})).await;
    let message = "rank 0 was killed by signal 9 (SIGKILL); running out of memory is one possible cause";
    assert_eq!(host.wait_for_end(&killed).await["message"], message);
}
