//! The host's clock jumps a day ahead or back while jobs run, wait and retry. Shown times may jump, durations stay
//! right, and no job is delayed by a day.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;
use trainyard_server::clock::Clock;

use crate::{
    caller::{Caller, until},
    daemon::Daemon,
    harness::{Host, PROGRAM, ROOMY},
};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Jobs in every state that depends on a clock.
struct World {
    /// Keeps running under a time limit of an hour, which a jump of a day would exceed.
    limited: String,
    /// A job that reaches its time limit of three seconds.
    timed: String,
    /// Fails and is retried after three seconds.
    retried: String,
    /// A job that waits for all GPUs; the first job holds one.
    queued: String,
    started: Instant,
}

impl World {
    async fn new(caller: &Caller) -> Self {
        let limit = |seconds: u32| json!({"enableTimeoutCancel": true, "timeoutSeconds": seconds});
        let gpus = |count: u32| json!({"gpuCount": count});
        let mut more = limit(3600);
        more["resource"] = gpus(1);
        let limited = caller.job("until [ -e go ]; do sleep 0.05; done", more).await;
        caller.wait_for_status(&limited, "Running").await;
        let started = Instant::now();
        let timed = caller.job("exec sleep 1000", limit(3)).await;
        let more = json!({"enableAutoRetry": true, "retryDelaySeconds": 3});
        let retried = caller.job("[ $TRAINYARD_ATTEMPT = 2 ]", more).await;
        caller.wait_for_status(&timed, "Running").await;
        caller.wait_for_status(&retried, "Retrying").await;
        // Created last, and the other jobs need no GPU, so it delays none of them.
        let queued = caller.job("true", json!({"resource": gpus(8)})).await;
        Self { limited, timed, retried, queued, started }
    }

    /// Asserts after the jump that every job goes on as if the clock had not jumped.
    async fn check(self, caller: &Caller, data: &Path) {
        let timed = caller.wait_for_end(&self.timed).await;
        assert_eq!((&timed["status"], &timed["reason"]), (&json!("Failed"), &json!("TimedOut")), "{timed:#}");
        assert!(self.started.elapsed() >= Duration::from_secs(3), "{timed:#}");
        let retried = caller.wait_for_end(&self.retried).await;
        assert_eq!((&retried["status"], attempts(&retried)), (&json!("Succeeded"), 2), "{retried:#}");
        assert!(self.started.elapsed() >= Duration::from_secs(3), "{retried:#}");
        let limited = caller.detail(&self.limited).await;
        assert_eq!((&limited["status"], attempts(&limited)), (&json!("Running"), 1), "{limited:#}");
        assert_eq!(caller.detail(&self.queued).await["status"], "NotStarted");
        std::fs::write(data.join("jobs").join(&self.limited).join("work/go"), "").unwrap();
        let limited = caller.wait_for_end(&self.limited).await;
        assert_eq!((&limited["status"], attempts(&limited)), (&json!("Succeeded"), 1), "{limited:#}");
        assert_eq!(caller.wait_for_end(&self.queued).await["status"], "Succeeded");
    }
}

