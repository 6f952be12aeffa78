//! Databases of every earlier schema, and of a server of the version before, open with all their rows.
//!
//! `tests/fixtures/rows-<n>.sql` has sample rows that need schema `n`; a new migration brings such a file.

use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use trainyard_domain::{
    access::{Role, Visibility},
    id::{CentreId, JobId, KeyId, TemplateId},
    job::{JobState, Status},
    template::{Template, Use},
    time::WallTime,
};

use super::{ALL, at, document, span, stored};
use crate::{ArchivedFilter, JobFilter, Scope, SecretScopes, Store, TemplateFilter, backup, schema::MIGRATIONS};

const SAMPLE_ROWS: [&str; 8] = [
    include_str!("../../tests/fixtures/rows-1.sql"),
    include_str!("../../tests/fixtures/rows-2.sql"),
    include_str!("../../tests/fixtures/rows-3.sql"),
    include_str!("../../tests/fixtures/rows-4.sql"),
    include_str!("../../tests/fixtures/rows-5.sql"),
    include_str!("../../tests/fixtures/rows-6.sql"),
    include_str!("../../tests/fixtures/rows-7.sql"),
    include_str!("../../tests/fixtures/rows-8.sql"),
];
/// The whole database of a server of schema 5 that was stopped while jobs ran.
const SERVER: &str = include_str!("../../tests/fixtures/server-of-schema-5.sql");

const TIME: WallTime = at(1_796_014_719_000);
const EVERY_STATUS: [Status; 9] = [
    Status::Queued,
    Status::Pending,
    Status::Starting,
    Status::Running,
    Status::Retrying,
    Status::Stopping,
    Status::Stopped,
    Status::Succeeded,
    Status::Failed,
];

/// A database file with the steps and sample rows up to a schema.
fn of_schema(number: usize) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trainyard.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let steps = "CREATE TABLE schema_migrations (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)";
    connection.execute_batch(steps).unwrap();
    for (step, rows) in MIGRATIONS.iter().zip(SAMPLE_ROWS).take(number) {
        connection.execute_batch(step.sql).unwrap();
        connection.execute_batch(rows).unwrap();
        connection.execute("INSERT INTO schema_migrations VALUES (?1, ?2)", (step.number, step.name)).unwrap();
    }
    (directory, path)
}

fn server_database() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trainyard.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(SERVER).unwrap();
    (directory, path)
}

fn job(n: u32) -> JobId {
    format!("job_{n:020x}").parse().unwrap()
}

fn template(n: u32) -> TemplateId {
    format!("tpl_{n:020x}").parse().unwrap()
}

/// Reads every row by every function that reads rows.
async fn read_everything(store: &Store) -> Vec<JobId> {
    let jobs = store.jobs_in(&EVERY_STATUS).await.unwrap();
    let page = store.list_jobs(&JobFilter::of(Scope::All), ALL).await.unwrap();
    assert_eq!((page.records.len(), page.total), (jobs.len(), jobs.len() as u64));
    assert_eq!(store.allocations_in(&EVERY_STATUS).await.unwrap().len(), jobs.len());
    assert_eq!(store.versions_in(&EVERY_STATUS).await.unwrap().len(), jobs.len());
    for one in &jobs {
        assert_eq!(store.job(&one.id).await.unwrap().as_ref(), Some(one));
        let attempts = store.attempts(&one.id).await.unwrap();
        assert_eq!(attempts.last(), one.attempt.as_ref(), "{}", one.id);
        let numbers: Vec<_> = (1..).take(attempts.len()).collect();
        assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), numbers);
        let events = store.events(&one.id, 0, 100).await.unwrap();
        let numbers: Vec<_> = (1..).take(events.len()).collect();
        assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), numbers);
        assert!(!events.is_empty());
        store.logs_are_removed(&one.id).await.unwrap();
    }
    let all = TemplateFilter { archived: ArchivedFilter::Shown, ..TemplateFilter::of(Scope::All) };
    let page = store.list_templates(&all, ALL).await.unwrap();
    assert_eq!(page.total, page.records.len() as u64);
    for one in &page.records {
        assert_eq!(store.template(&one.id).await.unwrap().as_ref(), Some(one));
        let versions = store.template_versions(&one.id, ALL).await.unwrap();
        assert_eq!(versions.records.len(), one.latest_version as usize);
        store.template_uses(&one.id).await.unwrap();
    }
    let keys = store.list_keys(ALL).await.unwrap();
    assert_eq!(keys.total, keys.records.len() as u64);
    store.storages().await.unwrap();
    let secrets = store.secrets(&SecretScopes::All).await.unwrap();
    for one in &secrets {
        assert_eq!(store.secret(&one.place).await.unwrap().map(|(row, _)| row).as_ref(), Some(one));
    }
    assert_eq!(store.list_secrets(&SecretScopes::All, ALL).await.unwrap().records, secrets);
    let engines = store.centre_engines().await.unwrap();
    let has_engine = |centre: CentreId| engines.iter().any(|(of, _)| *of == centre);
    assert!(store.centres_with_files().await.unwrap().into_iter().all(has_engine), "{engines:?}");
    assert_eq!(store.unreadable().count(), 0);
    jobs.into_iter().map(|job| job.id).collect()
}

