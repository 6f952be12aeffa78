//! Deleting a job: only after its end, and then with all its files.

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Host, ROOMY, log_path, until};

/// Creates directories inside each other, deeper than a path can name and a stack can follow.
const NEST: &str = "python3 -c 'import os\nfor k in range(16000): os.mkdir(\"d\"); os.chdir(\"d\")'";

/// A data directory in memory, where the host has a file system for that: so many directories take long on a busy disk.
fn in_memory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// The names in a directory of the data directory; none if it does not exist.
fn names(host: &Host, directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(host.dir.path().join("data").join(directory)).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn until_deleted(host: &Host) {
    let rest = || [names(host, "jobs"), names(host, "deleted")].concat();
    until(async || if rest().is_empty() { Ok(()) } else { Err(rest()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_deleted_with_all_its_files_only_after_its_end() {
    let host = Host::start(ROOMY).await;
    let command = "mkdir -p a/b && touch a/b/c && chmod 500 a a/b && echo hello && exec sleep 1000";
    let job = host.job(command, json!({})).await;
    let path = format!("/v1/training/instance/{job}/delete");
    host.wait_for_output(&job, 0, "hello").await;
    let refused = host.delete(&path).await;
    assert_eq!((refused.status, refused.code()), (409, "not_ended"), "{}", refused.body);
    assert!(refused.body["message"].as_str().unwrap().contains("stop it first"), "{}", refused.body);
    host.stop(&job).await.ok();
    host.wait_for_status(&job, "Stopped").await;
    let folder = host.dir.path().join("data/jobs").join(&job);
    assert!(folder.join("work/a/b/c").exists());

    assert_eq!(host.delete(&path).await.ok(), json!({}));
    assert!(!folder.exists());
    let base = format!("/v1/training/instance/{job}");
    for call in ["/detail", "/event/list", "/pod/list"].map(|end| format!("{base}{end}")) {
        let reply = host.get(&call).await;
        assert_eq!((reply.status, reply.code()), (404, "not_found"), "{call}");
    }
    assert_eq!(host.get(&log_path(&job, 0)).await.status, 404);
    assert_eq!(host.stop(&job).await.status, 404);
    assert_eq!(host.delete(&path).await.status, 404);
    assert_eq!(host.get("/v1/training/instance/list").await.ok()["totalRows"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_is_deleted_only_after_it_is_stopped() {
    let host = Host::start_without_loops(ROOMY).await;
    let job = host.job("true", json!({})).await;
    let path = format!("/v1/training/instance/{job}/delete");
    assert_eq!(host.delete(&path).await.status, 409);
    host.stop(&job).await.ok();
    assert_eq!(host.detail(&job).await["status"], "Stopped");
    host.delete(&path).await.ok();
    assert_eq!(host.delete("/v1/training/instance/job_00000000000000000000/delete").await.status, 404);
    assert_eq!(host.delete("/v1/training/instance/nonsense/delete").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_can_be_deleted_as_soon_as_its_end_is_shown() {
    let host = Host::start(ROOMY).await;
    for _ in 0..20 {
        let job = host.job("true", json!({"resource": {"workerCount": 2}})).await;
        host.wait_for_end(&job).await;
        host.delete(&format!("/v1/training/instance/{job}/delete")).await.ok();
        assert!(!host.dir.path().join("data/jobs").join(&job).exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_left_deeply_nested_directories_is_deleted_at_once() {
    let host = Host::open(in_memory(), ROOMY).await;
    host.server.start_loops();
    let job = host.job(&format!("{NEST}; exit 0"), json!({})).await;
    let detail = host.wait_for_end(&job).await;
    assert_eq!(detail["status"], "Succeeded", "{}", host.log(&job, 0).await);
    host.delete(&format!("/v1/training/instance/{job}/delete")).await.ok();
    assert_eq!(host.get(&format!("/v1/training/instance/{job}/detail")).await.status, 404);
    until_deleted(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_before_it_deletes_what_the_last_one_left() {
    let host = Host::open(in_memory(), ROOMY).await;
    host.server.start_loops();
    let job = host.job(&format!("{NEST}; exit 0"), json!({})).await;
    host.wait_for_end(&job).await;
    let dir = host.close().await;
    let host = Host::open(dir, &format!("retention_days = 0\n{ROOMY}")).await;
    assert_eq!(names(&host, "jobs"), [job.as_str()], "nothing is deleted before the loops start");
    host.janitor_pass().await;
    assert_eq!((names(&host, "jobs"), names(&host, "deleted")), (vec![], vec![job.clone()]));
    assert_eq!(host.get(&log_path(&job, 0)).await.code(), "logs_removed");
    let host = Host::open(host.close().await, ROOMY).await;
    assert_eq!(names(&host, "deleted"), [job.as_str()]);
    host.server.start_loops();
    until_deleted(&host).await;
    assert_eq!(host.detail(&job).await["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_retention_the_files_are_removed_and_the_job_stays() {
    let host = Host::start(ROOMY).await;
    let ended = host.job("echo hello", json!({})).await;
    host.wait_for_end(&ended).await;
    let folder = |job: &str| host.dir.path().join("data/jobs").join(job);
    host.janitor_pass().await;
    assert!(folder(&ended).exists());
    let dir = host.close().await;
    let host = Host::open(dir, &format!("retention_days = 0\n{ROOMY}")).await;
    host.server.start_loops();
    let running = host.job("echo hello; exec sleep 1000", json!({})).await;
    host.wait_for_output(&running, 0, "hello").await;
    let folder = |job: &str| host.dir.path().join("data/jobs").join(job);
    host.janitor_pass().await;
    assert!(!folder(&ended).exists());
    assert!(folder(&running).exists());
    assert_eq!(host.detail(&ended).await["status"], "Succeeded");
    assert_eq!(host.get(&log_path(&ended, 0)).await.code(), "logs_removed");
    host.stop(&running).await.ok();
    host.wait_for_status(&running, "Stopped").await;
    host.delete(&format!("/v1/training/instance/{ended}/delete")).await.ok();
}
