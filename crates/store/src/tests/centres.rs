//! The engines of centres.

use trainyard_domain::id::{CentreId, JobId};

use super::{World, job, note};
use crate::{
    Store,
    db::{self, Connection},
    schema::{MIGRATIONS, bring_up_to_date},
};

fn engines(all: &[(i64, &str)]) -> Vec<(CentreId, String)> {
    all.iter().map(|(centre, engine)| (CentreId(*centre), (*engine).to_owned())).collect()
}

#[tokio::test]
async fn the_engine_of_a_centre_is_the_one_that_was_saved_last() {
    let world = World::new().await;
    for (centre, engine) in [(2, "b"), (1, "a"), (2, "b"), (1, "c")] {
        world.store.save_centre_engine(CentreId(centre), engine).await.unwrap();
    }
    let world = world.reopened().await;
    assert_eq!(world.store.centre_engines().await.unwrap(), engines(&[(1, "c"), (2, "b")]));
}

#[tokio::test]
async fn a_centre_is_needed_until_the_files_of_its_jobs_are_gone() {
    let world = World::new().await;
    assert_eq!(world.store.centres_with_files().await.unwrap(), []);
    let job = job(1);
    world.store.insert_job(&job, &note("created"), None).await.unwrap();
    assert_eq!(world.store.centres_with_files().await.unwrap(), [job.centre()]);
    assert!(world.store.mark_logs_removed(&job.id).await.unwrap());
    assert_eq!(world.store.centres_with_files().await.unwrap(), []);
}

#[tokio::test]
async fn jobs_of_versions_without_saved_engines_were_run_by_the_local_engine() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.db");
    db::prepare_file(&path).unwrap();
    let connection = Connection::open_for_writing(&path).unwrap();
    bring_up_to_date(&connection, &path, &MIGRATIONS[..5]).unwrap();
    let old = rusqlite::Connection::open(&path).unwrap();
    for (number, centre) in [(1, 4), (2, 3), (3, 4)] {
        let id = JobId::from_random([number; 10]);
        let insert = "INSERT INTO jobs (id, project, owner, name, name_folded, centre, priority, status, state, reason, \
                      message, retries_job, retries_platform, ran_ms, created, queued, row_version, logs_removed) \
                      VALUES (?1, 'p', 'o', 'n', 'n', ?2, 2, 'Running', '{}', 'WorkersRunning', '', 0, 0, 0, 1, 1, 1, FALSE)";
        old.execute(insert, (id.as_str(), centre)).unwrap();
    }
    drop((old, connection));
    let store = Store::open(&path).await.unwrap();
    let local = r#"{"engine":"local"}"#;
    assert_eq!(store.centre_engines().await.unwrap(), engines(&[(3, local), (4, local)]));
}