#[test]
fn every_migration_has_sample_rows() {
    assert_eq!(SAMPLE_ROWS.len(), MIGRATIONS.len(), "add tests/fixtures/rows-<n>.sql for the new migration");
}

#[tokio::test]
async fn a_database_of_each_schema_opens_with_all_its_rows() {
    for number in 1..=SAMPLE_ROWS.len() {
        let (directory, path) = of_schema(number);
        let store = Store::open(&path).await.unwrap();
        let copy = directory.path().join(format!("trainyard.db.schema-{number}"));
        assert_eq!(copy.exists(), number < SAMPLE_ROWS.len(), "a copy of what it was before");
        let jobs = read_everything(&store).await;
        let expected: Vec<_> = (1..=if number < 4 { 9 } else { 10 }).map(job).collect();
        assert_eq!(jobs, expected, "from schema {number}");
        check_jobs(&store, number).await;
        check_templates(&store, number).await;
        check_the_rest(&store, number).await;
        store.close().await;
    }
}

async fn check_jobs(store: &Store, schema: usize) {
    let running = store.job(&job(3)).await.unwrap().unwrap();
    assert_eq!(running.spec, stored::full_spec());
    assert_eq!(running.state, JobState::Running { since: TIME + span(3500) });
    assert_eq!(running.template, Some((template(1), 1)));
    assert_eq!(running.document["env"], json!({"ENV_MODE": "production", "MAX_CONN": "200", "Z": 1.5, "ON": true}));
    assert_eq!(running.provenance["storageConfigs[\"/scratch\"].mountPath"], "request");
    assert_eq!((running.created, running.queued), (TIME + span(3000), TIME + span(3000)), "waits since it was created");
    let attempt = running.attempt.unwrap();
    assert_eq!(attempt.placement, stored::gpu_placement());
    assert_eq!(attempt.workers[0].fact.pid, Some(4242));
    let dir = format!("/var/lib/trainyard/jobs/{}/attempt-1", job(3));
    assert!(attempt.handle.unwrap().contains(&dir));
    let retrying = store.job(&job(4)).await.unwrap().unwrap();
    assert_eq!((retrying.retries.job, retrying.retries.platform, retrying.ran), (1, 2, span(40)));
    let live = store.jobs_in(&[Status::Starting, Status::Running, Status::Stopping]).await.unwrap();
    let live: Vec<_> = live.into_iter().map(|job| job.id).collect();
    assert_eq!(live, [job(2), job(3), job(5), job(6)]);
    assert!(store.logs_are_removed(&job(9)).await.unwrap());
    assert_eq!(store.ended_before(CentreId(1), TIME + span(8000), 9).await.unwrap(), [job(7)]);
    if schema >= 4 {
        let restarted = store.job(&job(10)).await.unwrap().unwrap();
        assert_eq!((restarted.created, restarted.queued), (TIME + span(10_000), TIME + span(60_000)));
        assert_eq!(restarted.state, JobState::Retrying { until: TIME + span(130_000), delay_ms: span(30_000) });
    }
}

async fn check_templates(store: &Store, schema: usize) {
    let found = store.template(&template(1)).await.unwrap().unwrap();
    let expected = Template {
        id: template(1),
        project: "vision".to_owned(),
        owner: "alice".to_owned(),
        name: "常用2卡训练模板".to_owned(),
        visibility: Visibility::Project,
        revision: 2,
        version: 2,
        latest_version: 2,
        archived: false,
        described: document(json!({"desc": "常用2卡训练模板", "labels": {"team": "vision", "阶段": "微调"}})),
        content: document(json!({
            "aidcId": 1,
            "trainingType": "HPC",
            "trainingFramwork": "MPI",
            "resource": {"cpuCores": "0.5", "workerCount": 2},
            "startCommand": "python other.py",
        })),
        version_by: "bob".to_owned(),
        version_created: TIME + span(20),
        comment: None,
        created: TIME + span(10),
        updated: TIME + span(20),
        // Counted by the step to schema 2.
        jobs_made: 2,
        last_used: Some(TIME + span(8000)),
    };
    assert_eq!(found, expected);
    let first = store.template_version(&template(1), 1).await.unwrap().unwrap();
    assert_eq!((first.created_by.as_str(), first.content["priority"].as_u64()), ("alice", Some(3)));
    let uses = store.template_uses(&template(1)).await.unwrap();
    assert_eq!(uses.len(), 2);
    if schema >= 2 {
        let archived = store.template(&template(3)).await.unwrap().unwrap();
        assert_eq!((archived.archived, archived.jobs_made, archived.last_used), (true, 2, Some(TIME + span(50))));
        assert_eq!(archived.comment.as_deref(), Some("the first try"));
        let mut uses = store.template_uses(&template(3)).await.unwrap();
        uses.sort_by_key(|one| one.made);
        let of = |status, made, waited, ran| Use { version: 1, status, made, waited, ran };
        let stopped = of(Status::Stopped, TIME + span(50), None, None);
        assert_eq!(uses, [of(Status::Succeeded, TIME + span(45), Some(span(5)), Some(span(70))), stopped]);
    }
}

