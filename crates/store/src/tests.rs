//! Tests on real database files, and the records that they use. No test waits by the clock.

mod access;
mod backup;
mod centres;
mod commit;
mod durable;
mod history;
mod jobs;
mod lists;
mod schema;
mod secrets;
mod statements;
mod storages;
mod stored;
mod template_index;
mod templates;
mod unreadable;
mod upgrade;
mod usage;

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use trainyard_domain::{
    access::Visibility,
    capacity::WorkerSize,
    document::Document,
    id::{CentreId, JobId, KeyId, TemplateId},
    job::{Job, JobState, Note, RetryCounts},
    job_spec::JobSpec,
    reason::Reason,
    template::Template,
    text::Name,
    time::{Span, WallTime},
};

use crate::{PageRequest, Store, StoreError};

const fn at(ms: i64) -> WallTime {
    WallTime::from_ms(ms)
}

const fn span(ms: i64) -> Span {
    Span::from_ms(ms)
}

/// A store in a new temporary directory.
struct World {
    directory: TempDir,
    store: Store,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("trainyard.db")).await.unwrap();
        Self { directory, store }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("trainyard.db")
    }

    async fn reopened(self) -> Self {
        self.store.close().await;
        let store = Store::open(&self.path()).await.unwrap();
        Self { store, ..self }
    }

    /// The number that a statement returns on another connection.
    async fn number(&self, select: &str) -> i64 {
        self.connection().query_row(select, [], |row| row.get(0)).unwrap()
    }

    /// Changes one row without the store's knowledge, and without checks of references.
    fn change_row(&self, sql: &str) {
        let connection = self.connection();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        assert_eq!(connection.execute(sql, []), Ok(1), "{sql}");
    }

    fn connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    /// The steps of SQLite's plan for a statement.
    fn plan(&self, statement: &crate::sql::Statement<'_>) -> Vec<String> {
        let connection = self.connection();
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.text())).unwrap();
        let steps = explain.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>();
        steps.unwrap()
    }

    async fn insert(&self, template: &Template) -> Result<(), StoreError> {
        self.store.insert_template(template, &key(&template.name)).await
    }
}

const ALL: PageRequest = PageRequest { number: 1, size: 1000 };

fn key(name: &str) -> String {
    Name::parse(name).unwrap().key()
}

fn bytes(n: u32) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[6..].copy_from_slice(&n.to_be_bytes());
    bytes
}

fn template_id(n: u32) -> TemplateId {
    TemplateId::from_random(bytes(n))
}

fn job_id(n: u32) -> JobId {
    JobId::from_random(bytes(n))
}

fn key_id(n: u32) -> KeyId {
    KeyId::from_random(bytes(n))
}

fn document(value: Value) -> Document {
    value.as_object().unwrap().clone()
}

/// Template number `n`, created at `n`, in the project `vision`.
fn template(n: u32, name: &str) -> Template {
    Template {
        id: template_id(n),
        project: "vision".to_owned(),
        owner: "alice".to_owned(),
        name: name.to_owned(),
        visibility: Visibility::Project,
        revision: 1,
        version: 1,
        latest_version: 1,
        archived: false,
        described: document(json!({"desc": "数字识别", "labels": {"team": "vision"}})),
        content: document(json!({
            "startCommand": "python train.py",
            "aidcId": 1,
            "trainingType": "HPC",
            "trainingFramwork": "PyTorch",
            "env": {"Z": "1", "A": 2, "M": true},
            "resource": {"cpuCores": "1", "gpuCount": 0, "odd": [1.1, 2.220446049250313e-16, 1e300]},
        })),
        version_by: "alice".to_owned(),
        version_created: at(i64::from(n)),
        comment: Some("the first try".to_owned()),
        created: at(i64::from(n)),
        updated: at(i64::from(n)),
        jobs_made: 0,
        last_used: None,
    }
}

/// Job number `n`, created at `n`, queued, in the project `vision`.
fn job(n: u32) -> Job {
    Job {
        id: job_id(n),
        name: format!("digits {n}"),
        project: "vision".to_owned(),
        owner: "alice".to_owned(),
        template: Some((template_id(1), 3)),
        document: document(json!({"startCommand": "python train.py", "env": {"B": "2", "A": "1"}})),
        provenance: [("startCommand".to_owned(), "request".to_owned())].into(),
        spec: JobSpec {
            centre: CentreId(1),
            framework: None,
            image: None,
            env: vec![("B".to_owned(), "2".to_owned()), ("A".to_owned(), "1".to_owned())],
            secrets: vec![("KEY".to_owned(), "wandb".to_owned())],
            size: WorkerSize { cpu_milli: 1500, memory_bytes: u64::MAX, gpus: 0, gpu_model: None },
            workers: 2,
            mounts: Vec::new(),
            retry: None,
            timeout_seconds: Some(60),
            stop_grace_seconds: 30,
            command: "python train.py".to_owned(),
            work_dir: None,
            priority: 2,
        },
        created: at(i64::from(n)),
        queued: at(i64::from(n)),
        started: None,
        ended: None,
        state: JobState::Queued { waiting: Vec::new() },
        reason: Reason::Submitted,
        message: "was submitted".to_owned(),
        retries: RetryCounts::default(),
        ran: span(0),
        attempt: None,
    }
}

fn note(message: &str) -> Note {
    Note {
        kind: "Queued".to_owned(),
        reason: Reason::Submitted,
        message: message.to_owned(),
        actor: "alice".to_owned(),
    }
}

/// Tasks that move between threads call the functions of the store.
#[test]
fn every_future_can_move_between_threads() {
    fn check<T: Send>(_: fn(&'static Store) -> T) {}
    check(|store| store.ready());
    check(|store| store.close());
    check(|store| store.events(Box::leak(Box::new(job_id(1))), 0, 1));
    check(|store| store.list_keys(ALL));
    check(|store| store.list_templates(Box::leak(Box::new(crate::TemplateFilter::of(crate::Scope::All))), ALL));
    check(|store| store.change(Box::leak(Box::new(job_id(1))), at(1), |_| Ok::<_, String>(None)));
}
