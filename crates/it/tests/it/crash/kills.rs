//! Some hundred short jobs while the server is killed a hundred times, at least ten times in each window.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    attempt_dir, end_is_recorded,
    windows::{Hits, Window},
};
use crate::{
    caller::{Caller, DEADLINE, has_ended, until},
    daemon::Daemon,
    harness::ROOMY,
    processes,
};

const KILLS: u32 = 100;
const KILLS_PER_WINDOW: u32 = 10;

/// The created jobs, each with the status in which it must end.
struct CreatedJobs {
    /// Each attempt appends its job's id and its own number to this file, in the working directory of all.
    file: PathBuf,
    jobs: Vec<Job>,
}

struct Job {
    id: String,
    end: &'static str,
    attempts: usize,
}

/// Fails in the first attempt and succeeds in the second.
const FAIL_ONCE: &str = "[ $TRAINYARD_ATTEMPT = 2 ] || exit 1";

impl CreatedJobs {
    /// Creates a job that appends its line to the file and then runs `rest`.
    async fn job(&mut self, caller: &Caller, rest: &str, end: &'static str) -> String {
        let id = create(caller, &self.file, &format!("key {}", self.jobs.len()), rest).await.unwrap();
        self.jobs.push(Job { id: id.clone(), end, attempts: if rest == FAIL_ONCE { 2 } else { 1 } });
        id
    }

    fn notes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Creates a job under an idempotency key; `None` if the server gave no answer.
async fn create(caller: &Caller, file: &Path, key: &str, rest: &str) -> Option<String> {
    let name = file.file_name().unwrap().display();
    let command = format!("echo $TRAINYARD_JOB_ID $TRAINYARD_ATTEMPT >>{name}; echo begun; {rest}; echo done");
    let body = json!({
        "createType": "CUSTOM", "name": "short", "startCommand": command, "workDir": file.parent(),
        "enableAutoRetry": true, "maxRetryCount": 1, "retryDelaySeconds": 0,
    });
    let request = caller.request(reqwest::Method::POST, "/v1/training/instance/create", &caller.admin);
    let answer = request.header("idempotency-key", key).json(&body).send().await.ok()?;
    let answer: Value = answer.json().await.ok()?;
    Some(answer["data"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned())
}

/// Polls without a pause, since the state may last for only a millisecond.
fn spin_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < DEADLINE, "timed out: {what}");
        std::thread::yield_now();
    }
}

/// Brings jobs into a window, as far as that is possible from outside, and kills the server there.
async fn kill_in(window: Window, daemon: &mut Daemon, created: &mut CreatedJobs, round: u32) {
    let data = daemon.data();
    match window {
        Window::NotLaunched => {
            created.job(daemon, "true", "Succeeded").await;
            // In some rounds the server dies before it answers a create, and the test repeats the create.
            let key = format!("key {}", created.jobs.len());
            let asking = create(daemon, &created.file, &key, "true");
            let answer = tokio::time::timeout(Duration::from_millis(u64::from(round % 8)), asking).await;
            daemon.kill();
            start_again(daemon).await;
            let id = created.job(daemon, "true", "Succeeded").await;
            if let Ok(Some(answered)) = answer {
                assert_eq!(answered, id);
            }
            daemon.kill();
        }
        Window::HandleNotSaved => {
            let job = created.job(daemon, "true", "Succeeded").await;
            let dir = attempt_dir(&data, &job, 1);
            // The shim starts after its log was created and before the server saves the handle.
            let mark = if round.is_multiple_of(2) { "started" } else { "shim.log" };
            spin_until(mark, || dir.join(mark).exists());
            daemon.kill();
            // A shim that has been started starts its attempt although the server is dead.
            let path = dir.to_string_lossy();
            let shims = || processes::with_argument(&path);
            spin_until("the shim has started or is gone", || dir.join("started").exists() || shims().is_empty());
        }
        Window::ExitNotRead => {
            let go = created.file.with_file_name(format!("go-{round}"));
            let job =
                created.job(daemon, &format!("until [ -e {} ]; do sleep 0.01; done", go.display()), "Succeeded").await;
            daemon.wait_for_status(&job, "Running").await;
            // The stopped server gets no CPU time while the job ends.
            processes::signal(daemon.pid(), Signal::STOP);
            std::fs::write(go, "").unwrap();
            let dir = attempt_dir(&data, &job, 1);
            spin_until("the shim has recorded the end", || end_is_recorded(&dir));
            daemon.kill();
        }
        Window::Stopping => {
            let rest = "trap 'sleep 0.2; echo ended; exit 0' TERM; while :; do sleep 0.02; done";
            let job = created.job(daemon, rest, "Stopped").await;
            spin_until("the worker has started", || created.notes().contains(&format!("{job} 1")));
            daemon.wait_for_status(&job, "Running").await;
            assert_eq!(daemon.stop(&job).await.status, 200);
            daemon.kill();
        }
    }
}