async fn check_the_rest(store: &Store, schema: usize) {
    let key = store.key_candidates("0b0b0b0b").await.unwrap().unwrap();
    assert_eq!(key.1, [0xa5; 32]);
    let id: KeyId = format!("key_{:020x}", 2).parse().unwrap();
    assert_eq!((&key.0.id, key.0.actor.role, key.0.expires), (&id, Role::Member, Some(at(4_070_908_800_000))));
    let event = store.events(&job(3), 2, 9).await.unwrap().remove(0);
    assert_eq!(
        (event.time, event.note.kind.as_str(), event.note.actor.as_str()),
        (TIME + span(3003), "Running", "system")
    );
    let identity = (schema >= 3).then(|| "00112233445566778899aabbccddeeff".to_owned());
    assert_eq!(store.belongs_to().await.unwrap(), identity);
    let storages = store.storages().await.unwrap().rows;
    let names: Vec<_> = storages.iter().map(|row| (row.centre.0, row.storage.name.as_deref())).collect();
    let expected: &[(i64, Option<&str>)] = if schema >= 5 { &[(1, Some("组的 NAS")), (2, None)] } else { &[] };
    assert_eq!(names, expected);
    let secrets = store.secrets(&SecretScopes::All).await.unwrap();
    let users: Vec<_> = secrets.iter().map(|row| (row.place.user.as_deref(), row.updated_by.as_str())).collect();
    let expected: &[(Option<&str>, &str)] = if schema >= 8 { &[(None, "bob"), (Some("bob"), "bob")] } else { &[] };
    assert_eq!(users, expected);
}

/// Checks the database of a server of the version before, with jobs that still run.
async fn check_server_database(store: &Store) {
    let jobs = read_everything(store).await;
    assert_eq!(jobs.len(), 11);
    let named = async |name: &str| {
        let filter = JobFilter { name: Some(name.to_owned()), ..JobFilter::of(Scope::All) };
        store.list_jobs(&filter, ALL).await.unwrap().records.remove(0)
    };
    let running = named("running").await;
    let attempt = running.attempt.unwrap();
    assert_eq!((running.state.status(), attempt.placement.ports.as_slice()), (Status::Running, &[23_759][..]));
    let gpus: Vec<_> = attempt.placement.workers.iter().map(|worker| worker.gpus.clone()).collect();
    assert_eq!(gpus, [[0], [1]]);
    assert!(attempt.handle.unwrap().contains("/attempt-1"));
    let stopping = named("stopping").await;
    assert!(matches!(stopping.state, JobState::Stopping { .. }));
    assert_eq!(stopping.spec.stop_grace_seconds, 3600);
    assert!(matches!(named("queued").await.state, JobState::Queued { waiting } if waiting.len() == 3));
    assert!(matches!(named("retrying").await.state, JobState::Retrying { delay_ms, .. } if delay_ms == span(300_000)));
    assert_eq!(named("failed").await.attempt.unwrap().number, 2);
    let used = store.list_templates(&TemplateFilter::of(Scope::All), ALL).await.unwrap().records.remove(0);
    assert_eq!((used.jobs_made, used.latest_version), (2, 2));
    let uses = store.template_uses(&used.id).await.unwrap();
    assert_eq!(uses.len(), 2, "of a job that runs and of one that was deleted");
}

#[tokio::test]
async fn the_database_of_a_server_of_the_version_before_opens_with_its_running_jobs() {
    let (_directory, path) = server_database();
    let store = Store::open(&path).await.unwrap();
    check_server_database(&store).await;
    store.close().await;
}

/// The line that the version before wrote behind the last page of a backup, and expects there.
fn checksum_line(database: &[u8]) -> String {
    let hash = Sha256::digest(database).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("\nBackup of Trainyard. SHA-256 of all that stands before this line: {hash}\n")
}

fn backup_of_the_version_before(database: &Path, to: &Path) {
    rusqlite::Connection::open(database).unwrap().execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
    let mut bytes = std::fs::read(to).unwrap();
    let line = checksum_line(&bytes);
    bytes.extend(line.into_bytes());
    std::fs::write(to, bytes).unwrap();
}

#[tokio::test]
async fn a_backup_that_the_version_before_made_can_be_restored() {
    let (directory, path) = server_database();
    let file = directory.path().join("backup");
    backup_of_the_version_before(&path, &file);
    backup::check(&file).await.unwrap();
    let restored = directory.path().join("restored.db");
    backup::put(&file, &restored).await.unwrap();
    let store = Store::open(&restored).await.unwrap();
    check_server_database(&store).await;
    store.close().await;
    let new = directory.path().join("new backup");
    backup::make(&restored, &new).await.unwrap();
    let bytes = std::fs::read(&new).unwrap();
    let pages = bytes.len() / 4096 * 4096;
    assert_eq!(bytes[pages..], *checksum_line(&bytes[..pages]).as_bytes(), "the version before can restore it too");
}
