//! The JSON documents of rows outlive a release: every form that was ever written must still be read, as the value that it
//! meant. The forms are in `tests/fixtures/form-<n>`; a document is in a later form's folder only if it changed there.
//!
//! A new field has a default. If a test says that a form has changed, keep the old files, add a folder for the new form, and
//! write into it what is written now.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use trainyard_domain::{
    attempt::{Exit, WorkerFact, WorkerHost},
    capacity::WorkerSize,
    framework::Framework,
    id::CentreId,
    job::{AttemptWorker, JobState, Placement, Status, StopCause, WorkerPlace},
    job_spec::{JobSpec, Mount, RetryPolicy},
    reason::{WaitCode, WaitingReason},
};

use super::{at, span};

const TIME: i64 = 1_796_014_719_000;

/// Reads a fixture, a list of documents.
fn read<T: DeserializeOwned>(fixture: &str) -> Vec<T> {
    serde_json::from_str(fixture).unwrap()
}

/// The fixture has these values, and they are written as it says: it is the newest form.
fn check_newest_form<T: Serialize + DeserializeOwned + PartialEq + Debug>(fixture: &str, values: Vec<T>) {
    assert_eq!(read::<T>(fixture), values);
    let written = serde_json::to_value(&values).unwrap();
    let fixture: serde_json::Value = serde_json::from_str(fixture).unwrap();
    assert_eq!(written, fixture, "the form has changed: see the head of this file");
}

fn spec() -> JobSpec {
    JobSpec {
        centre: CentreId(1),
        framework: Some(Framework::Mpi),
        image: None,
        env: Vec::new(),
        secrets: Vec::new(),
        size: WorkerSize { cpu_milli: 1000, memory_bytes: 1 << 30, gpus: 0, gpu_model: None },
        workers: 2,
        mounts: Vec::new(),
        retry: None,
        timeout_seconds: None,
        stop_grace_seconds: 30,
        command: "true".to_owned(),
        work_dir: None,
        priority: 2,
    }
}

/// The spec of the running job of the sample rows, with every field.
pub(super) fn full_spec() -> JobSpec {
    let text = |text: &str| text.to_owned();
    JobSpec {
        framework: Some(Framework::PyTorch),
        image: Some(text("harbor.zetyun.cn/anc-public/general/pytorch:2.16.1")),
        env: vec![(text("ENV_MODE"), text("production")), (text("MAX_CONN"), text("200"))],
        size: WorkerSize {
            cpu_milli: 1000,
            memory_bytes: 2 << 30,
            gpus: 1,
            gpu_model: Some(text("NVIDIA-L40S-PCIE-48G")),
        },
        mounts: vec![
            Mount {
                storage_id: Some(text("nas")),
                directory: Some(text("sets/123")),
                mount_path: text("/root/nas/123"),
                read_only: true,
            },
            Mount { storage_id: None, directory: None, mount_path: text("/scratch"), read_only: false },
        ],
        retry: Some(RetryPolicy { max_retries: 3, delay_seconds: 30 }),
        timeout_seconds: Some(3600),
        command: text("python train.py --data '/root/nas/123'"),
        work_dir: Some(text("/workspace")),
        priority: 3,
        ..spec()
    }
}

/// The placement of the running job of the sample rows.
pub(super) fn gpu_placement() -> Placement {
    Placement {
        workers: vec![WorkerPlace { gpus: vec![0, 3] }, WorkerPlace { gpus: vec![1] }],
        ports: vec![23_759, 23_760],
    }
}

fn worker(name: &str, status: Status, fact: WorkerFact) -> AttemptWorker {
    let pod_name = format!("job-00000000000000000001-{name}");
    AttemptWorker { pod_name, status, own_process: true, fact }
}

fn ended(rank: u32, pid: u32, exit: Exit) -> WorkerFact {
    WorkerFact {
        pid: Some(pid),
        started_ms: Some(at(TIME)),
        ended_ms: Some(at(TIME + 9)),
        exit: Some(exit),
        ..WorkerFact::unknown(rank)
    }
}

#[test]
fn the_first_form_of_a_spec_is_read() {
    check_newest_form(include_str!("../../tests/fixtures/form-1/spec.json"), vec![full_spec(), spec()]);
}

#[test]
fn the_form_of_a_spec_with_secrets_is_read() {
    // Variables with secrets came later. A spec without them is still written as in the first form.
    let secrets = vec![("WANDB_API_KEY".to_owned(), "wandb".to_owned())];
    check_newest_form(include_str!("../../tests/fixtures/form-4/spec.json"), vec![JobSpec { secrets, ..spec() }]);
}

