//! A row that cannot be read is named, once in the log, and hides no other row: lists leave it out, and a call for this row
//! alone gets the error.

use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use trainyard_domain::{
    access::{Actor, Role},
    id::{CentreId, JobId},
    job::{Changed, Job, Placement, Status, Transition, WorkerPlace},
    job_spec::{Storage, StorageType},
};

use super::{ALL, World, at, job, job_id, key_id, note, template, template_id};
use crate::{
    HeldResources, JobFilter, KeyRow, LiveJobs, Page, Scope, StorageRow, Store, StoreError, TemplateFilter,
    UnreadableJob, UnreadableStorage,
};

/// Collects the errors of the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn start() -> Self {
        let log = Self::default();
        tracing::subscriber::set_global_default(log.clone()).unwrap();
        log
    }

    /// The lines that name a row, by its key.
    fn naming(&self, key: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.contains(key)).cloned().collect()
    }
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let mut line = String::new();
            let _ = write!(line, "{value:?}");
            self.0.lock().unwrap().push(line);
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn ids(page: Page<Job>) -> Vec<JobId> {
    page.records.into_iter().map(|job| job.id).collect()
}

fn is_unreadable<T: Debug>(read: Result<T, StoreError>) {
    assert!(matches!(read, Err(StoreError::UnreadableRow { .. })), "{read:?}");
}

async fn three_jobs() -> World {
    let world = World::new().await;
    for n in 1..=3 {
        world.store.insert_job(&job(n), &note("created"), None).await.unwrap();
    }
    world
}

