//! The disk of the data directory is full: new work is refused, what runs goes on, and all is well once there is room.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    caller::{Reply, until},
    daemon::Daemon,
    harness::{PROGRAM, ROOMY},
};

/// A small file system of a test's own; it goes with its last user.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one; `None` where this host does not allow it.
    fn mount(place: &Path) -> Option<Self> {
        fs::create_dir_all(place).unwrap();
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs"]).arg(place).output().ok()?;
        done.status.success().then(|| Self(place.to_owned()))
    }

    /// Takes all that is left.
    fn fill(&self) {
        let mut ballast = File::options().append(true).create(true).open(self.0.join("ballast")).unwrap();
        for size in [1 << 20, 1 << 12] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a shim may be about to end there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        // Where it was mounted could not be removed before.
        let _ = self.0.parent().map(fs::remove_dir_all);
    }
}

async fn create(daemon: &Daemon) -> Reply {
    let body = json!({"createType": "CUSTOM", "startCommand": "echo late"});
    daemon.post("/v1/training/instance/create", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_new_work_is_refused_and_what_runs_goes_on() {
    let dir = TempDir::new().unwrap();
    let Some(disk) = Disk::mount(&dir.path().join("data")) else {
        eprintln!("skipped: this host does not let the test mount a file system of its own");
        return;
    };
    let daemon = Daemon::start_in(dir, PROGRAM.into(), &format!("min_free_gb = 0\n{ROOMY}"), &[]).await;
    let chatty =
        daemon.job("i=0; until [ -e go ]; do echo $i; i=$((i+1)); sleep 0.01; done; echo went", json!({})).await;
    let ending = daemon.job("until [ -e go ]; do sleep 0.01; done; exit 3", json!({})).await;
    for job in [&chatty, &ending] {
        daemon.reaches(job, "Running").await;
    }
    daemon.prints(&chatty, 0, "5\n").await;
    let go = |job: &str| disk.0.join("jobs").join(job).join("work/go");
    // One that ends while nothing can be written.
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
    // Whoever only reads is answered.
    assert_eq!(daemon.detail(&chatty).await["status"], "Running");
    daemon.get("/v1/training/instance/list").await.ok();

    disk.make_room();
    let detail = daemon.ended(&ending).await;
    assert_eq!(
        (&detail["reason"], &detail["message"]),
        (&json!("WorkerFailed"), &json!("rank 0 exited with status 3"))
    );
    let late = create(&daemon).await.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(daemon.ended(&late).await["status"], "Succeeded");
    fs::write(go(&chatty), "").unwrap();
    let detail = daemon.ended(&chatty).await;
    assert_eq!((&detail["status"], attempts(&detail)), (&json!("Succeeded"), 1), "{detail:#}");
    let log = daemon.log(&chatty, 0).await;
    let lines: Vec<&str> = log.lines().collect();
    let (last, numbers) = lines.split_last().unwrap();
    assert_eq!(*last, "went");
    let expected: Vec<String> = (0..numbers.len()).map(|number| number.to_string()).collect();
    assert_eq!(numbers, expected, "no line is missing");
}

fn attempts(detail: &Value) -> usize {
    detail["attempts"].as_array().unwrap().len()
}
