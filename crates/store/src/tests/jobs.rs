//! Jobs: their rows, changes, idempotency and deletion.

use trainyard_domain::{
    attempt::{Exit, WorkerFact},
    id::CentreId,
    job::{Changed, Illegal, Job, JobState, Placement, Status, StopCause, Transition, WorkerPlace},
    queue::Allocation,
    reason::{WaitCode, WaitingReason},
    time::WallTime,
};

use super::{World, at, job, job_id, note, span};
use crate::{IdempotencyKey, Inserted, Outcome, StoreError};

impl World {
    async fn insert_job(&self, job: &Job) {
        let inserted = self.store.insert_job(job, &note("created"), None).await;
        assert_eq!(inserted, Ok(Inserted::New));
    }

    /// Applies a transition to job number `n`.
    async fn on(&self, n: u32, event: Transition, now: WallTime) -> Outcome<Illegal> {
        self.store.change(&job_id(n), now, move |job| job.on(event, now).map(Some)).await.unwrap()
    }
}

fn placement() -> Placement {
    Placement {
        workers: vec![WorkerPlace { gpus: vec![0, 3] }, WorkerPlace { gpus: vec![1] }],
        ports: vec![20_000, 20_001],
    }
}

fn fact(rank: u32, exit: Option<Exit>) -> WorkerFact {
    WorkerFact {
        rank,
        pid: Some(4000 + rank),
        started_ms: Some(at(20)),
        ended_ms: exit.as_ref().map(|_| at(900)),
        exit,
        oom_killed: false,
        oom_counted: true,
        host: None,
    }
}

fn ended(exit: Exit) -> Transition {
    Transition::AttemptEnded {
        started: Some(at(20)),
        ended: at(900),
        running: span(880),
        workers: vec![fact(0, Some(exit.clone())), fact(1, Some(exit))],
        first_failure: None,
        stopped: false,
    }
}

