use trainyard_domain::{attempt::Exit, launch::SharedEnv};

use super::*;
use crate::{LaunchFile, WorkerLaunch};

/// What shims and servers of format 1 wrote; every later version must read it.
const LAUNCH: &str = r#"{
  "format": 1,
  "job": "job_0123456789abcdef0123",
  "attempt": 2,
  "command": "python train.py",
  "work_dir": null,
  "stop_grace_seconds": 30,
  "files": [
    {
      "path": "/data/jobs/job_0123456789abcdef0123/attempt-2/hostfile",
      "text": "localhost slots=2\n"
    }
  ],
  "workers": [
    {
      "rank": 0,
      "pod_name": "job-0",
      "process": true,
      "env": [
        [
          "PATH",
          "/bin"
        ]
      ]
    }
  ]
}
"#;
const STARTED: &str = r#"{
  "format": 1,
  "boot_id": "b7b5a3e0-0000-4000-8000-000000000000",
  "shim": {
    "pid": 4242,
    "start_ticks": 987654
  }
}
"#;
const STATUS: &str = r#"{
  "format": 1,
  "boot_id": "b7b5a3e0-0000-4000-8000-000000000000",
  "shim": {
    "pid": 4242,
    "start_ticks": 987654
  },
  "phase": "ended",
  "started_ms": 1764000000000,
  "ended_ms": 1764000005000,
  "running_ms": 5001,
  "first_failure": 1,
  "stopped": false,
  "workers": [
    {
      "rank": 0,
      "pid": 4243,
      "started_ms": 1763999999999,
      "ended_ms": 1764000004000,
      "exit": {
        "signal": 15
      },
      "oom_killed": false
    },
    {
      "rank": 1,
      "pid": 4244,
      "started_ms": 1763999999999,
      "ended_ms": 1764000003000,
      "exit": {
        "code": 3
      },
      "oom_killed": false
    },
    {
      "rank": 2,
      "pid": null,
      "started_ms": null,
      "ended_ms": 1764000003000,
      "exit": {
        "could_not_start": "no /bin/sh"
      },
      "oom_killed": false
    },
    {
      "rank": 3,
      "pid": null,
      "started_ms": null,
      "ended_ms": null,
      "exit": null,
      "oom_killed": false
    }
  ]
}
"#;
const STOP: &str = "{\n  \"format\": 1,\n  \"grace_seconds\": 30\n}\n";

fn fact(rank: u32, pid: Option<u32>, ended_ms: Option<i64>, exit: Option<Exit>) -> WorkerFact {
    WorkerFact {
        rank,
        pid,
        started_ms: pid.map(|_| WallTime::from_ms(1_763_999_999_999)),
        ended_ms: ended_ms.map(WallTime::from_ms),
        exit,
        oom_killed: false,
        oom_counted: false,
        host: None,
    }
}

fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str, record: &T) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("record");
    fs::write(&path, text).unwrap();
    assert_eq!(read::<T>(&path).unwrap().as_ref(), Some(record));
    assert_eq!(String::from_utf8(bytes(record).unwrap()).unwrap(), text);
}

