//! GPUs: each belongs to one worker at a time, and a worker sees only its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY};

/// Prints the GPUs that the worker sees and waits for the file `go`.
const SHOW_GPUS: &str = "echo gpus=$CUDA_VISIBLE_DEVICES.; until [ -e go ]; do sleep 0.02; done";

/// Returns the GPU indices that each worker of a running job sees.
async fn visible_gpus(host: &Host, job: &str, workers: u32) -> Vec<Vec<u32>> {
    let mut all = Vec::new();
    for rank in 0..workers {
        let log = host.wait_for_output(job, rank, ".\n").await;
        let list = log.trim().strip_prefix("gpus=").and_then(|rest| rest.strip_suffix('.')).unwrap().to_owned();
        all.push(list.split(',').filter(|index| !index.is_empty()).map(|index| index.parse().unwrap()).collect());
    }
    all
}

fn release(host: &Host, job: &str) {
    std::fs::write(host.dir.path().join(format!("data/jobs/{job}/work/go")), "").unwrap();
}

async fn create(host: &Host, resource: Value) -> String {
    host.job(SHOW_GPUS, json!({"resource": resource})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_gpu_is_allocated_twice_and_a_freed_gpu_is_reused() {
    let host = Host::start(ROOMY).await;
    let first = create(&host, json!({"gpuCount": 2, "workerCount": 2})).await;
    let second = create(&host, json!({"gpuCount": 3})).await;
    let third = create(&host, json!({"gpuCount": 1})).await;
    let mut all = BTreeSet::new();
    for (job, sizes) in [(&first, vec![2, 2]), (&second, vec![3]), (&third, vec![1])] {
        let seen = visible_gpus(&host, job, sizes.len().try_into().unwrap()).await;
        assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
        for index in seen.concat() {
            assert!(all.insert(index), "GPU {index} twice");
        }
    }
    assert_eq!(all, (0..8).collect());

    // A job without GPUs sees none and waits for none.
    let none = create(&host, json!({"gpuCount": 0})).await;
    assert_eq!(visible_gpus(&host, &none, 1).await, [Vec::<u32>::new()]);
    let next = create(&host, json!({"gpuCount": 2})).await;
    let waiting = host.wait_until(&next, |detail| detail["reason"] == "WaitingForResources").await;
    assert_eq!(waiting["waitingFor"][0]["message"], "needs 2 GPUs: 0 of 8 free, 2 missing");
    let freed = visible_gpus(&host, &second, 1).await;
    release(&host, &second);
    let taken = visible_gpus(&host, &next, 1).await;
    assert!(taken[0].iter().all(|index| freed[0].contains(index)), "{taken:?} of {freed:?}");
    for job in [&first, &third, &none, &next] {
        release(&host, job);
        assert_eq!(host.wait_for_end(job).await["status"], "Succeeded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_matches_in_any_spelling_and_no_other_model_does() {
    let config = r#"
aliases = { "NVIDIA L40S" = ["NVIDIA-L40S-PCIE-48G"] }
[[centre]]
id = 1
name = "two models"
capacity = { cpu_cores = 64, memory_gb = 64, gpus = [{ name = "NVIDIA L40S", count = 2 }, { name = "H200", count = 2 }] }
"#;
    let host = Host::start(config).await;
    let large = create(&host, json!({"gpuCount": 1, "gpuName": "h-200", "workerCount": 2})).await;
    let mut pairs = visible_gpus(&host, &large, 2).await.concat();
    pairs.sort_unstable();
    assert_eq!(pairs, [2, 3]);
    let waiting = create(&host, json!({"gpuCount": 1, "gpuName": "H200"})).await;
    let detail = host.wait_until(&waiting, |detail| detail["reason"] == "WaitingForResources").await;
    let missing = "needs 1 GPU of model H200: 0 of 2 free, 1 missing";
    assert_eq!(detail["waitingFor"][0]["message"], missing);
    // Jobs of a higher priority start: one with an alias of a model, one with any model.
    for (name, index) in [(json!("NVIDIA-L40S-PCIE-48G"), 0), (json!("-"), 1)] {
        let resource = json!({"gpuCount": 1, "gpuName": name});
        let job = host.job(SHOW_GPUS, json!({"resource": resource, "priority": 3})).await;
        assert_eq!(visible_gpus(&host, &job, 1).await, [[index]]);
    }
    for job in [&large, &waiting] {
        host.stop(job).await.ok();
        host.wait_for_status(job, "Stopped").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launcher_sees_the_gpus_of_all_its_ranks() {
    let host = Host::start(ROOMY).await;
    let resource = json!({"gpuCount": 2, "workerCount": 3});
    let job = host.job(SHOW_GPUS, json!({"trainingFramwork": "MPI", "resource": resource})).await;
    assert_eq!(visible_gpus(&host, &job, 1).await[0].len(), 6);
    release(&host, &job);
    host.wait_for_end(&job).await;
}