async fn start_again(daemon: &mut Daemon) {
    daemon.start_again();
    daemon.wait_until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_of_the_server_lose_no_job_and_run_none_twice() {
    let mut daemon = Daemon::start(ROOMY, &[]).await;
    let data = daemon.data();
    // A working directory in `/tmp` stays visible to all of them.
    let shared = daemon.dir.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let mut created = CreatedJobs { file: shared.join("notes"), jobs: Vec::new() };
    let (mut hits, mut kills, mut round) = (Hits::default(), 0, 0);
    while kills < KILLS || Window::ALL.iter().any(|window| hits.of(*window) < KILLS_PER_WINDOW) {
        assert!(round < 4 * KILLS, "too few hits: {hits:?}");
        // The window with the fewest hits; once all have enough hits, each window in turn.
        let least = Window::ALL.into_iter().min_by_key(|window| hits.of(*window)).unwrap();
        let window = if hits.of(least) < KILLS_PER_WINDOW { least } else { Window::ALL[round as usize % 4] };
        // Further jobs run at the same time.
        for rest in ["true", FAIL_ONCE] {
            created.job(&daemon, rest, "Succeeded").await;
        }
        kill_in(window, &mut daemon, &mut created, round).await;
        kills += if window == Window::NotLaunched { 2 } else { 1 };
        hits.count(&data).await;
        start_again(&mut daemon).await;
        round += 1;
    }
    println!("{kills} kills among {} jobs: {hits:?}", created.jobs.len());
    assert!(kills >= KILLS && created.jobs.len() >= 200, "{kills} kills, {} jobs", created.jobs.len());
    check(&daemon, &created).await;
    // No kill left a process behind.
    let left = processes::with_argument(&data.join("jobs").to_string_lossy());
    assert!(left.is_empty(), "{:?}", processes::describe(&left));
}

/// Returns the data of a call. It skips the check against the document, since there are hundreds of answers.
async fn call(daemon: &Daemon, job: &str, what: &str) -> Value {
    let path = format!("/v1/training/instance/{job}/{what}");
    let answer = daemon.request(reqwest::Method::GET, &path, &daemon.admin).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["data"].take()
}

async fn check(daemon: &Daemon, created: &CreatedJobs) {
    let listed = daemon.get("/v1/training/instance/list?pageSize=1").await.ok();
    assert_eq!(listed["totalRows"], created.jobs.len(), "one job for each create");
    let mut expected = Vec::new();
    for Job { id: job, end: status, attempts } in &created.jobs {
        let detail = until(async || {
            let detail = call(daemon, job, "detail").await;
            if has_ended(&detail) { Ok(detail) } else { Err(detail) }
        })
        .await;
        assert_eq!(detail["status"], *status, "{detail:#}");
        assert_eq!(detail["attempts"].as_array().unwrap().len(), *attempts, "{detail:#}");
        // Between the lines a shell may report what happened to its children.
        let (log, last) = (daemon.log(job, 0).await, if *status == "Stopped" { "ended\n" } else { "done\n" });
        assert!(log.starts_with("begun\n") && log.ends_with(last), "{job}: {log}");
        let page = call(daemon, job, "event/list").await;
        let events = page["records"].as_array().unwrap();
        let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        assert_eq!(["Starting", "Running", status].map(count), [*attempts, *attempts, 1], "{events:#?}");
        assert_eq!((&events[0]["type"], &events.last().unwrap()["type"]), (&json!("NotStarted"), &json!(status)));
        expected.extend((1..=*attempts).map(|attempt| format!("{job} {attempt}")));
    }
    let mut notes = created.notes();
    notes.sort_unstable();
    expected.sort_unstable();
    assert_eq!(notes, expected, "every attempt ran exactly once");
    let ours = created.jobs.iter().map(|job| job.id.as_str()).collect::<std::collections::HashSet<_>>();
    let left = processes::with_variable("TRAINYARD_JOB_ID", |id| ours.contains(id));
    assert!(left.is_empty(), "{:?}", processes::describe(&left));
}
