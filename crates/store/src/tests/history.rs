//! A job's history, and the number that rises with every change.

use trainyard_domain::job::{Changed, Job};

use super::{World, at, job, job_id, note};
use crate::{Outcome, PageRequest, Scope, TemplateFilter};

/// A change that only appends entries.
fn writes(lines: &'static [&'static str]) -> impl FnOnce(Job) -> Result<Option<Changed>, ()> + Send {
    move |job| Ok(Some(Changed { job, notes: lines.iter().map(|line| note(line)).collect() }))
}

#[tokio::test]
async fn events_are_counted_from_one_in_each_job() {
    let world = World::new().await;
    for n in [1, 2] {
        world.store.insert_job(&job(n), &note("created"), None).await.unwrap();
    }
    world.store.change(&job_id(1), at(50), writes(&["a", "b"])).await.unwrap();
    world.store.change(&job_id(2), at(60), writes(&["x"])).await.unwrap();
    world.store.change(&job_id(1), at(70), writes(&["c"])).await.unwrap();

    let all = world.store.events(&job_id(1), 0, 100).await.unwrap();
    let lines: Vec<_> = all.iter().map(|e| (e.sequence, e.time.as_ms(), e.note.message.as_str())).collect();
    assert_eq!(lines, [(1, 1, "created"), (2, 50, "a"), (3, 50, "b"), (4, 70, "c")]);
    assert_eq!(all[0].note, note("created"));
    let sequences = async |after, limit| {
        let events = world.store.events(&job_id(1), after, limit).await.unwrap();
        events.into_iter().map(|event| event.sequence).collect::<Vec<_>>()
    };
    assert_eq!(sequences(2, 100).await, [3, 4]);
    assert_eq!(sequences(0, 2).await, [1, 2]);
    assert!(sequences(4, 100).await.is_empty());
    assert_eq!(world.store.events(&job_id(9), 0, 9).await, Ok(Vec::new()));

    let page = async |after, number, size| {
        let page = PageRequest { number, size };
        let page = world.store.events_page(&job_id(1), after, page).await.unwrap();
        (page.records.iter().map(|event| event.sequence).collect::<Vec<_>>(), page.total)
    };
    assert_eq!(page(0, 1, 3).await, (vec![1, 2, 3], 4));
    assert_eq!(page(0, 2, 3).await, (vec![4], 4));
    assert_eq!(page(1, 1, 2).await, (vec![2, 3], 3));
    assert_eq!(page(4, 1, 2).await, (vec![], 0));
}

#[tokio::test]
async fn the_change_number_rises_only_with_committed_changes() {
    let world = World::new().await;
    let mut changes = world.store.changes();
    let mut rose = || {
        changes.has_changed().unwrap() && {
            changes.mark_unchanged();
            true
        }
    };
    assert!(!rose());
    world.store.insert_job(&job(1), &note("created"), None).await.unwrap();
    assert!(rose());

    world.store.ready().await.unwrap();
    world.store.list_templates(&TemplateFilter::of(Scope::All), super::ALL).await.unwrap();
    assert!(world.store.insert_job(&job(1), &note("again"), None).await.is_err());
    let nothing = world.store.change(&job_id(1), at(5), |_| Ok::<_, ()>(None)).await.unwrap();
    assert_eq!(nothing, Outcome::Unchanged(job(1)));
    let same = world.store.change(&job_id(1), at(5), writes(&[])).await.unwrap();
    assert_eq!(same, Outcome::Unchanged(job(1)));
    let refused = world.store.change(&job_id(1), at(5), |_| Err("no")).await.unwrap();
    assert_eq!(refused, Outcome::Refused("no"));
    assert_eq!(world.store.delete_job(&job_id(9)).await, Ok(false));
    assert!(!rose(), "nothing was changed");

    world.store.change(&job_id(1), at(5), writes(&["a"])).await.unwrap();
    assert!(rose());
}

#[tokio::test]
async fn a_change_can_be_read_once_the_number_has_risen() {
    let world = World::new().await;
    let mut changes = world.store.changes();
    let store = world.store.clone();
    let mut reader = tokio::task::JoinSet::new();
    reader.spawn(async move {
        let mut seen = 0;
        while seen < 50 {
            changes.changed().await.unwrap();
            let events = store.events(&job_id(1), seen, 1000).await.unwrap();
            let numbers: Vec<_> = events.iter().map(|event| event.sequence).collect();
            assert_eq!(numbers, (seen + 1..).take(numbers.len()).collect::<Vec<_>>());
            seen += i64::try_from(numbers.len()).unwrap();
        }
    });
    world.store.insert_job(&job(1), &note("created"), None).await.unwrap();
    for _ in 1..50 {
        world.store.change(&job_id(1), at(5), writes(&["a"])).await.unwrap();
    }
    reader.join_all().await;
}