async fn check_all_jobs_except(store: &Store, damaged: u32) {
    let others: Vec<_> = (1..=3).filter(|n| *n != damaged).map(job_id).collect();
    for _ in 0..3 {
        let found = store.jobs_in(&[Status::Queued]).await.unwrap();
        assert_eq!(found.into_iter().map(|job| job.id).collect::<Vec<_>>(), others);
        let page = store.list_jobs(&JobFilter::of(Scope::All), ALL).await.unwrap();
        assert_eq!(page.total, 3, "the total counts it");
        let mut listed = ids(page);
        listed.reverse();
        assert_eq!(listed, others);
        let all: Vec<_> = (1..=3).map(job_id).collect();
        let mut read = store.jobs_with_versions(&all).await.unwrap();
        read.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        assert_eq!(read.into_iter().map(|(job, _)| job.id).collect::<Vec<_>>(), others);
        assert_eq!(store.versions_in(&[Status::Queued]).await.unwrap().len(), 3);
        assert_eq!(store.unknown_of(&all).await.unwrap(), [], "it exists");
        is_unreadable(store.job(&job_id(damaged)).await);
        is_unreadable(
            store.change::<()>(&job_id(damaged), at(5), |job| Ok(Some(Changed { job, notes: vec![] }))).await,
        );
    }
    for id in others {
        assert!(store.job(&id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn an_unreadable_job_hides_no_other_and_is_logged_once() {
    let log = Log::start();
    let world = three_jobs().await;
    world.change_row("UPDATE jobs SET state = '{\"state\":\"paused\"}' WHERE name = 'digits 1'");
    check_all_jobs_except(&world.store, 1).await;
    let [line] = &log.naming(job_id(1).as_str())[..] else { panic!("{:?}", log.0) };
    for words in
        ["of table jobs", "column state", "unknown variant `paused`", "restore a backup", "continues without this row"]
    {
        assert!(line.contains(words), "{line}");
    }
}

#[tokio::test]
async fn each_document_of_a_job_may_be_damaged() {
    for damage in [
        "UPDATE job_specs SET spec = '{}' WHERE job_id = (SELECT id FROM jobs WHERE name = 'digits 2')",
        "UPDATE job_specs SET document = '[]' WHERE job_id = (SELECT id FROM jobs WHERE name = 'digits 2')",
        "UPDATE job_specs SET provenance = '1' WHERE job_id = (SELECT id FROM jobs WHERE name = 'digits 2')",
        "UPDATE jobs SET reason = 'Bored' WHERE name = 'digits 2'",
        "UPDATE jobs SET state = X'ff' WHERE name = 'digits 2'",
        "UPDATE jobs SET message = CAST(X'ff' AS TEXT) WHERE name = 'digits 2'",
        "UPDATE jobs SET created = 'soon' WHERE name = 'digits 2'",
    ] {
        let world = three_jobs().await;
        world.change_row(damage);
        let found = world.store.jobs_in(&[Status::Queued]).await.unwrap();
        assert_eq!(found.len(), 2, "{damage}");
        is_unreadable(world.store.job(&job_id(2)).await);
        assert_eq!(world.store.unreadable().count(), 1, "{damage}");
        let world = world.reopened().await;
        assert_eq!(world.store.jobs_in(&[Status::Queued]).await.unwrap().len(), 2, "{damage}");
    }
}

#[tokio::test]
async fn resources_of_an_unreadable_job_still_count_if_they_can_be_read() {
    let world = three_jobs().await;
    let place = |job: Job| {
        let placement = Placement { workers: vec![WorkerPlace { gpus: vec![3] }; 2], ports: vec![20_000] };
        job.on(Transition::Placed(placement), at(5)).map(Some)
    };
    world.store.change(&job_id(1), at(5), place).await.unwrap();
    world.change_row("UPDATE jobs SET state = '{' WHERE name = 'digits 1'");
    let all: Vec<_> = (1..=3).map(job_id).collect();
    let held = world.store.allocations_of(&all).await.unwrap();
    assert_eq!((held.len(), &held[0].job, held[0].version, held[0].centre), (1, &job_id(1), 2, Some(CentreId(1))));
    let gpus = |held: &HeldResources| held.allocation.as_ref().map(|allocation| allocation.gpus.clone());
    assert_eq!((gpus(&held[0]), held[0].ports.as_slice()), (Some(vec![3, 3]), &[20_000][..]));
    assert_eq!(world.store.allocations_in(&[Status::Starting]).await.unwrap(), held);
    // Estimates may be missing.
    world.change_row(
        "UPDATE jobs SET ran_ms = 'long', created = 'soon', row_version = 'x', centre = 'here' WHERE name = 'digits 1'",
    );
    world.change_row("UPDATE attempts SET placed = 'then'");
    let estimated = world.store.allocations_of(&all).await.unwrap().remove(0);
    assert_eq!((gpus(&estimated), estimated.centre), (Some(vec![3, 3]), None));
    assert_eq!(world.store.versions_in(&[Status::Starting]).await.unwrap(), [(job_id(1), estimated.version)]);
    // A job without accelerators needs no placement to say what it holds.
    world.change_row("UPDATE attempts SET placement = '{'");
    let without_placement = world.store.allocations_of(&all).await.unwrap().remove(0);
    assert_eq!((gpus(&without_placement), without_placement.ports), (Some(vec![]), vec![]));
    const OF_THE_JOB: &str = "WHERE job_id = (SELECT id FROM jobs WHERE name = 'digits 1')";
    world.change_row(&format!("UPDATE job_specs SET spec = replace(spec, '\"gpus\":0', '\"gpus\":1') {OF_THE_JOB}"));
    assert_eq!(world.store.allocations_of(&all).await.unwrap().remove(0).allocation, None);
    // The row is still there and does not say how much it holds.
    world.change_row(&format!("UPDATE job_specs SET spec = '{{}}' {OF_THE_JOB}"));
    assert_eq!(world.store.allocations_of(&all).await.unwrap().remove(0).allocation, None);
    assert_eq!(world.store.attempts(&job_id(1)).await.unwrap(), []);
    is_unreadable(world.store.attempt(&job_id(1), 1).await);
}

#[tokio::test]
async fn an_unreadable_live_job_keeps_its_handle_its_mounts_and_its_centre() {
    let world = three_jobs().await;
    let start = |n| {
        let launched = Transition::Launched { attempt: 1, handle: format!("handle {n}") };
        [Transition::Placed(Placement { workers: vec![WorkerPlace::default(); 2], ports: Vec::new() }), launched]
    };
    for n in 1..=2 {
        for step in start(n) {
            world.store.change(&job_id(n), at(5), |job| job.on(step, at(5)).map(Some)).await.unwrap();
        }
    }
    let both = world.store.live_jobs_of(CentreId(1)).await.unwrap();
    assert_eq!((both.jobs.len(), both.unreadable.as_slice()), (2, &[][..]));
    assert_eq!(world.store.live_jobs_of(CentreId(2)).await.unwrap(), LiveJobs::default());
    let part = |grace| UnreadableJob {
        id: job_id(1),
        handle: "handle 1".to_owned(),
        is_stopping: false,
        stop_grace_seconds: grace,
    };
    let grace = both.jobs[0].spec.stop_grace_seconds;
    for (damage, found) in [
        ("UPDATE jobs SET state = '{' WHERE name = 'digits 1'", Some(part(Some(grace)))),
        ("UPDATE attempts SET placement = '{' WHERE handle = 'handle 1'", Some(part(Some(grace)))),
        (
            "UPDATE job_specs SET spec = '{}' WHERE job_id IN (SELECT id FROM jobs WHERE name = 'digits 1')",
            Some(part(None)),
        ),
        (
            "UPDATE jobs SET status = 'Stopping' WHERE name = 'digits 1'",
            Some(UnreadableJob { is_stopping: true, ..part(None) }),
        ),
        ("UPDATE attempts SET handle = NULL WHERE handle = 'handle 1'", None),
    ] {
        world.change_row(damage);
        let live = world.store.live_jobs_of(CentreId(1)).await.unwrap();
        assert_eq!(live.jobs.iter().map(|job| job.id.clone()).collect::<Vec<_>>(), [job_id(2)], "{damage}");
        assert_eq!(live.unreadable, Vec::from_iter(found), "{damage}");
    }
    let mounts = world.store.mounts_in(&[Status::Queued, Status::Starting, Status::Stopping]).await.unwrap();
    let unreadable: Vec<_> = mounts.iter().filter(|job| job.mounts.is_none()).map(|job| job.job.clone()).collect();
    assert_eq!((mounts.len(), unreadable), (3, vec![job_id(1)]));
    assert_eq!(world.store.unended_jobs(CentreId(1)).await.unwrap(), 3);
    assert_eq!(world.store.unended_jobs(CentreId(2)).await.unwrap(), 0);
}

#[tokio::test]
async fn the_other_lists_leave_out_an_unreadable_row_too() {
    let world = three_jobs().await;
    let entries = || Changed { job: job(1), notes: vec![note("second"), note("third")] };
    world.store.change(&job_id(1), at(5), move |_| Ok::<_, ()>(Some(entries()))).await.unwrap();
    world.change_row("UPDATE job_events SET reason = 'Bored' WHERE message = 'second'");
    let left: Vec<_> = world.store.events(&job_id(1), 0, 9).await.unwrap().into_iter().map(|e| e.sequence).collect();
    assert_eq!(left, [1, 3]);
    let page = world.store.events_page(&job_id(1), 0, ALL).await.unwrap();
    assert_eq!((page.records.len(), page.total), (2, 3));

    for (n, name) in (1..).zip(["a", "b"]) {
        world.insert(&template(n, name)).await.unwrap();
    }
    world.change_row("UPDATE template_versions SET content = '{' WHERE created = 1");
    let page = world.store.list_templates(&TemplateFilter::of(Scope::All), ALL).await.unwrap();
    assert_eq!(page.records.into_iter().map(|one| one.id).collect::<Vec<_>>(), [template_id(2)]);
    assert_eq!(world.store.template_versions(&template_id(1), ALL).await.unwrap().records, []);
    is_unreadable(world.store.template(&template_id(1)).await);
    world.change_row(
        "UPDATE jobs SET status = 'Bored', template_id = (SELECT id FROM templates WHERE name = 'b') \
        WHERE name = 'digits 3'",
    );
    assert_eq!(world.store.template_uses(&template_id(2)).await.unwrap(), []);

    let row = |n| KeyRow {
        id: key_id(n),
        name: format!("key {n}"),
        actor: Actor { user: "alice".to_owned(), project: "vision".to_owned(), role: Role::Admin },
        created_by: "system".to_owned(),
        created: at(i64::from(n)),
        expires: None,
        last_used: None,
    };
    for n in 1..=2 {
        world.store.insert_key(&row(n), &n.to_string(), &[1; 32]).await.unwrap();
    }
    world.change_row("UPDATE api_keys SET role = 'king' WHERE name = 'key 1'");
    let page = world.store.list_keys(ALL).await.unwrap();
    assert_eq!((page.records, page.total), (vec![row(2)], 2));
    is_unreadable(world.store.key_candidates("1").await);
    assert_eq!(world.store.delete_key(&key_id(2), at(0)).await, Err(StoreError::LastAdminKey));
    assert_eq!(world.store.delete_key(&key_id(1), at(0)).await, Ok(()), "a key that lets no call pass can be deleted");

    for id in ["s", "t"] {
        let (kind, path) = (StorageType::Capacity, "/data".to_owned());
        let storage = Storage { id: id.to_owned(), name: None, kind, path, read_only: false };
        let row = StorageRow { centre: CentreId(1), storage, created_by: "admin".to_owned(), created: at(1) };
        world.store.insert_storage(&row).await.unwrap();
    }
    for (damage, read_only) in [("kind = 'tape'", false), ("kind = 'tape', read_only = 'perhaps'", true)] {
        world.change_row(&format!("UPDATE storages SET {damage} WHERE id = 's'"));
        let found = world.store.storages().await.unwrap();
        assert_eq!(found.rows.into_iter().map(|row| row.storage.id).collect::<Vec<_>>(), ["t"]);
        let hidden = UnreadableStorage { path: "/data".to_owned(), read_only };
        assert_eq!(found.unreadable, [hidden], "its directory is still hidden from jobs");
    }
}

#[tokio::test]
async fn an_invalid_id_is_reported_and_all_others_are_found() {
    let world = three_jobs().await;
    world.change_row("UPDATE jobs SET id = 'job, or not' WHERE name = 'digits 2'");
    let found = world.store.versions_in(&[Status::Queued]).await.unwrap();
    assert_eq!(found.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), [job_id(1), job_id(3)]);
    assert_eq!(world.store.unknown_of(&[job_id(1), job_id(2)]).await.unwrap(), [job_id(2)]);
}