fn attempts(detail: &Value) -> usize {
    detail["attempts"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_of_the_servers_clock_neither_ends_nor_delays_a_job() {
    for jumps in [&[DAY_MS][..], &[-DAY_MS], &[DAY_MS, 0, -DAY_MS, DAY_MS]] {
        let ahead = Arc::new(AtomicI64::new(0));
        let shared = Arc::clone(&ahead);
        let host = Host::start_with_clock(Clock::system().ahead_by(move || shared.load(Relaxed)), ROOMY).await;
        host.server.start_loops();
        let world = World::new(&host).await;
        for jump in jumps {
            ahead.store(*jump, Relaxed);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        world.check(&host, &host.dir.path().join("data")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_restarted_before_the_retry_time_waits_at_most_the_retry_delay() {
    let ahead = Arc::new(AtomicI64::new(DAY_MS));
    let shared = Arc::clone(&ahead);
    let host = Host::start_with_clock(Clock::system().ahead_by(move || shared.load(Relaxed)), ROOMY).await;
    host.server.start_loops();
    let more = json!({"enableAutoRetry": true, "retryDelaySeconds": 3});
    let job = host.job("[ $TRAINYARD_ATTEMPT = 2 ]", more).await;
    host.wait_for_status(&job, "Retrying").await;
    // The stored time of the next attempt is a day ahead of the clock of the next server.
    let dir = host.close().await;
    let host = Host::open(dir, ROOMY).await;
    host.server.start_loops();
    assert_eq!(host.wait_for_end(&job).await["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_not_started_within_five_minutes_is_lost_whatever_the_clock_says() {
    let (wall, steady) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let shared = (Arc::clone(&wall), Arc::clone(&steady));
    let clock = Clock::from_both(move || shared.0.load(Relaxed), move || shared.1.load(Relaxed));
    let dir = TempDir::new().unwrap();
    let program = dir.path().join("trainyard");
    std::fs::copy(PROGRAM, &program).unwrap();
    let host = Host::open_with(&program, clock, dir, ROOMY).await;
    std::fs::remove_file(&program).unwrap();
    let once = host.job("true", json!({})).await;
    let again = host.job("true", json!({"enableAutoRetry": true, "retryDelaySeconds": 0, "maxRetryCount": 0})).await;
    host.scheduler_pass().await;
    for (wall_ms, steady_ms, status) in [(0, 0, "Starting"), (DAY_MS, 0, "Starting"), (0, 299_000, "Starting")] {
        wall.store(wall_ms, Relaxed);
        steady.fetch_add(steady_ms, Relaxed);
        host.runner_pass().await;
        for job in [&once, &again] {
            assert_eq!(host.detail(job).await["status"], status);
        }
    }
    steady.fetch_add(2_000, Relaxed);
    // While the starter tries one attempt again, the other may still look like one being started; the
    // next pass ends it.
    let have_ended = async || {
        host.runner_pass().await;
        let (once, again) = (host.detail(&once).await, host.detail(&again).await);
        if once["status"] == "Starting" || again["status"] == "Starting" { Err(()) } else { Ok((once, again)) }
    };
    let (detail, retrying) = until(have_ended).await;
    assert_eq!((&detail["status"], &detail["reason"]), (&json!("Failed"), &json!("WorkerLost")));
    assert_eq!(retrying["status"], "Retrying");
    std::fs::copy(PROGRAM, &program).unwrap();
    host.server.start_loops();
    let detail = host.wait_for_end(&again).await;
    assert_eq!((&detail["status"], attempts(&detail)), (&json!("Succeeded"), 2), "{detail:#}");
}

/// Sets how far the clock of a server under faketime is ahead.
fn set_offset(file: &Path, days: &str) {
    // Replaced atomically: faketime reads the file each time the server reads the clock.
    let draft = file.with_extension("new");
    std::fs::write(&draft, format!("{days}\n")).unwrap();
    std::fs::rename(&draft, file).unwrap();
}

/// The library of Debian's package `faketime`, which shows a process another time.
fn faketime() -> Option<PathBuf> {
    let directories = std::fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    directories.map(|directory| directory.join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_the_hosts_clock_does_not_disturb_jobs() {
    let Some(library) = faketime() else {
        eprintln!("skipped: Debian's package faketime is not installed");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ahead");
    set_offset(&file, "+0");
    // Setting the clock of a host does not change its monotonic clock.
    let mut daemon = Daemon::start(
        ROOMY,
        &[
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ],
    )
    .await;
    let now_ms = async |daemon: &Daemon| {
        let job = daemon.job("true", json!({})).await;
        daemon.detail(&job).await["createdTimeMs"].as_i64().unwrap()
    };
    let before = now_ms(&daemon).await;
    for (days, moved) in [("+1d", DAY_MS), ("-1d", -2 * DAY_MS)] {
        let world = World::new(&daemon).await;
        let then = now_ms(&daemon).await;
        set_offset(&file, days);
        let jumped = now_ms(&daemon).await - then;
        assert!((jumped - moved).abs() < DAY_MS / 2, "the clock was not set: {jumped} ms");
        if moved < 0 {
            daemon.kill_and_restart().await;
        }
        let data = daemon.data();
        world.check(&daemon, &data).await;
    }
    assert!(now_ms(&daemon).await < before);
}
