//! The ports of workers: those on which their processes listen, and those that the server reserved.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY, pod_name};

async fn ports(host: &Host, job: &str, rank: u32) -> Value {
    host.get(&format!("/v1/training/instance/{job}/{}/open-port/list", pod_name(job, rank))).await.ok()
}

/// Listens on the reserved port, and in a child process on a port that the kernel chooses.
const LISTEN: &str = "exec python3 -c '
import os, socket, subprocess, sys, time
rank = int(os.environ[\"TRAINYARD_RANK\"])
if rank == 0:
  given = socket.create_server((\"127.0.0.1\", int(os.environ[\"MASTER_PORT\"])))
  child = \"import socket, time; s = socket.create_server((str(), 0)); print(s.getsockname()[1], flush=True); time.sleep(600)\"
  subprocess.run([sys.executable, \"-c\", child])
else: time.sleep(600)
'";

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_shows_its_listening_and_its_reserved_ports() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job(LISTEN, json!({"trainingFramwork": "PyTorch", "resource": {"workerCount": 2}})).await;
    let nothing = json!({"ports": [], "customPorts": []});
    assert_eq!(ports(&host, &job, 0).await, nothing, "before the start");
    host.server.start_loops();
    let printed = host.wait_for_output(&job, 0, "\n").await;
    let chosen: u16 = printed.trim().parse().unwrap();
    let found = ports(&host, &job, 0).await;
    let custom = &found["customPorts"];
    let given = custom[0]["port"].clone();
    let port =
        |host: &str, port: &Value| json!({"protocol": "TCP", "port": port, "externalHost": host, "externalPort": port});
    assert_eq!(custom, &json!([port("127.0.0.1", &given)]));
    let listening = found["ports"].as_array().unwrap();
    assert_eq!(listening.len(), 2, "{found}");
    assert!(listening.contains(&port("127.0.0.1", &given)), "{found}");
    let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert!(listening.contains(&port(&own, &json!(chosen))), "{found}");
    assert_eq!(ports(&host, &job, 1).await, nothing, "the port belongs to rank 0");
    // The typed client returns the same.
    let typed = host.client().pod_ports(&job, &pod_name(&job, 0)).await.unwrap().data;
    assert_eq!(serde_json::to_value(typed).unwrap(), found);

    host.stop(&job).await.ok();
    host.wait_for_end(&job).await;
    assert_eq!(ports(&host, &job, 0).await, nothing, "after the end");
    for (id, name) in [(job.as_str(), pod_name(&job, 2)), ("job_00000000000000000000", pod_name(&job, 0))] {
        let path = format!("/v1/training/instance/{id}/{name}/open-port/list");
        assert_eq!(host.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tensorflow_worker_shows_its_own_port() {
    let host = Host::start(ROOMY).await;
    let more = json!({"trainingFramwork": "TensorFlow", "resource": {"workerCount": 3}});
    let job = host.job("echo begun; exec sleep 600", more).await;
    host.wait_for_output(&job, 2, "begun").await;
    let mut seen = Vec::new();
    for rank in 0..3 {
        let found = ports(&host, &job, rank).await;
        assert_eq!((&found["ports"], found["customPorts"].as_array().unwrap().len()), (&json!([]), 1), "{found}");
        seen.push(found["customPorts"][0]["port"].as_u64().unwrap());
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 3);
    host.stop(&job).await.ok();
    host.wait_for_end(&job).await;
}
