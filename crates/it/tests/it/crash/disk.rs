//! A full disk under the data directory: creates are refused, running jobs continue, and all calls work again once
//! space is free.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    caller::{Reply, until},
    daemon::Daemon,
    harness::{PROGRAM, ROOMY},
};

/// A small file system for one test, unmounted on drop.
struct Disk(PathBuf);

impl Disk {
    /// Mounts a tmpfs of 24 MB; `None` if this host does not permit mounts.
    fn mount(dir: &Path) -> Option<Self> {
        fs::create_dir_all(dir).unwrap();
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs"]).arg(dir).output().ok()?;
        done.status.success().then(|| Self(dir.to_owned()))
    }

    /// Fills all free space.
    fn fill(&self) {
        let mut ballast = File::options().append(true).create(true).open(self.0.join("ballast")).unwrap();
        for size in [1 << 20, 1 << 12] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Returns the number of free bytes.
    fn free_bytes(&self) -> u64 {
        let disk = rustix::fs::statvfs(&self.0).unwrap();
        disk.f_bavail * disk.f_frsize
    }

    fn clear(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, since a shim may still be ending there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        // The mount point can be removed only after the unmount.
        let _ = self.0.parent().map(fs::remove_dir_all);
    }
}

async fn create(daemon: &Daemon) -> Reply {
    let body = json!({"createType": "CUSTOM", "startCommand": "echo late"});
    daemon.post("/v1/training/instance/create", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_creates_are_refused_and_running_jobs_continue() {
    let dir = TempDir::new().unwrap();
    let Some(disk) = Disk::mount(&dir.path().join("data")) else {
        eprintln!("skipped: this host does not permit the test to mount a file system");
        return;
    };
    let daemon = Daemon::start_in(dir, PROGRAM.into(), &format!("min_free_gb = 0\n{ROOMY}"), &[]).await;
    let chatty =
        daemon.job("i=0; until [ -e go ]; do echo $i; i=$((i+1)); sleep 0.01; done; echo went", json!({})).await;
    let ending = daemon.job("until [ -e go ]; do sleep 0.01; done; exit 3", json!({})).await;
    for job in [&chatty, &ending] {
        daemon.wait_for_status(job, "Running").await;
    }
    daemon.wait_for_output(&chatty, 0, "5\n").await;
    let go = |job: &str| disk.0.join("jobs").join(job).join("work/go");
    // This job ends while no write succeeds.
    fs::write(go(&ending), "").unwrap();
    disk.fill();
    let refused = until(async || {
        let reply = create(&daemon).await;
        disk.fill();
        if reply.status == 200 { Err(reply) } else { Ok(reply) }
    })
    .await;
    assert_eq!((refused.status, refused.code()), (507, "disk_full"), "{}", refused.body);
    let again = create(&daemon).await;
    assert_eq!((again.status, again.code()), (507, "disk_full"), "{}", again.body);
    // Calls that only read still work.
    assert_eq!(daemon.detail(&chatty).await["status"], "Running");
    daemon.get("/v1/training/instance/list").await.ok();

    disk.clear();
    let detail = daemon.wait_for_end(&ending).await;
    assert_eq!(
        (&detail["reason"], &detail["message"]),
        (&json!("WorkerFailed"), &json!("rank 0 exited with status 3"))
    );
    let late = create(&daemon).await.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(daemon.wait_for_end(&late).await["status"], "Succeeded");
    fs::write(go(&chatty), "").unwrap();
    let detail = daemon.wait_for_end(&chatty).await;
    assert_eq!((&detail["status"], attempts(&detail)), (&json!("Succeeded"), 1), "{detail:#}");
    let log = daemon.log(&chatty, 0).await;
    let lines: Vec<&str> = log.lines().collect();
    let (last, numbers) = lines.split_last().unwrap();
    assert_eq!(*last, "went");
    let expected: Vec<String> = (0..numbers.len()).map(|number| number.to_string()).collect();
    assert_eq!(numbers, expected, "no line is missing");
}

/// How many jobs wait while the disk is full. Each of them is stopped meanwhile.
const WAITING: usize = 100;

/// Stops a job that fills its disk until at most `left` bytes are free. The space that the server reserves for its own
/// records stays available to the server.
async fn check_stop_on_a_full_disk(command: &str, left: u64) {
    let dir = TempDir::new().unwrap();
    let Some(disk) = Disk::mount(&dir.path().join("data")) else {
        eprintln!("skipped: this host does not permit the test to mount a file system");
        return;
    };
    let config = format!("min_free_gb = 0\nlog_cap_mb = 64\n{ROOMY}");
    let daemon = Daemon::start_in(dir, PROGRAM.into(), &config, &[]).await;
    let before = Instant::now();
    let timed = daemon.job("sleep 7777", json!({"enableTimeoutCancel": true, "timeoutSeconds": 86_400})).await;
    let ending = daemon.job("until [ -e go ]; do sleep 0.01; done; exit 3", json!({})).await;
    for job in [&timed, &ending] {
        daemon.wait_for_status(job, "Running").await;
    }
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        waiting.push(daemon.job("true", json!({"priority": 1, "resource": {"cpuCores": "64"}})).await);
    }
    // The file that ends the job is created while there is space for it, and only renamed later.
    let go = disk.0.join("jobs").join(&ending).join("work/go");
    fs::write(go.with_extension("soon"), "").unwrap();
    let stopped = daemon.job(command, json!({"priority": 3, "stopGraceSeconds": 1})).await;
    daemon.wait_for_status(&stopped, "Running").await;
    let full = until(async || {
        let reply = create(&daemon).await;
        if reply.status == 200 { Err(reply) } else { Ok(reply) }
    })
    .await;
    assert_eq!((full.status, full.code()), (507, "disk_full"), "{}", full.body);
    until(async || if disk.free_bytes() <= left { Ok(()) } else { Err(disk.free_bytes()) }).await;
    // One job ends by itself, one by its time limit, the others by a stop.
    fs::rename(go.with_extension("soon"), go).unwrap();
    let detail = daemon.wait_for_end(&ending).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerFailed")), "{detail:#}");
    let limit = daemon.request(Method::PUT, &format!("/v1/training/instance/{timed}/timeout"), &daemon.admin);
    daemon.send(limit.json(&json!({"timeoutSeconds": before.elapsed().as_secs() + 2}))).await.ok();
    let detail = daemon.wait_for_end(&timed).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("TimedOut")), "{detail:#}");
    for job in &waiting {
        daemon.post(&format!("/v1/training/instance/{job}/stop"), &json!({})).await.ok();
        assert_eq!(daemon.detail(job).await["status"], "Stopped");
    }
    daemon.post(&format!("/v1/training/instance/{stopped}/stop"), &json!({})).await.ok();
    let detail = daemon.wait_for_end(&stopped).await;
    assert_eq!((&detail["status"], attempts(&detail)), (&json!("Stopped"), 1), "{detail:#}");

    daemon.delete(&format!("/v1/training/instance/{stopped}/delete")).await.ok();
    // Its space is free only when its shim has exited, which may still hold the last output of the job.
    let late = until(async || {
        let reply = create(&daemon).await;
        if reply.status == 200 { Ok(reply) } else { Err(reply) }
    })
    .await;
    assert_eq!(daemon.wait_for_end(late.ok()["id"].as_str().unwrap()).await["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_prints_more_than_the_disk_holds_can_be_stopped() {
    check_stop_on_a_full_disk("yes", 2 << 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fills_the_disk_with_files_can_be_stopped() {
    // The command takes all space that becomes free again and leaves not one free block.
    let command = "while :; do cat /dev/zero >>fill 2>&1; dd if=/dev/zero bs=1 >>fill 2>/dev/null; done";
    check_stop_on_a_full_disk(command, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_delayed_by_a_full_disk_is_written_when_space_is_free() {
    let dir = TempDir::new().unwrap();
    let Some(disk) = Disk::mount(&dir.path().join("data")) else {
        eprintln!("skipped: this host does not permit the test to mount a file system");
        return;
    };
    let daemon = Daemon::start_in(dir, PROGRAM.into(), &format!("min_free_gb = 0\n{ROOMY}"), &[]).await;
    let job = daemon.job("echo first; until [ -e go ]; do sleep 0.01; done; seq 10000", json!({})).await;
    daemon.wait_for_output(&job, 0, "first\n").await;
    let go = disk.0.join("jobs").join(&job).join("work/go");
    fs::write(go.with_extension("soon"), "").unwrap();
    disk.fill();
    fs::rename(go.with_extension("soon"), go).unwrap();
    // The job ends before its last output is written; the output is not lost.
    assert_eq!(daemon.wait_for_end(&job).await["status"], "Succeeded");
    disk.clear();
    let numbers: String = (1..=10_000).map(|number| format!("{number}\n")).collect();
    until(async || {
        let log = daemon.log(&job, 0).await;
        if log == format!("first\n{numbers}") { Ok(()) } else { Err(log.len()) }
    })
    .await;
}

fn attempts(detail: &Value) -> usize {
    detail["attempts"].as_array().unwrap().len()
}