#[tokio::test]
async fn a_job_reads_back_as_it_was_inserted() {
    let world = World::new().await;
    let mut second = job(2);
    second.template = None;
    second.state = JobState::Queued { waiting: vec![WaitingReason::new(WaitCode::Gpu, "2 more are needed")] };
    for kept in [job(1), second] {
        world.insert_job(&kept).await;
        assert_eq!(world.store.job(&kept.id).await, Ok(Some(kept.clone())));
        assert_eq!(world.store.attempts(&kept.id).await, Ok(Vec::new()));
    }
    assert_eq!(world.store.job(&job_id(9)).await, Ok(None));
    let again = world.store.insert_job(&job(1), &note("again"), None).await;
    assert_eq!(again, Err(StoreError::Exists));
    assert_eq!(world.store.events(&job_id(1), 0, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_with_two_attempts_is_saved_at_every_step() {
    let world = World::new().await;
    let mut first = job(1);
    first.spec.retry = Some(trainyard_domain::job_spec::RetryPolicy { max_retries: 2, delay_seconds: 1 });
    world.insert_job(&first).await;
    let launched = |attempt, handle: &str| Transition::Launched { attempt, handle: handle.to_owned() };
    let seen = || Transition::Seen { started: Some(at(20)), workers: vec![fact(0, None), fact(1, None)] };
    let steps = [
        (Transition::Placed(placement()), 10, Status::Starting),
        (launched(1, "dir/1"), 11, Status::Starting),
        (seen(), 20, Status::Running),
        (ended(Exit::Signal(9)), 900, Status::Retrying),
        (Transition::RetryDue, 2_000, Status::Queued),
        (Transition::Placed(placement()), 2_010, Status::Starting),
        (launched(2, "dir/2"), 2_011, Status::Starting),
        (ended(Exit::Code(0)), 3_000, Status::Succeeded),
    ];
    let mut expected = vec![];
    for (event, now, status) in steps {
        let name = format!("{event:?}");
        let before = world.store.job(&job_id(1)).await.unwrap().unwrap();
        let Changed { job, notes } = before.on(event.clone(), at(now)).unwrap();
        expected.extend(notes.into_iter().map(|note| (now, note)));
        assert_eq!(world.on(1, event, at(now)).await, Outcome::Changed(job.clone()), "{name}");
        assert_eq!(job.status(), status, "{name}");
        assert_eq!(world.store.job(&job_id(1)).await, Ok(Some(job)), "{name}");
    }
    let attempts = world.store.attempts(&job_id(1)).await.unwrap();
    let handles: Vec<_> = attempts.iter().map(|a| (a.number, a.handle.as_deref())).collect();
    assert_eq!(handles, [(1, Some("dir/1")), (2, Some("dir/2"))]);
    assert_eq!(attempts[0].placement, placement());
    assert_eq!(attempts[0].workers[1].fact, fact(1, Some(Exit::Signal(9))));
    assert_eq!(world.store.attempt(&job_id(1), 2).await, Ok(Some(attempts[1].clone())));
    assert_eq!(world.store.attempt(&job_id(1), 3).await, Ok(None));
    assert_eq!(world.store.job(&job_id(1)).await.unwrap().unwrap().attempt, Some(attempts[1].clone()));

    let events = world.store.events(&job_id(1), 1, 100).await.unwrap();
    let lines: Vec<_> = events.into_iter().map(|event| (event.time.as_ms(), event.note)).collect();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_change_of_the_spec_is_saved_and_changes_the_filter_columns() {
    let world = World::new().await;
    world.insert_job(&job(1)).await;
    let id = job_id(1);
    let changed = world.store.change(&id, at(5), |mut job| {
        job.spec.timeout_seconds = Some(9);
        job.spec.priority = 3;
        job.document.insert("timeoutSeconds".to_owned(), 9.into());
        job.provenance.insert("timeoutSeconds".to_owned(), "request".to_owned());
        Ok::<_, ()>(Some(Changed { job, notes: vec![] }))
    });
    let Ok(Outcome::Changed(changed)) = changed.await else { panic!("it was not changed") };
    assert_eq!(world.store.job(&job_id(1)).await, Ok(Some(changed)));
    assert_eq!(world.number("SELECT priority FROM jobs").await, 3);
}

#[tokio::test]
async fn a_change_that_is_refused_or_fails_leaves_everything_as_it_was() {
    let world = World::new().await;
    world.insert_job(&job(1)).await;
    let news = world.store.changes();

    let refused = world.on(1, Transition::RetryDue, at(5)).await;
    assert!(matches!(refused, Outcome::Refused(Illegal { .. })), "{refused:?}");
    assert_eq!(world.on(9, Transition::RetryDue, at(5)).await, Outcome::NotFound);

    // No transition may change the owner; the attempt and the entries before it must be undone too.
    let id = job_id(1);
    let other_owner = world.store.change(&id, at(5), |job| {
        let mut next = job.on(Transition::Placed(placement()), at(5))?;
        next.job.owner = "mallory".to_owned();
        Ok::<_, Illegal>(Some(next))
    });
    assert!(matches!(other_owner.await, Err(StoreError::Bug(_))));

    let panicked = world.store.change::<()>(&id, at(5), |_| panic!("on purpose"));
    assert!(matches!(panicked.await, Err(StoreError::Bug(_))));

    assert_eq!(world.store.job(&job_id(1)).await, Ok(Some(job(1))));
    assert_eq!(world.store.attempts(&job_id(1)).await, Ok(Vec::new()));
    assert_eq!(world.store.events(&job_id(1), 0, 9).await.unwrap().len(), 1);
    assert!(!news.has_changed().unwrap());
    assert!(matches!(world.on(1, Transition::Placed(placement()), at(5)).await, Outcome::Changed(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_changers_at_once_lose_nothing() {
    let world = World::new().await;
    world.insert_job(&job(1)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20 {
        let store = world.store.clone();
        tasks.spawn(async move {
            let id = job_id(1);
            let changed = store.change(&id, at(n), move |mut job| {
                job.ran += span(1);
                Ok::<_, ()>(Some(Changed { job, notes: vec![note(&n.to_string())] }))
            });
            assert!(matches!(changed.await, Ok(Outcome::Changed(_))));
        });
    }
    tasks.join_all().await;
    assert_eq!(world.store.job(&job_id(1)).await.unwrap().unwrap().ran, span(20));
    assert_eq!(world.number("SELECT row_version FROM jobs").await, 21);
    let events = world.store.events(&job_id(1), 0, 100).await.unwrap();
    let sequences: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=21).collect::<Vec<_>>());
    let mut lines: Vec<_> = events.iter().skip(1).map(|event| event.time.as_ms()).collect();
    lines.sort_unstable();
    assert_eq!(lines, (0..20).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_twenty_placements_of_a_job_succeeds() {
    let world = World::new().await;
    world.insert_job(&job(1)).await;
    let mut tasks = tokio::task::JoinSet::new();
    for now in 0..20 {
        let store = world.store.clone();
        tasks.spawn(async move {
            let place = move |job: Job| job.on(Transition::Placed(placement()), at(now)).map(Some);
            store.change(&job_id(1), at(now), place).await.unwrap()
        });
    }
    let outcomes = tasks.join_all().await;
    let placed = outcomes.iter().filter(|one| matches!(one, Outcome::Changed(_))).count();
    let refused = outcomes.iter().filter(|one| matches!(one, Outcome::Refused(_))).count();
    assert_eq!((placed, refused), (1, 19));
    assert_eq!(world.store.attempts(&job_id(1)).await.unwrap().len(), 1);
    assert_eq!(world.store.events(&job_id(1), 0, 100).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_loops_find_jobs_by_state_oldest_first() {
    let world = World::new().await;
    for n in [3, 1, 2] {
        world.insert_job(&job(n)).await;
    }
    world.on(2, Transition::Placed(placement()), at(5)).await;
    let check = async |statuses: &[Status], expected: &[u32]| {
        let found = world.store.jobs_in(statuses).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|job| job.id).collect();
        assert_eq!(found, expected.iter().map(|n| job_id(*n)).collect::<Vec<_>>(), "{statuses:?}");
    };
    check(&[], &[]).await;
    check(&[Status::Queued], &[1, 3]).await;
    check(&[Status::Starting, Status::Running], &[2]).await;
    check(&[Status::Queued, Status::Starting, Status::Stopping], &[1, 2, 3]).await;
    check(&[Status::Failed], &[]).await;
}

#[tokio::test]
async fn allocations_are_the_same_as_those_of_the_whole_jobs() {
    const LIVE: [Status; 3] = [Status::Starting, Status::Running, Status::Stopping];
    let world = World::new().await;
    for n in 1..=4 {
        let mut job = job(n);
        job.spec.centre = CentreId(i64::from(n));
        job.spec.timeout_seconds = (n != 3).then_some(3600);
        job.spec.retry = Some(trainyard_domain::job_spec::RetryPolicy { max_retries: 2, delay_seconds: 1 });
        world.insert_job(&job).await;
    }
    for n in 2..=4 {
        world.on(n, Transition::Placed(placement()), at(5)).await;
    }
    world.on(3, Transition::Seen { started: Some(at(20)), workers: vec![fact(0, None), fact(1, None)] }, at(20)).await;
    // The second attempt of a job that has run before.
    world.on(4, ended(Exit::Code(1)), at(900)).await;
    world.on(4, Transition::RetryDue, at(2_000)).await;
    world.on(4, Transition::Placed(placement()), at(6000)).await;
    let whole = world.store.jobs_in(&LIVE).await.unwrap();
    let mut expected: Vec<_> = whole.iter().map(|job| (job.centre(), Allocation::of(job))).collect();
    let held = async |statuses: &[Status]| {
        let held = world.store.allocations_in(statuses).await.unwrap();
        held.into_iter().map(|held| (held.centre.unwrap(), held.allocation.unwrap())).collect::<Vec<_>>()
    };
    let mut found = held(&LIVE).await;
    expected.sort_by_key(|(centre, _)| *centre);
    found.sort_by_key(|(centre, _)| *centre);
    assert_eq!(found, expected);
    assert_eq!((found.len(), found[0].1.gpus.as_slice()), (3, &[0, 3, 1][..]));
    assert_eq!(held(&[]).await, []);
    let waiting = held(&[Status::Queued]).await;
    assert_eq!(waiting.into_iter().map(|(_, allocation)| allocation.gpus).collect::<Vec<_>>(), [Vec::<u32>::new()]);
}

#[tokio::test]
async fn a_changed_job_has_a_new_version() {
    let world = World::new().await;
    for n in 1..=3 {
        world.insert_job(&job(n)).await;
    }
    let queued = async || {
        let mut all = world.store.versions_in(&[Status::Queued, Status::Retrying]).await.unwrap();
        all.sort();
        all
    };
    assert_eq!(queued().await, [(job_id(1), 1), (job_id(2), 1), (job_id(3), 1)]);
    assert_eq!(world.store.versions_in(&[Status::Failed]).await.unwrap(), []);
    assert_eq!(world.store.versions_in(&[]).await.unwrap(), []);
    let reasons = vec![WaitingReason::new(WaitCode::Gpu, "2 more are needed")];
    world.on(2, Transition::Waiting(reasons.clone()), at(5)).await;
    assert_eq!(queued().await, [(job_id(1), 1), (job_id(2), 2), (job_id(3), 1)]);
    world.on(2, Transition::Waiting(reasons), at(6)).await;
    world.on(3, Transition::Placed(placement()), at(7)).await;
    assert_eq!(queued().await, [(job_id(1), 1), (job_id(2), 2)]);
    let found = world.store.jobs_with_versions(&[job_id(3), job_id(9), job_id(2)]).await.unwrap();
    let mut found: Vec<_> = found.into_iter().map(|(job, version)| (job.id.clone(), job.status(), version)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, [(job_id(2), Status::Queued, 2), (job_id(3), Status::Starting, 2)]);
}

#[tokio::test]
async fn a_repeated_request_creates_one_job() {
    const DAY: WallTime = at(86_400_000);
    let world = World::new().await;
    let ask = async |n: u32, project: &str, key: &str, body: u8, now: WallTime| {
        let key = IdempotencyKey { project: project.to_owned(), key: key.to_owned(), body_hash: [body; 32], now };
        world.store.insert_job(&job(n), &note("created"), Some(key)).await
    };
    assert_eq!(ask(1, "vision", "k", 7, at(0)).await, Ok(Inserted::New));
    assert_eq!(ask(2, "vision", "k", 7, at(1)).await, Ok(Inserted::Repeated(job_id(1))));
    assert_eq!(ask(2, "vision", "k", 8, at(1)).await, Err(StoreError::IdempotencyConflict));
    assert_eq!(world.store.job(&job_id(2)).await, Ok(None));
    assert_eq!(ask(2, "audio", "k", 8, at(1)).await, Ok(Inserted::New), "keys are per project");
    assert_eq!(ask(3, "vision", "K", 8, at(1)).await, Ok(Inserted::New));
    assert_eq!(ask(3, "vision", "unused", 8, at(1)).await, Err(StoreError::Exists));
    assert_eq!(ask(4, "vision", "unused", 9, at(1)).await, Ok(Inserted::New), "a failed request uses up no key");

    assert_eq!(ask(5, "vision", "k", 7, DAY - span(1)).await, Ok(Inserted::Repeated(job_id(1))));
    assert_eq!(ask(5, "vision", "k", 8, DAY).await, Ok(Inserted::New), "it is forgotten");
    assert_eq!(ask(6, "audio", "k", 8, DAY).await, Ok(Inserted::Repeated(job_id(2))));
}

#[tokio::test]
async fn only_an_ended_job_is_deleted_with_all_its_rows() {
    let world = World::new().await;
    for n in [1, 2] {
        world.insert_job(&job(n)).await;
        world.on(n, Transition::Placed(placement()), at(10)).await;
    }
    let refused = world.store.delete_job(&job_id(1)).await;
    assert_eq!(refused, Err(StoreError::NotEnded { status: Status::Starting }));
    world.on(1, ended(Exit::Code(0)), at(900)).await;
    assert_eq!(world.store.delete_job(&job_id(1)).await, Ok(true));
    assert_eq!(world.store.delete_job(&job_id(1)).await, Ok(false));

    assert_eq!(world.store.job(&job_id(1)).await, Ok(None));
    assert_eq!(world.store.attempts(&job_id(1)).await, Ok(Vec::new()));
    assert_eq!(world.store.events(&job_id(1), 0, 9).await, Ok(Vec::new()));
    assert_eq!(world.number("SELECT count(*) FROM job_specs").await, 1);
    assert_eq!(world.number("SELECT count(*) FROM attempts").await, 1);
    assert_eq!(world.number("SELECT count(DISTINCT job_id) FROM job_events").await, 1);
    assert!(world.store.job(&job_id(2)).await.unwrap().is_some());
}

#[tokio::test]
async fn logs_are_removed_once_and_those_of_the_first_ended_jobs_first() {
    let world = World::new().await;
    for (n, end) in [(1, 30), (2, 10), (3, 20), (4, 99)] {
        world.insert_job(&job(n)).await;
        let cause = StopCause::User { actor: "alice".to_owned() };
        world.on(n, Transition::StopRequested(cause), at(end)).await;
    }
    world.insert_job(&job(5)).await;
    let due = async |t, limit| world.store.ended_before(CentreId(1), t, limit).await.unwrap();
    assert_eq!(world.store.ended_before(CentreId(2), at(99), 10).await.unwrap(), []);
    assert_eq!(due(at(99), 10).await, [job_id(2), job_id(3), job_id(1)]);
    assert_eq!(due(at(99), 2).await, [job_id(2), job_id(3)]);
    assert_eq!(world.store.mark_logs_removed(&job_id(2)).await, Ok(true));
    assert_eq!(world.store.mark_logs_removed(&job_id(2)).await, Ok(false));
    assert_eq!(world.store.mark_logs_removed(&job_id(9)).await, Ok(false));
    for (n, removed) in [(2, true), (3, false), (9, false)] {
        assert_eq!(world.store.logs_are_removed(&job_id(n)).await, Ok(removed), "{n}");
    }
    assert_eq!(due(at(99), 10).await, [job_id(3), job_id(1)]);
    assert_eq!(due(at(10), 10).await, []);
}
