//! Each waiting job lists all reasons: which resource is missing, how much of it, and which jobs are ahead.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

/// Returns code and message of each waiting reason of a job.
async fn waiting_reasons(host: &Host, job: &str) -> Vec<(String, String)> {
    let detail = host.detail(job).await;
    assert_eq!(detail["status"], "NotStarted", "{detail:#}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let reasons = detail["waitingFor"].as_array().unwrap().iter();
    reasons.map(|reason| (text(&reason["code"]), text(&reason["message"]))).collect()
}

fn pair(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

/// Removes and checks the last reason, which must say that the job is the first of `of` jobs.
fn take_first(mut reasons: Vec<(String, String)>, of: u32) -> Vec<(String, String)> {
    let (code, message) = reasons.pop().unwrap();
    assert_eq!(code, "FirstInQueue");
    assert!(message.starts_with(&format!("1st of {of} in the queue")), "{message}");
    reasons
}

/// Removes and checks the last reason, which must have this position and name the first of the jobs ahead.
fn take_ahead(mut reasons: Vec<(String, String)>, position: &str, first: &str) -> Vec<(String, String)> {
    let (code, message) = reasons.pop().unwrap();
    assert_eq!(code, "AheadInQueue");
    assert!(message.starts_with(&format!("{position} in the queue")) && message.contains(first), "{message}");
    reasons
}

#[tokio::test]
async fn each_missing_resource_is_named_with_its_amount_and_the_jobs_ahead() {
    let host = Host::start_without_loops(ROOMY).await;
    let resource = json!({"resource": {"cpuCores": 20.5, "memoryGB": 20.25, "gpuCount": 3, "workerCount": 2}});
    let starting = host.job("true", resource).await;
    host.scheduler_pass().await;
    // The job is placed and not launched: its resources are allocated.
    assert_eq!(host.detail(&starting).await["status"], "Starting");
    let everything = json!({"resource": {"cpuCores": 32, "memoryGB": "24", "gpuCount": 4, "workerCount": 2}});
    let head = host.job("true", everything).await;
    let second = host.job("true", json!({"resource": {"gpuCount": 5, "gpuName": "NVIDIA L40S PCIE 48G"}})).await;
    let third = host.job("true", json!({"resource": {"memoryGB": 1}})).await;
    let urgent = host.job("true", json!({"priority": 3, "resource": {"cpuCores": 64, "memoryGB": 1}})).await;
    host.scheduler_pass().await;
    let lacks_cores = pair("WaitingForCpu", "needs 64 cores: 23 of 64 free, 41 missing");
    assert_eq!(take_first(waiting_reasons(&host, &urgent).await, 4), std::slice::from_ref(&lacks_cores));
    let expected = [
        lacks_cores,
        pair("WaitingForMemory", "needs 48 GB of memory: 23.5 of 64 free, 24.5 missing"),
        pair("WaitingForGpu", "needs 8 GPUs: 2 of 8 free, 6 missing"),
    ];
    let all = waiting_reasons(&host, &head).await;
    let detail = host.detail(&head).await;
    let sentences: Vec<&str> = all.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!((&detail["reason"], &detail["message"]), (&json!("WaitingForResources"), &json!(sentences.join("; "))));
    assert_eq!(take_ahead(all, "2nd of 4", &urgent), expected);
    let of_model = "needs 5 GPUs of model NVIDIA-L40S-PCIE-48G: 2 of 8 free, 3 missing";
    assert_eq!(
        take_ahead(waiting_reasons(&host, &second).await, "3rd of 4", &urgent),
        [pair("WaitingForGpu", of_model)]
    );
    assert_eq!(take_ahead(waiting_reasons(&host, &third).await, "4th of 4", &urgent), []);

    // When the first job is gone the others move up, and their histories do not grow.
    let before = host.events(&third).await;
    host.stop(&urgent).await.ok();
    host.scheduler_pass().await;
    assert_eq!(take_ahead(waiting_reasons(&host, &third).await, "3rd of 3", &head), []);
    assert_eq!(host.events(&third).await, before);
    // A second pass without a change writes nothing.
    let detail = host.detail(&third).await;
    host.scheduler_pass().await;
    assert_eq!(host.detail(&third).await, detail);
}

#[tokio::test]
async fn a_nearly_full_disk_blocks_every_start() {
    let host = Host::start_without_loops(&format!("min_free_gb = 1e9\n{ROOMY}")).await;
    let job = host.job("true", json!({})).await;
    host.scheduler_pass().await;
    let urgent = host.job("true", json!({"priority": 3})).await;
    host.scheduler_pass().await;
    let [(code, message)] = take_ahead(waiting_reasons(&host, &job).await, "2nd of 2", &urgent).try_into().unwrap();
    assert_eq!(code, "WaitingForDisk");
    let position = pair("FirstInQueue", "1st of 2 in the queue");
    assert_eq!(waiting_reasons(&host, &urgent).await, [pair("WaitingForDisk", &message), position]);
    assert!(message.contains("GB free") && message.contains("1000000000 GB"), "{message}");
    assert!(!host.dir.path().join("data/jobs").join(&job).exists());
    // With enough free space the job starts; the configuration sets the limit.
    let host = Host::open(host.close().await, ROOMY).await;
    host.scheduler_pass().await;
    assert_eq!(host.detail(&job).await["status"], "Starting");
}

#[tokio::test]
async fn a_job_of_a_removed_or_smaller_centre_says_so_and_blocks_no_other() {
    let two = "[[centre]]\nid = 2\nname = \"second\"\ncapacity = { cpu_cores = 8, memory_gb = 8, gpus = [] }\n";
    let host = Host::start_without_loops(&format!("{ROOMY}{two}")).await;
    let large = host.job("true", json!({"resource": {"cpuCores": 32, "gpuCount": 2}, "priority": 3})).await;
    let elsewhere = host.job("true", json!({"aidcId": 2})).await;
    let small = host.job("true", json!({})).await;
    let shrunk = "[[centre]]\nid = 1\nname = \"small\"\ncapacity = { cpu_cores = 4, memory_gb = 64, gpus = [] }\n";
    let host = Host::open(host.close().await, shrunk).await;
    host.scheduler_pass().await;
    let expected = [
        pair("CentreTooSmall", "needs 32 cores, but the centre has only 4 in total, so it cannot start"),
        pair("CentreTooSmall", "needs 2 GPUs, but the centre has none, so it cannot start"),
    ];
    assert_eq!(waiting_reasons(&host, &large).await, expected);
    let unknown = pair("CentreUnknown", "centre 2 is not in the configuration");
    assert_eq!(waiting_reasons(&host, &elsewhere).await, [unknown]);
    assert_eq!(host.detail(&small).await["status"], "Starting");
    // Both jobs can be stopped, and run when their centre is back.
    host.stop(&large).await.ok();
    assert_eq!(host.detail(&large).await["status"], "Stopped");
    let host = Host::open(host.close().await, &format!("{ROOMY}{two}")).await;
    host.scheduler_pass().await;
    assert_eq!(host.detail(&elsewhere).await["status"], "Starting");
}

#[tokio::test]
async fn a_job_placed_before_a_crash_is_launched_by_the_next_server() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("echo once >>$TRAINYARD_CHECKPOINT_DIR/ran", json!({"resource": {"workerCount": 2}})).await;
    host.scheduler_pass().await;
    let host = Host::open(host.close().await, ROOMY).await;
    assert_eq!(host.detail(&job).await["status"], "Starting");
    // A server that dies before it saves the handle launches the attempt twice, which starts it only once.
    host.runner_pass().await;
    let host = Host::open(host.close().await, ROOMY).await;
    host.runner_pass().await;
    host.server.start_loops();
    assert_eq!(host.wait_for_end(&job).await["status"], "Succeeded");
    let ran = host.dir.path().join(format!("data/jobs/{job}/checkpoint/ran"));
    assert_eq!(std::fs::read_to_string(ran).unwrap(), "once\nonce\n");
}

#[tokio::test]
async fn single_passes_take_a_job_from_its_creation_to_its_end() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("exec sleep 1000", json!({})).await;
    let status = async || host.detail(&job).await["status"].as_str().unwrap().to_owned();
    assert_eq!(status().await, "NotStarted");
    host.scheduler_pass().await;
    assert_eq!(status().await, "Starting");
    let run_until = async |wanted: &str| {
        crate::harness::until(async || {
            host.runner_pass().await;
            let status = host.detail(&job).await["status"].clone();
            if status == wanted { Ok(()) } else { Err(status) }
        })
        .await;
    };
    run_until("Running").await;
    host.stop(&job).await.ok();
    assert_eq!(status().await, "Stopping");
    run_until("Stopped").await;
}

