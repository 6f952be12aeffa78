//! Group commit: shared transactions, changes that fail alone or together, and callers that go away.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use tokio::sync::oneshot;

use super::{World, at, job, job_id, key, note, template, template_id};
use crate::{
    Outcome, Scope, Store, StoreError, TemplateFilter, WriteConnection,
    sql::{Sql, sql, statement},
};

/// Stops the writer in the middle of a transaction until the caller uses the answer, so that later changes are queued.
pub(super) async fn pause_writer(store: &Store) -> (oneshot::Sender<()>, tokio::task::JoinSet<Result<(), StoreError>>) {
    let (held, holds) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let mut task = tokio::task::JoinSet::new();
    let store = store.clone();
    task.spawn(async move {
        let gate = async move |_: &mut WriteConnection| {
            held.send(()).unwrap();
            released.await.unwrap();
            Ok(())
        };
        store.write(gate).await
    });
    holds.await.unwrap();
    (release, task)
}

/// Polls a future once, without tokio's limit on how much one task does at once.
pub(super) async fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    let mut future = tokio::task::unconstrained(future.as_mut());
    poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut future).poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

async fn total(store: &Store) -> u64 {
    store.list_templates(&TemplateFilter::of(Scope::All), super::ALL).await.unwrap().total
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_hundred_inserts_at_once_are_all_durable_and_those_that_fail_fail_alone() {
    let world = World::new().await;
    world.insert(&template(1000, "taken")).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..500 {
        let store = world.store.clone();
        tasks.spawn(async move {
            let name = if n % 50 == 7 { "taken".to_owned() } else { format!("t{n}") };
            (n, store.insert_template(&template(n, &name), &key(&name)).await)
        });
    }
    for (n, answer) in tasks.join_all().await {
        let expected = if n % 50 == 7 { Err(StoreError::NameTaken { id: template_id(1000) }) } else { Ok(()) };
        assert_eq!(answer, expected, "insert {n}");
    }
    let world = world.reopened().await;
    assert_eq!(total(&world.store).await, 491);
    assert_eq!(world.number("SELECT count(*) FROM template_versions").await, 491);
}

#[tokio::test]
async fn queued_changes_are_committed_together() {
    let world = World::new().await;
    let mut changes = world.store.changes();
    let (release, gate) = pause_writer(&world.store).await;
    let templates: Vec<_> = (1..=63).map(|n| (template(n, &format!("t{n}")), format!("t{n}"))).collect();
    let mut inserts: Vec<_> =
        templates.iter().map(|(template, name)| Box::pin(world.store.insert_template(template, name))).collect();
    for insert in &mut inserts {
        assert_eq!(poll_once(insert).await, None);
    }
    release.send(()).unwrap();
    for insert in inserts {
        assert_eq!(insert.await, Ok(()));
    }
    assert_eq!(gate.join_all().await, [Ok(())]);
    assert_eq!(*changes.borrow_and_update(), 1, "the gate and 63 inserts are one commit of 64");
}

#[tokio::test]
async fn changes_that_the_database_rolls_back_itself_are_answered_as_failed() {
    let world = World::new().await;
    let (release, gate) = pause_writer(&world.store).await;
    let (a, b) = (template(1, "a"), template(2, "b"));
    let mut before = Box::pin(world.store.insert_template(&a, "a"));
    // SQLite rolls back by itself when the disk is full or fails; this stands for it.
    let mut broken = Box::pin(world.store.write::<(), _>(async |on: &mut WriteConnection| {
        on.execute(statement(sql!("ROLLBACK"))).await?;
        Err(StoreError::DiskFull)
    }));
    let mut after = Box::pin(world.store.insert_template(&b, "b"));
    assert_eq!(poll_once(&mut before).await, None);
    assert_eq!(poll_once(&mut broken).await, None);
    assert_eq!(poll_once(&mut after).await, None);
    release.send(()).unwrap();

    assert_eq!(gate.join_all().await, [Err(StoreError::DiskFull)]);
    assert_eq!(before.await, Err(StoreError::DiskFull), "undone with the others");
    assert_eq!(broken.await, Err(StoreError::DiskFull));
    assert_eq!(after.await, Ok(()), "the next transaction is not affected");
    assert_eq!(total(&world.store).await, 1, "no list shows what was undone");
    assert_eq!(world.store.template(&template_id(1)).await, Ok(None));
    assert!(world.store.template(&template_id(2)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_failed_commit_keeps_nothing_and_fails_every_change_in_it() {
    let world = World::new().await;
    let changes = world.store.changes();
    let (release, gate) = pause_writer(&world.store).await;
    let (a, namesake) = (template(1, "a"), template(2, "a"));
    let mut innocent = Box::pin(world.store.insert_template(&a, "a"));
    let mut clash = Box::pin(world.store.insert_template(&namesake, "a"));
    // The database checks this reference only at the end: the change succeeds and the commit fails.
    let mut guilty = Box::pin(world.store.write(async |on: &mut WriteConnection| {
        on.row(statement(sql!("PRAGMA defer_foreign_keys = ON")), |_| Ok(())).await?;
        let orphan = sql!(
            "INSERT INTO template_versions (template_id, version, content, created_by, created) \
             VALUES ('tpl_none', 1, '{}', 'nobody', 1)"
        );
        on.execute(statement(orphan)).await
    }));
    assert_eq!(poll_once(&mut innocent).await, None);
    assert_eq!(poll_once(&mut clash).await, None);
    assert_eq!(poll_once(&mut guilty).await, None);
    release.send(()).unwrap();

    assert!(gate.join_all().await[0].is_err());
    let common = innocent.await;
    assert!(common.is_err());
    assert_eq!(clash.await, common, "the name that it found taken is not");
    assert_eq!(guilty.await, common.map(|()| 1));
    assert_eq!(world.store.template(&template_id(1)).await, Ok(None));
    assert_eq!(total(&world.store).await, 0, "no list shows it either");
    assert!(!changes.has_changed().unwrap());
    assert_eq!(world.insert(&a).await, Ok(()), "the writer goes on");
    assert_eq!(world.number("SELECT count(*) FROM template_versions").await, 1);
}

#[tokio::test]
async fn a_full_disk_is_reported_and_no_half_written_change_stays() {
    let world = World::new().await;
    world.insert(&template(1, "before")).await.unwrap();
    let limit = async |pragma: Sql| {
        world
            .store
            .write(async move |on: &mut WriteConnection| on.row(statement(pragma), |_| Ok(())).await.map(|_| ()))
            .await
            .unwrap();
    };
    limit(sql!("PRAGMA max_page_count = 1")).await;
    let mut large = template(2, "large");
    large.content.insert("startCommand".to_owned(), "x".repeat(2_000_000).into());
    assert_eq!(world.insert(&large).await, Err(StoreError::DiskFull), "the free pages are too few");
    let mut refused = 0;
    for n in 3..200 {
        let mut one = template(n, &format!("t{n}"));
        one.content.insert("startCommand".to_owned(), "x".repeat(10_000).into());
        match world.insert(&one).await {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error, StoreError::DiskFull);
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
    let kept = total(&world.store).await;
    assert_eq!(kept, 1 + 197 - refused, "the changes that were answered as kept, and no others");

    limit(sql!("PRAGMA max_page_count = 1000000")).await;
    assert_eq!(world.insert(&large).await, Ok(()));
    let world = world.reopened().await;
    assert_eq!(total(&world.store).await, kept + 1);
    let versions = world.number("SELECT count(*) FROM template_versions").await;
    assert_eq!(u64::try_from(versions).unwrap(), kept + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_go_away_leave_whole_changes_or_none() {
    let world = World::new().await;
    let (release, gate) = pause_writer(&world.store).await;
    for n in 0..200 {
        let one = template(n, &format!("t{n}"));
        let name = one.name.clone();
        let mut insert = Box::pin(world.store.insert_template(&one, &name));
        assert_eq!(poll_once(&mut insert).await, None);
    }
    release.send(()).unwrap();
    gate.join_all().await;
    world.insert(&template(999, "last")).await.unwrap();
    assert_eq!(total(&world.store).await, 201, "all changes that were handed over are made");
    assert_eq!(world.number("SELECT count(*) FROM template_versions").await, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_go_away_leave_the_reading_connections_in_order() {
    let world = World::new().await;
    for n in 0..50 {
        world.insert(&template(n, &format!("t{n}"))).await.unwrap();
    }
    let filter = TemplateFilter::of(Scope::All);
    for _ in 0..100 {
        let mut list = Box::pin(world.store.list_templates(&filter, super::ALL));
        // A list that was ready at the first poll has left nothing to drop halfway.
        if poll_once(&mut list).await.is_none() {
            poll_once(&mut list).await;
        }
    }
    assert_eq!(total(&world.store).await, 50);
    world.insert(&template(50, "new")).await.unwrap();
    assert_eq!(total(&world.store).await, 51, "no connection still reads an old snapshot");
}

#[tokio::test]
async fn a_panic_in_a_change_affects_no_other_change() {
    let world = World::new().await;
    world.store.insert_job(&job(1), &note("created"), None).await.unwrap();
    let (release, gate) = pause_writer(&world.store).await;
    let (a, id) = (template(1, "a"), job_id(1));
    let mut before = Box::pin(world.store.insert_template(&a, "a"));
    let mut panics = Box::pin(world.store.change::<()>(&id, at(1), |_| panic!("on purpose")));
    let mut after = Box::pin(world.store.change::<()>(&id, at(1), |_| Ok(None)));
    assert_eq!(poll_once(&mut before).await, None);
    assert_eq!(poll_once(&mut panics).await, None);
    assert_eq!(poll_once(&mut after).await, None);
    release.send(()).unwrap();
    gate.join_all().await;
    assert_eq!(before.await, Ok(()));
    assert!(matches!(panics.await, Err(StoreError::Bug(_))));
    assert_eq!(after.await, Ok(Outcome::Unchanged(job(1))));
}

#[tokio::test]
async fn close_makes_the_queued_changes_and_then_refuses() {
    let world = World::new().await;
    let (release, gate) = pause_writer(&world.store).await;
    let templates: Vec<_> = (1..=150).map(|n| (template(n, &format!("t{n}")), format!("t{n}"))).collect();
    let mut inserts: Vec<_> =
        templates.iter().map(|(template, name)| Box::pin(world.store.insert_template(template, name))).collect();
    for insert in &mut inserts {
        assert_eq!(poll_once(insert).await, None);
    }
    release.send(()).unwrap();
    tokio::join!(world.store.close(), world.store.close());
    for insert in inserts {
        assert_eq!(insert.await, Ok(()));
    }
    gate.join_all().await;

    let late = world.insert(&template(999, "late")).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    let read = world.store.template(&template_id(1)).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(world.store.ready().await, Err(StoreError::Unavailable(_))));
    world.store.close().await;

    let world = world.reopened().await;
    assert_eq!(total(&world.store).await, 150);
}

#[tokio::test]
async fn a_read_that_does_not_end_does_not_keep_the_store_open() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    let (runs, running) = oneshot::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let mut endless = Box::pin(world.store.readers().run(move |_| {
        runs.send(()).unwrap();
        ended.recv().unwrap_err();
        Ok(())
    }));
    assert_eq!(poll_once(&mut endless).await, None);
    running.await.unwrap();
    world.store.close_within(std::time::Duration::ZERO).await;
    assert!(world.insert(&template(2, "b")).await.is_err());
    drop(end);
    assert_eq!(endless.await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_that_panic_or_lose_their_callers_keep_no_connection() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    for _ in 0..20 {
        let panicked = world.store.readers().run::<()>(|_| panic!("on purpose")).await;
        assert!(matches!(panicked, Err(StoreError::Bug(_))), "{panicked:?}");
        let mut lost = Box::pin(world.store.template_named("vision", "a"));
        poll_once(&mut lost).await;
    }
    assert!(world.store.template(&template_id(1)).await.unwrap().is_some());
}
