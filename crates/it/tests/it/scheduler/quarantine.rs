//! Quarantine: a GPU is allocated again only when it is clean; a GPU that stays dirty is shown.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use serde_json::{Value, json};
use tempfile::TempDir;
use trainyard_server::{clock::Clock, loops::gpus};

use crate::harness::{Host, until};

/// A host with two GPUs. A script in place of `nvidia-smi` prints the contents of two files, and fails while a
/// third file exists.
struct Cards(TempDir);

impl Cards {
    fn new() -> Self {
        Self::of(["NVIDIA H100", "NVIDIA H100"])
    }

    fn of([first, second]: [&str; 2]) -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().display();
        let program = dir.path().join("nvidia-smi");
        let script = format!(
            "#!/bin/sh\n[ ! -e {path}/down ] || exit 9\n\
             case $1 in\n*compute-apps*) cat {path}/apps;;\n*memory*) cat {path}/cards;;\n\
             *) printf '0, {first}\\n1, {second}\\n';;\nesac\n"
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        let cards = Self(dir);
        cards.set_output([0, 0], "");
        cards
    }

    /// Sets the used memory of both GPUs in MB, and the lines about processes.
    fn set_output(&self, used: [u32; 2], apps: &str) {
        let cards = format!("0, GPU-a, {}, 80000\n1, GPU-b, {}, 80000\n", used[0], used[1]);
        fs::write(self.0.path().join("cards"), cards).unwrap();
        fs::write(self.0.path().join("apps"), apps).unwrap();
    }

    fn config(&self) -> String {
        self.declared("")
    }

    /// A centre with these GPUs and more keys in its capacity.
    fn declared(&self, more: &str) -> String {
        let program = self.0.path().join("nvidia-smi");
        format!(
            "[[centre]]\nid = 1\nname = \"cards\"\ncapacity = {{ cpu_cores = 16, memory_gb = 64{more} }}\n\
             nvidia_smi = {:?}\n",
            program.display().to_string()
        )
    }

    /// Sets whether the driver answers.
    fn set_driver_up(&self, up: bool) {
        let down = self.0.path().join("down");
        if up { fs::remove_file(down).unwrap() } else { fs::write(down, "").unwrap() }
    }
}

async fn status(host: &Host, job: &str) -> String {
    host.detail(job).await["status"].as_str().unwrap().to_owned()
}

async fn centre(host: &Host) -> Value {
    host.get("/v1/aidc/list").await.ok()[0].clone()
}

async fn gpu_job(host: &Host, count: u32) -> String {
    host.job("true", json!({"resource": {"gpuCount": count}})).await
}

/// Runs a placed job to its successful end.
async fn run_to_end(host: &Host, job: &str) {
    until(async || {
        host.runner_pass().await;
        let status = status(host, job).await;
        if status == "Succeeded" { Ok(()) } else { Err(status) }
    })
    .await;
}