#[tokio::test]
async fn a_reason_names_no_job_of_another_project() {
    let host = Host::start_without_loops(ROOMY).await;
    let key = host.key("ann", "vision", "member").await;
    let create = async |cores: u32, priority: u32| {
        let body = json!({"createType": "CUSTOM", "startCommand": "true", "priority": priority,
                          "resource": {"cpuCores": cores, "memoryGB": 1}});
        let request = host.request(reqwest::Method::POST, "/v1/training/instance/create", &key).json(&body);
        host.send(request).await.created_id()
    };
    host.job("true", json!({"resource": {"cpuCores": 60, "memoryGB": 1}})).await;
    host.scheduler_pass().await;
    let head = host.job("true", json!({"priority": 3, "resource": {"cpuCores": 64, "memoryGB": 1}})).await;
    let large = create(64, 2).await;
    let small = create(1, 1).await;
    let own = host.job("true", json!({"priority": 1, "resource": {"cpuCores": 64, "memoryGB": 1}})).await;
    host.scheduler_pass().await;
    host.scheduler_pass().await;
    for job in [&large, &small] {
        let request = host.request(reqwest::Method::GET, &format!("/v1/training/instance/{job}/detail"), &key);
        let detail = host.send(request).await.ok();
        assert!(!detail.to_string().contains(&head), "{detail:#}");
        assert!(detail["message"].as_str().unwrap().contains("behind a job of another project"), "{detail:#}");
        let request = host.request(reqwest::Method::GET, &format!("/v1/training/instance/{job}/event/list"), &key);
        assert!(!host.send(request).await.ok().to_string().contains(&head));
    }
    assert!(host.detail(&own).await["message"].as_str().unwrap().contains(&head), "a job of the own project is named");
}
