//! The environment variables of a worker: the complete list and the values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{daemon::Daemon, harness::ROOMY};

/// Prints the initial environment of the worker, without the variables that its shell adds.
const PRINT: &str = "tr '\\0' '\\n' </proc/$$/environ; test -d \"$TMPDIR\" && test -w \"$TMPDIR\" && test -d \"$HOME\"";

/// Starts a server with secrets among its own variables.
async fn server(more: &[(&str, &str)]) -> Daemon {
    let own = [
        ("TRAINYARD_TIME_ZONE", "Asia/Shanghai"),
        ("TRAINYARD_API_KEY", "the server's own"),
        ("TRAINYARD_PASS_ENV", "WANTED,TRAINYARD_API_KEY"),
        ("WANTED", "yes"),
        ("UNWANTED", "no"),
        ("RUST_BACKTRACE", "0"),
        ("USER", "somebody"),
        ("LANG", "C.UTF-8"),
    ];
    Daemon::start(ROOMY, &[own.as_slice(), more].concat()).await
}

async fn printed(daemon: &Daemon, more: Value) -> Vec<BTreeMap<String, String>> {
    let workers = more["resource"]["workerCount"].as_u64().unwrap_or(1);
    let job = daemon.job(PRINT, more).await;
    let detail = daemon.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{detail:#}");
    let mut all = Vec::new();
    for rank in 0..workers {
        let log = daemon.log(&job, rank.try_into().unwrap()).await;
        let split = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        all.push(log.lines().filter_map(split).collect());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_gets_the_documented_variables_and_none_of_the_servers_own() {
    let daemon = server(&[]).await;
    let more = json!({"resource": {"workerCount": 2, "cpuCores": 2.5}, "env": {"MINE": "m", "DEEP": true, "N": 3}});
    let [first, second] = printed(&daemon, more).await.try_into().unwrap();
    let names: BTreeSet<&str> = first.keys().map(String::as_str).collect();
    let expected = [
        ["PATH", "HOME", "USER", "LANG", "TMPDIR", "WANTED"].as_slice(),
        &["PYTHONUNBUFFERED", "OMP_NUM_THREADS", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"],
        &["TRAINYARD_JOB_ID", "TRAINYARD_JOB_NAME", "TRAINYARD_ATTEMPT", "TRAINYARD_RANK", "TRAINYARD_WORLD_SIZE"],
        &[
            "TRAINYARD_HOSTFILE",
            "TRAINYARD_CHECKPOINT_DIR",
            "CUDA_VISIBLE_DEVICES",
            "CUDA_DEVICE_ORDER",
            "MINE",
            "DEEP",
            "N",
        ],
    ]
    .concat();
    assert_eq!(names, expected.into_iter().collect());
    for (name, value) in [
        ("USER", "somebody"),
        ("WANTED", "yes"),
        ("PYTHONUNBUFFERED", "1"),
        ("OMP_NUM_THREADS", "2"),
        ("GLOO_SOCKET_IFNAME", "lo"),
        ("NCCL_SOCKET_IFNAME", "lo"),
        ("TRAINYARD_JOB_NAME", "test"),
        ("TRAINYARD_ATTEMPT", "1"),
        ("TRAINYARD_RANK", "0"),
        ("TRAINYARD_WORLD_SIZE", "2"),
        ("CUDA_VISIBLE_DEVICES", ""),
        ("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
        ("MINE", "m"),
        ("DEEP", "true"),
        ("N", "3"),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    assert_eq!(std::fs::read_to_string(&first["TRAINYARD_HOSTFILE"]).unwrap(), "localhost slots=2\n");
    assert!(std::path::Path::new(&first["TRAINYARD_CHECKPOINT_DIR"]).is_dir());
    // Both ranks have the same values, apart from their rank.
    let mut expected_second = first.clone();
    expected_second.insert("TRAINYARD_RANK".to_owned(), "1".to_owned());
    assert_eq!(second, expected_second);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_may_override_the_defaults_and_the_cores_set_the_threads() {
    let daemon = server(&[]).await;
    let env = json!({"PYTHONUNBUFFERED": "", "OMP_NUM_THREADS": 7, "GLOO_SOCKET_IFNAME": "eth0", "PATH": "/bin", "TMPDIR": "/tmp"});
    let seen = printed(&daemon, json!({"env": env})).await;
    for (name, value) in
        [("PYTHONUNBUFFERED", ""), ("OMP_NUM_THREADS", "7"), ("GLOO_SOCKET_IFNAME", "eth0"), ("TMPDIR", "/tmp")]
    {
        assert_eq!(seen[0][name], value, "{name}");
    }
    let small = printed(&daemon, json!({"resource": {"cpuCores": "0.25"}})).await;
    assert_eq!(small[0]["OMP_NUM_THREADS"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_passed_on_and_not_used_between_workers() {
    let daemon = server(&[("http_proxy", "http://proxy.example:3128"), ("no_proxy", "intranet.example")]).await;
    let seen = printed(&daemon, json!({})).await;
    assert_eq!(seen[0]["http_proxy"], "http://proxy.example:3128");
    for name in ["no_proxy", "NO_PROXY"] {
        assert_eq!(seen[0][name], "intranet.example,localhost,127.0.0.1", "{name}");
    }
    let own = json!({"env": {"HTTPS_PROXY": "http://own.example", "no_proxy": "a.example,127.0.0.1"}});
    let seen = printed(&daemon, own).await;
    for name in ["no_proxy", "NO_PROXY"] {
        assert_eq!(seen[0][name], "a.example,127.0.0.1,localhost", "{name}");
    }
}
