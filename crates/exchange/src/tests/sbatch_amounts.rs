//! Amounts as Slurm writes them, tested through directives.

use super::*;

#[track_caller]
fn body(directives: &str) -> Value {
    let text = format!("#!/bin/sh\n#SBATCH {directives}\n");
    Value::Object(imported(&text).body)
}

#[track_caller]
fn check(directives: &str, resource: Value) {
    assert_eq!(body(directives), json!({ "resource": resource }), "{directives}");
}

/// Checks the time limit in seconds; `None` without a limit.
#[track_caller]
fn check_time(text: &str, seconds: Option<u64>) {
    let body = body(&format!("--time={text}"));
    let hours = body.get("timeoutHours").and_then(Value::as_u64).map(|hours| hours * 3600);
    assert_eq!(body.get("timeoutSeconds").and_then(Value::as_u64).or(hours), seconds, "{text}");
    assert_eq!(body.get("enableTimeoutCancel").is_some(), seconds.is_some());
}

#[test]
fn times_are_read_in_all_their_forms() {
    check_time("30", Some(1800));
    check_time("30:15", Some(1815));
    check_time("1:30:15", Some(5415));
    check_time("90:00:00", Some(324_000));
    check_time("2-3", Some(183_600));
    check_time("2-3:04", Some(183_840));
    check_time("2-03:04:05", Some(183_845));
    check_time("7-00:00:00", Some(604_800));
    check_time("1-", Some(86_400));
    for endless in ["0", "INFINITE", "unlimited", "-1", "0:00", "0-0"] {
        check_time(endless, None);
    }
    for odd in ["1:2:3:4", "x", "1:", "-5", "1-2-3", "999999-0", "18446744073709551615", "18446744073709551615-0"] {
        let back = imported(&format!("#SBATCH --time={odd}\ntrue"));
        assert_eq!(back.body.get("enableTimeoutCancel"), None);
        assert_eq!(back.unmapped.len(), 1, "{odd}: {:?}", back.unmapped);
    }
}

#[test]
fn memory_is_that_of_a_worker() {
    check("--mem=2G", json!({"memoryGB": "2"}));
    check("--mem=512", json!({"memoryGB": "0.5"}));
    check("--mem=512M", json!({"memoryGB": "0.5"}));
    check("--mem=50gb", json!({"memoryGB": "50"}));
    check("--mem=1T", json!({"memoryGB": "1024"}));
    check("--mem=1025K", json!({"memoryGB": "0.001"}));
    check("--mem=1000", json!({"memoryGB": "0.976"}));
    check("--mem=1", json!({"memoryGB": "0.001"}));
    check("--mem-per-cpu=1G -c 4", json!({"cpuCores": "4", "memoryGB": "4"}));
    check("--mem-per-cpu=1G", json!({"memoryGB": "1"}));
    check("--mem-per-cpu=1G -c 4 -N 2 -n 4", json!({"workerCount": 2, "cpuCores": "8", "memoryGB": "8"}));
    check("--mem-per-gpu=3G --gres=gpu:2", json!({"memoryGB": "6", "gpuCount": "2"}));
    assert_eq!(body("--mem=0"), json!({}));
}

#[test]
fn gpus_are_those_of_a_worker() {
    check("--gres=gpu", json!({"gpuCount": "1"}));
    check("--gres=gpu:4", json!({"gpuCount": "4"}));
    check("--gres=gpu:a100:2", json!({"gpuCount": "2", "gpuName": "a100"}));
    check("--gres=gres:gpu:2", json!({"gpuCount": "2"}));
    check("--gres=gres/gpu:2", json!({"gpuCount": "2"}));
    check("--gres=gpu:a100:2(S:0-1)", json!({"gpuCount": "2", "gpuName": "a100"}));
    check("--gpus-per-node=h100:8 -N 2", json!({"workerCount": 2, "gpuCount": "8", "gpuName": "h100"}));
    check("--gpus-per-task=2 --ntasks-per-node=3 -N1", json!({"workerCount": 1, "cpuCores": "3", "gpuCount": "6"}));
    check("--gpus=6 -N 2", json!({"workerCount": 2, "gpuCount": "3"}));
    check("-G5 -N2", json!({"workerCount": 2, "gpuCount": "3"}));
    check("-G a100", json!({"gpuCount": "1", "gpuName": "a100"}));
    check("--gpus-per-node=2 --cpus-per-gpu=8", json!({"gpuCount": "2", "cpuCores": "16"}));
}

#[test]
fn a_worker_is_a_node_and_has_the_resources_of_its_tasks() {
    check("-N 3", json!({"workerCount": 3}));
    check("-N3", json!({"workerCount": 3}));
    check("--nodes=2-5", json!({"workerCount": 2}));
    check("-n 4", json!({"workerCount": 1, "cpuCores": "4"}));
    check("-n 4 -c 2", json!({"workerCount": 1, "cpuCores": "8"}));
    check("-n 8 --ntasks-per-node=2", json!({"workerCount": 4, "cpuCores": "2"}));
    check("-N 2 -n 7 -c 3", json!({"workerCount": 2, "cpuCores": "12"}));
    check("-c 3", json!({"cpuCores": "3"}));
}

#[test]
fn under_mpirun_a_worker_is_a_task() {
    let read =
        |directives: &str| imported(&format!("#SBATCH {directives}\n/usr/bin/mpirun ./a.out")).body["resource"].clone();
    assert_eq!(read("-N 2 --ntasks-per-node=4"), json!({"workerCount": 8, "cpuCores": "1"}));
    assert_eq!(
        read("-N 2 --ntasks-per-node=4 -c 2 --mem=8G --gres=gpu:4"),
        json!({"workerCount": 8, "cpuCores": "2", "memoryGB": "2", "gpuCount": "1"})
    );
    // Three tasks cannot share two GPUs evenly, so the node is the worker.
    assert_eq!(
        read("-N 1 --ntasks-per-node=3 --gres=gpu:2"),
        json!({"workerCount": 1, "cpuCores": "3", "gpuCount": "2"})
    );
}

#[test]
fn impossible_numbers_are_read_without_a_panic() {
    for option in ["nodes", "ntasks", "ntasks-per-node", "cpus-per-task", "mem", "mem-per-cpu", "gpus", "gres=gpu"] {
        for number in ["18446744073709551615", "99999999999999999999", "0", "-1", "x", ""] {
            let text = format!("#SBATCH --{option}={number} -n 18446744073709551615 -c 18446744073709551615\ntrue");
            imported(&text.replace("gres=gpu=", "gres=gpu:"));
        }
    }
}