#[test]
fn format_one_is_written_and_read_as_in_its_first_version() {
    let boot_id = "b7b5a3e0-0000-4000-8000-000000000000".to_owned();
    let shim = ShimId { pid: 4242, start_ticks: 987_654 };
    let launch = Launch {
        job: "job_0123456789abcdef0123".parse().unwrap(),
        attempt: 2,
        command: "python train.py".to_owned(),
        work_dir: None,
        stop_grace_seconds: 30,
        limits: None,
        files: vec![LaunchFile {
            path: "/data/jobs/job_0123456789abcdef0123/attempt-2/hostfile".into(),
            text: "localhost slots=2\n".to_owned(),
        }],
        shared: SharedEnv::default(),
        workers: vec![WorkerLaunch {
            rank: 0,
            pod_name: "job-0".to_owned(),
            process: true,
            env: vec![("PATH".to_owned(), "/bin".to_owned())],
        }],
        secrets: Vec::new(),
        mounts: Vec::new(),
        user: crate::WorkerUser::Server,
        hidden: Vec::new(),
        sealed: Vec::new(),
        request: None,
    };
    let capped = LaunchRecord {
        format: 1,
        log_cap: 5,
        launch: launch.clone(),
        groups: None,
        sandbox: None,
        means: BTreeSet::new(),
        secrets: Vec::new(),
    };
    check(&LAUNCH.replacen("1,", "1,\n  \"log_cap\": 5,", 1), &capped);
    check(
        LAUNCH,
        &LaunchRecord {
            format: 1,
            log_cap: super::log_cap(),
            launch,
            groups: None,
            sandbox: None,
            means: BTreeSet::new(),
            secrets: Vec::new(),
        },
    );
    check(STARTED, &Started { format: 1, boot_id: boot_id.clone(), shim });
    check(STOP, &StopRequest { format: 1, grace_seconds: 30, requested_monotonic_ms: None, is_enforced: false });
    let status = Status {
        format: 1,
        boot_id,
        shim: Some(shim),
        phase: Phase::Ended,
        started_ms: Some(WallTime::from_ms(1_764_000_000_000)),
        started_monotonic_ms: None,
        ended_ms: Some(WallTime::from_ms(1_764_000_005_000)),
        running_ms: Span::from_ms(5001),
        first_failure: Some(1),
        stopped: false,
        workers: vec![
            fact(0, Some(4243), Some(1_764_000_004_000), Some(Exit::Signal(15))),
            fact(1, Some(4244), Some(1_764_000_003_000), Some(Exit::Code(3))),
            fact(2, None, Some(1_764_000_003_000), Some(Exit::CouldNotStart("no /bin/sh".to_owned()))),
            fact(3, None, None, None),
        ],
    };
    check(STATUS, &status);
}

#[test]
fn what_workers_share_is_written_once_and_read_back() {
    let shared = r#"  "shared": {
    "variables": {
      "PATH": "/bin"
    },
    "ranked": [
      {
        "name": "RANK"
      },
      {
        "name": "TF_CONFIG",
        "before": "{\"index\":",
        "after": "}"
      }
    ]
  },
  "workers""#;
    let own = LAUNCH.find(",\n      \"env\"").unwrap()..LAUNCH.find("\n    }\n  ]\n}").unwrap();
    let mut text = LAUNCH.to_owned();
    text.replace_range(own, "");
    let text = text.replace("  \"workers\"", shared);
    let mut record: LaunchRecord = serde_json::from_str(&text).unwrap();
    check(&text, &record);
    let env = |record: &LaunchRecord| {
        let all = record.launch.shared.of_rank(7, &record.launch.workers[0].env);
        all.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(env(&record), ["PATH=/bin", "RANK=7", "TF_CONFIG={\"index\":7}"]);
    record.launch.workers[0].env = vec![("RANK".to_owned(), "own".to_owned())];
    assert_eq!(env(&record), ["PATH=/bin", "RANK=own", "TF_CONFIG={\"index\":7}"]);
    let old: LaunchRecord = serde_json::from_str(LAUNCH).unwrap();
    assert_eq!(env(&old), ["PATH=/bin"], "a released record has the whole environment in each worker");
}

#[test]
fn an_unreadable_record_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("record");
    assert!(matches!(read::<StopRequest>(&path), Ok(None)));
    for (text, is_newer) in [("", false), ("{", false), ("{\"format\":1}", false), ("{\"format\":2}", true)] {
        fs::write(&path, text).unwrap();
        let error = read::<StopRequest>(&path).unwrap_err();
        assert_eq!(matches!(error, RecordError::Newer(2)), is_newer, "{text}: {error}");
    }
    assert!(matches!(read::<StopRequest>(dir.path()), Err(RecordError::Io(_))));
}

#[test]
fn a_stop_request_is_found_among_notifications() {
    let request =
        |grace_seconds| StopRequest { format: FORMAT, grace_seconds, requested_monotonic_ms: None, is_enforced: false };
    assert_eq!(StopRequest::from_fifo(b""), None);
    assert_eq!(StopRequest::from_fifo(b"!!"), None);
    assert_eq!(
        StopRequest::from_fifo(format!("!!{}\n!{}\n!", request(30).line(), request(5).line()).as_bytes()),
        Some(5)
    );
    assert_eq!(StopRequest::from_fifo(b"stop within a while\n\xff\n"), None);
}
