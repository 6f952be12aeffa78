//! The evidence of templates' use: each job counts once, even after it is deleted.

use trainyard_domain::{
    id::JobId,
    job::{Changed, Job, JobState, Status},
    template::{Template, Use},
    time::WallTime,
};

use super::{World, at, job, job_id, note, span, template, template_id};
use crate::Outcome;

async fn create_job(world: &World, n: u32, version: Option<u32>) {
    let made = Job { template: version.map(|version| (template_id(1), version)), ..job(n) };
    world.store.insert_job(&made, &note("created"), None).await.unwrap();
}

/// Ends a job that ran from `started` for `ran_ms`.
async fn end_job(world: &World, id: &JobId, state: JobState, started: Option<i64>, ran_ms: i64) {
    let decide = move |job: Job| {
        let job = Job { state, started: started.map(at), ended: Some(at(100)), ran: span(ran_ms), ..job };
        Ok::<_, String>(Some(Changed { job, notes: vec![note("ended")] }))
    };
    let outcome = world.store.change(id, at(100), decide).await.unwrap();
    assert!(matches!(outcome, Outcome::Changed(_)), "{outcome:?}");
}

async fn counted(world: &World) -> (u64, Option<i64>) {
    let found = world.store.template(&template_id(1)).await.unwrap().unwrap();
    (found.jobs_made, found.last_used.map(WallTime::as_ms))
}

async fn uses(world: &World) -> Vec<Use> {
    let mut uses = world.store.template_uses(&template_id(1)).await.unwrap();
    uses.sort_by_key(|one| one.made);
    uses
}

#[tokio::test]
async fn every_job_counts_once_for_its_own_template() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    world.insert(&template(2, "b")).await.unwrap();
    assert_eq!(counted(&world).await, (0, None));
    create_job(&world, 30, Some(1)).await;
    create_job(&world, 20, Some(2)).await;
    create_job(&world, 40, None).await;
    assert_eq!(counted(&world).await, (2, Some(30)), "the latest time of creation counts, not the last insertion");
    let other = world.store.template(&template_id(2)).await.unwrap().unwrap();
    assert_eq!((other.jobs_made, other.last_used), (0, None));
    assert_eq!(
        uses(&world).await.iter().map(|one| (one.version, one.made.as_ms())).collect::<Vec<_>>(),
        [(2, 20), (1, 30)]
    );
}

#[tokio::test]
async fn the_evidence_of_a_deleted_job_stays() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    for n in [10, 20, 30] {
        create_job(&world, n, Some(1)).await;
    }
    end_job(&world, &job_id(10), JobState::Succeeded, Some(15), 70).await;
    end_job(&world, &job_id(20), JobState::Stopped, None, 0).await;
    let before = uses(&world).await;
    let expected = |status, made, waited: Option<i64>, ran: Option<i64>| Use {
        version: 1,
        status,
        made: at(made),
        waited: waited.map(span),
        ran: ran.map(span),
    };
    assert_eq!(
        before,
        [
            expected(Status::Succeeded, 10, Some(5), Some(70)),
            expected(Status::Stopped, 20, None, None),
            expected(Status::Queued, 30, None, None),
        ]
    );
    for n in [10, 20] {
        assert_eq!(world.store.delete_job(&job_id(n)).await, Ok(true));
    }
    assert!(world.store.delete_job(&job_id(30)).await.is_err(), "it has not ended");
    assert_eq!(uses(&world).await, before);
    assert_eq!(counted(&world).await, (3, Some(30)));
    assert_eq!(world.number("SELECT count(*) FROM template_uses").await, 2);
}

#[tokio::test]
async fn the_evidence_of_a_deleted_template_goes_and_its_jobs_stay() {
    let world = World::new().await;
    world.insert(&template(1, "a")).await.unwrap();
    create_job(&world, 10, Some(1)).await;
    create_job(&world, 20, Some(1)).await;
    end_job(&world, &job_id(10), JobState::Succeeded, Some(15), 70).await;
    end_job(&world, &job_id(20), JobState::Succeeded, Some(25), 70).await;
    world.store.delete_job(&job_id(10)).await.unwrap();
    assert_eq!(world.store.delete_template(&template_id(1)).await, Ok(true));
    assert_eq!(world.number("SELECT count(*) FROM template_uses").await, 0);
    assert!(world.store.job(&job_id(20)).await.unwrap().is_some());
    assert_eq!(world.store.delete_job(&job_id(20)).await, Ok(true), "its template is gone");
    assert_eq!(world.number("SELECT count(*) FROM template_uses").await, 0);
    // A job may be created from a template that was deleted after the caller read it.
    create_job(&world, 30, Some(1)).await;
    assert!(world.store.template(&template_id(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn counts_survive_a_restart_and_an_update() {
    let world = World::new().await;
    let first = template(1, "a");
    world.insert(&first).await.unwrap();
    create_job(&world, 10, Some(1)).await;
    // The update is based on the template as it was before the job was created.
    let next = Template { revision: 2, archived: true, ..first };
    world.store.update_template(&next, "a", 1).await.unwrap();
    let world = world.reopened().await;
    assert_eq!(counted(&world).await, (1, Some(10)));
    assert!(world.store.template(&template_id(1)).await.unwrap().unwrap().archived);
}

#[tokio::test]
async fn evidence_is_read_from_an_index_only() {
    let world = World::new().await;
    let plan = world.plan(&crate::sql::statement(crate::usage::SELECT_USES));
    assert!(plan.iter().any(|step| step.contains("SEARCH jobs USING COVERING INDEX jobs_by_template")), "{plan:?}");
}