#[test]
fn the_first_form_of_a_placement_is_read() {
    let fixture = include_str!("../../tests/fixtures/form-1/placement.json");
    check_newest_form(fixture, vec![gpu_placement(), Placement::default()]);
}

#[test]
fn every_form_of_a_state_is_read() {
    let reasons = vec![
        WaitingReason::new(WaitCode::Gpu, "2 more are needed"),
        WaitingReason::new(WaitCode::Head, "is number 1 of 2 in the queue"),
    ];
    let by_user = StopCause::User { actor: "alice".to_owned() };
    let first = vec![
        JobState::Queued { waiting: Vec::new() },
        JobState::Queued { waiting: reasons },
        JobState::Starting,
        JobState::Running { since: at(TIME) },
        // Written before the delay was: the longest delay that there was.
        JobState::Retrying { until: at(TIME + 1), delay_ms: span(360_000) },
        JobState::Stopping { cause: by_user },
        JobState::Stopping { cause: StopCause::Timeout },
        JobState::Stopped,
        JobState::Succeeded,
        JobState::Failed,
    ];
    assert_eq!(read::<JobState>(include_str!("../../tests/fixtures/form-1/state.json")), first);
    let second = JobState::Retrying { until: at(TIME + 1), delay_ms: span(30_000) };
    check_newest_form(include_str!("../../tests/fixtures/form-2/state.json"), vec![second]);
    // Jobs in the queue of an engine came later.
    let waiting = vec![WaitingReason::new(WaitCode::EngineQueue, "no node is free")];
    let third = vec![
        JobState::Pending { waiting, expected_start: Some(at(TIME + 1)) },
        JobState::Pending { waiting: Vec::new(), expected_start: None },
    ];
    check_newest_form(include_str!("../../tests/fixtures/form-3/state.json"), third);
    let unchanged: Vec<_> = first.into_iter().filter(|state| state.status() != Status::Retrying).collect();
    let fixture: Vec<serde_json::Value> = read(include_str!("../../tests/fixtures/form-1/state.json"));
    let fixture: Vec<_> = fixture.into_iter().filter(|state| state["state"] != "retrying").collect();
    check_newest_form(&serde_json::to_string(&fixture).unwrap(), unchanged);
}

#[test]
fn every_form_of_workers_is_read() {
    let running = WorkerFact { pid: Some(4242), started_ms: Some(at(TIME)), ..WorkerFact::unknown(0) };
    let killed = WorkerFact { oom_killed: true, ..ended(0, 4242, Exit::Signal(9)) };
    let exit = Exit::CouldNotStart("no such directory".to_owned());
    let not_started = WorkerFact { exit: Some(exit), ..WorkerFact::unknown(2) };
    let launched = worker("worker-0", Status::Running, WorkerFact::unknown(1));
    let first = vec![
        Vec::new(),
        vec![worker("master-0", Status::Running, running), AttemptWorker { own_process: false, ..launched }],
        vec![
            worker("master-0", Status::Failed, killed),
            worker("worker-0", Status::Succeeded, ended(1, 4243, Exit::Code(0))),
            worker("worker-1", Status::Failed, not_started),
        ],
    ];
    // Without a count of kills for lack of memory. Facts without such a count are still written in this form.
    check_newest_form(include_str!("../../tests/fixtures/form-1/workers.json"), first);
    let counted = WorkerFact { oom_counted: true, ..ended(0, 4242, Exit::Code(7)) };
    let second = vec![vec![worker("master-0", Status::Failed, counted)]];
    check_newest_form(include_str!("../../tests/fixtures/form-2/workers.json"), second);
    // The host came later. An engine may know its name alone.
    let on = |rank: u32, name: &str, address: Option<&str>| {
        let host = WorkerHost { name: name.to_owned(), address: address.map(|text| text.parse().unwrap()) };
        WorkerFact { pid: Some(4242), started_ms: Some(at(TIME)), host: Some(host), ..WorkerFact::unknown(rank) }
    };
    let third = vec![
        vec![worker("master-0", Status::Running, on(0, "n1", Some("10.0.0.7")))],
        vec![worker("worker-0", Status::Running, on(1, "n2", None))],
    ];
    check_newest_form(include_str!("../../tests/fixtures/form-3/workers.json"), third);
}
