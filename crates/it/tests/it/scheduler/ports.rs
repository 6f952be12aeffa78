//! Ports: each attempt has its own, and they are free when it starts.

use std::{collections::BTreeSet, net::TcpListener};

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

const SHOW: &str = "echo port=$MASTER_PORT.; exec sleep 1000";

async fn torch(host: &Host, workers: u32) -> String {
    host.job(SHOW, json!({"trainingFramwork": "PyTorch", "resource": {"workerCount": workers}, "stopGraceSeconds": 1}))
        .await
}

async fn port(host: &Host, job: &str, rank: u32) -> u16 {
    let log = host.wait_for_output(job, rank, ".\n").await;
    log.trim().strip_prefix("port=").and_then(|rest| rest.strip_suffix('.')).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_run_at_the_same_time_share_no_port() {
    let host = Host::start(ROOMY).await;
    let mut jobs = Vec::new();
    for _ in 0..8 {
        jobs.push(torch(&host, 2).await);
    }
    let mut ports = BTreeSet::new();
    for job in &jobs {
        let own = port(&host, job, 0).await;
        // All ranks of a job use the same master port.
        assert_eq!(port(&host, job, 1).await, own);
        assert!((20_000..=29_999).contains(&own), "{own}");
        ports.insert(own);
    }
    assert_eq!(ports.len(), jobs.len());
    for job in &jobs {
        host.stop(job).await.ok();
    }
    for job in &jobs {
        host.wait_for_status(job, "Stopped").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_not_reserved_and_a_job_waits_for_a_free_one() {
    // A port below the range of ephemeral ports, so that no other process takes it meanwhile.
    let other_process = (31_000..32_000).find_map(|port| TcpListener::bind(("0.0.0.0", port)).ok()).unwrap();
    let used = other_process.local_addr().unwrap().port();
    let range = format!("port_range = [{used}, {}]\n{ROOMY}", used + 1);
    let host = Host::start(&range).await;
    let first = torch(&host, 1).await;
    assert_eq!(port(&host, &first, 0).await, used + 1);
    let second = torch(&host, 1).await;
    let detail = host.wait_until(&second, |detail| detail["reason"] == "WaitingForResources").await;
    assert_eq!(detail["waitingFor"][0]["code"], "WaitingForPorts");
    let position = json!({"code": "FirstInQueue", "message": "1st of 1 in the queue"});
    assert_eq!(detail["waitingFor"][1], position);
    let none = format!("only 0 of the ports {used} to {} are free, but 1 are needed", used + 1);
    assert!(detail["message"].as_str().unwrap().contains(&none), "{detail:#}");
    // A job that needs no port does not wait for one.
    let other = host.job("true", json!({})).await;
    assert_eq!(host.wait_for_end(&other).await["status"], "Succeeded");
    host.stop(&first).await.ok();
    assert_eq!(port(&host, &second, 0).await, used + 1);
    host.stop(&second).await.ok();
    host.wait_for_status(&second, "Stopped").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tensorflow_worker_has_a_port_of_its_own() {
    let host = Host::start(ROOMY).await;
    let more = json!({"trainingFramwork": "TensorFlow", "resource": {"workerCount": 3}});
    let job = host.job("printf %s \"$TF_CONFIG\"", more).await;
    assert_eq!(host.wait_for_end(&job).await["status"], "Succeeded");
    let mut clusters = Vec::new();
    for rank in 0..3 {
        let config: Value = serde_json::from_str(&host.log(&job, rank).await).unwrap();
        assert_eq!(config["task"], json!({"type": "worker", "index": rank}));
        clusters.push(config["cluster"]["worker"].clone());
    }
    let addresses: BTreeSet<&str> = clusters[0].as_array().unwrap().iter().map(|at| at.as_str().unwrap()).collect();
    assert_eq!(addresses.len(), 3);
    assert!(addresses.iter().all(|at| at.starts_with("127.0.0.1:2")), "{addresses:?}");
    assert!(clusters.iter().all(|cluster| *cluster == clusters[0]));
}

#[tokio::test]
async fn a_job_that_needs_more_ports_than_the_range_is_refused() {
    let host = Host::start_without_loops(&format!("port_range = [31000, 31001]\n{ROOMY}")).await;
    let create = async |workers: u32| {
        let job = json!({"createType": "CUSTOM", "startCommand": "true", "trainingFramwork": "TensorFlow",
                         "resource": {"workerCount": workers}});
        host.post("/v1/training/instance/create", &job).await
    };
    create(2).await.ok();
    let refused = create(3).await;
    let faults = vec![("resource.workerCount".to_owned(), "never_fits".to_owned())];
    assert_eq!((refused.code(), refused.faults()), ("cannot_run", faults));
    let why = "needs 3 ports, one for each worker; `port_range` of the centre has 2";
    assert!(refused.body.to_string().contains(why), "{}", refused.body);
}