#[tokio::test]
async fn a_gpu_is_allocated_again_only_when_it_is_clean() {
    let (cards, now) = (Cards::new(), Arc::new(AtomicI64::new(1_700_000_000_000)));
    let shared = Arc::clone(&now);
    let host = Host::start_with_clock(Clock::from_fn(move || shared.load(Ordering::Relaxed)), &cards.config()).await;
    let first = gpu_job(&host, 2).await;
    host.scheduler_pass().await;
    run_to_end(&host, &first).await;
    let next = gpu_job(&host, 2).await;
    host.scheduler_pass().await;
    assert_eq!(status(&host, &next).await, "NotStarted");
    let shown = centre(&host).await;
    let quarantined = |index: u32, stuck: bool, reason: &str| json!({"index": index, "name": "NVIDIA H100", "stuck": stuck, "reason": reason});
    let ended = "its job has just ended";
    assert_eq!(shown["gpusAside"], json!([quarantined(0, false, ended), quarantined(1, false, ended)]));
    assert_eq!(shown["free"]["gpus"], json!([]));

    // One GPU is clean at once; a process keeps the other one in use.
    cards.set_output([3, 70_000], "GPU-b, 4711, python\n");
    gpus::pass(&host.server.app).await;
    let why = "used by process 4711 (python), 70000 of 80000 MB in use";
    assert_eq!(centre(&host).await["gpusAside"], json!([quarantined(1, false, why)]));
    let small = gpu_job(&host, 1).await;
    host.stop(&next).await.ok();
    host.scheduler_pass().await;
    assert_eq!(status(&host, &small).await, "Starting");
    assert_eq!(centre(&host).await["free"]["gpus"], json!([]));

    // After a minute the GPU counts as stuck, and the next server finds it in the same state.
    now.fetch_add(60_000, Ordering::Relaxed);
    gpus::pass(&host.server.app).await;
    assert_eq!(centre(&host).await["gpusAside"], json!([quarantined(1, true, why)]));
    let waiting = gpu_job(&host, 1).await;
    host.scheduler_pass().await;
    let missing = format!("needs 1 GPU: 0 of 2 free, 1 missing; GPU 1 is quarantined: {why}");
    let position = "1st of 1 in the queue; its start time is unknown, because GPUs that it needs are quarantined";
    let reasons = host.detail(&waiting).await["waitingFor"].clone();
    assert_eq!((&reasons[0]["message"], &reasons[1]["message"]), (&json!(missing), &json!(position)));
    let host = Host::open(host.close().await, &cards.config()).await;
    host.scheduler_pass().await;
    assert_eq!(centre(&host).await["gpusAside"], json!([quarantined(1, false, why)]));
    assert_eq!(status(&host, &waiting).await, "NotStarted");

    // Once clean, the GPU is allocated.
    cards.set_output([3, 3], "");
    gpus::pass(&host.server.app).await;
    host.scheduler_pass().await;
    assert_eq!(
        (centre(&host).await["gpusAside"].clone(), status(&host, &waiting).await),
        (json!([]), "Starting".into())
    );
    for job in [&small, &waiting] {
        run_to_end(&host, job).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loops_release_clean_gpus() {
    let cards = Cards::new();
    let host = Host::start(&cards.config()).await;
    for _ in 0..3 {
        let job = gpu_job(&host, 2).await;
        assert_eq!(host.wait_for_end(&job).await["status"], "Succeeded");
    }
    assert!(Path::new(cards.0.path()).exists());
}

#[tokio::test]
async fn a_driver_that_starts_after_the_server_is_queried_again() {
    let cards = Cards::new();
    cards.set_driver_up(false);
    cards.set_output([0, 70_000], "GPU-b, 4711, python\n");
    let host = Host::start_without_loops(&cards.declared(", gpus = [{ name = \"h100\", count = 2 }]")).await;
    let job = gpu_job(&host, 1).await;
    gpus::pass(&host.server.app).await;
    host.scheduler_pass().await;
    assert_eq!(status(&host, &job).await, "NotStarted");
    let quarantined = centre(&host).await["gpusAside"].clone();
    assert_eq!(quarantined.as_array().unwrap().len(), 2, "{quarantined:#}");
    assert!(quarantined[0]["reason"].as_str().unwrap().ends_with("failed: exit status: 9"), "{quarantined:#}");

    cards.set_driver_up(true);
    gpus::pass(&host.server.app).await;
    host.scheduler_pass().await;
    assert_eq!(status(&host, &job).await, "Starting");
    let quarantined = centre(&host).await["gpusAside"].clone();
    assert_eq!((quarantined.as_array().unwrap().len(), &quarantined[0]["index"]), (1, &json!(1)), "{quarantined:#}");
    run_to_end(&host, &job).await;
}

#[tokio::test]
async fn declared_gpus_get_the_indices_of_the_matching_cards() {
    let cards = Cards::of(["NVIDIA L40S", "NVIDIA H100"]);
    let declared = ", gpus = [{ name = \"H-100\", count = 1 }, { name = \"NVIDIA L40S\", count = 2 }]";
    let config = format!("aliases = {{ \"NVIDIA H100\" = [\"H100\"] }}\n{}", cards.declared(declared));
    let host = Host::start_without_loops(&config).await;
    let show = "echo $CUDA_DEVICE_ORDER $CUDA_VISIBLE_DEVICES";
    let job = host.job(show, json!({"resource": {"gpuCount": 1, "gpuName": "H100"}})).await;
    host.scheduler_pass().await;
    run_to_end(&host, &job).await;
    assert_eq!(host.log(&job, 0).await, "PCI_BUS_ID 1\n");
    gpus::pass(&host.server.app).await;
    let why = "declared, but nvidia-smi lists only 1 NVIDIA H100, 1 NVIDIA L40S";
    let missing = json!([{"index": 2, "name": "NVIDIA L40S", "stuck": true, "reason": why}]);
    assert_eq!(centre(&host).await["gpusAside"], missing);
}
