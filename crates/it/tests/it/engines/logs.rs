//! Logs, the same from every engine: pieces, followers, searches and downloads.

use serde_json::{Value, json};
use trainyard_engine::log::Cut;

use super::{World, id, on_each_engine};
use crate::harness::{log_path, until};

on_each_engine! {
    a_log_is_read_by_offset
    a_follower_sees_what_comes_and_the_end
    lines_are_found
    the_raw_log_is_downloaded
    only_a_file_has_a_path
}

async fn chunk(world: &World, job: &str, query: &str) -> Value {
    world.host.get(&format!("{}?{query}", log_path(job, 0))).await.ok()
}

/// Starts a job of two workers and lets the first one print this.
async fn printed(world: &World, text: &str) -> String {
    let job = world.job(2, json!({})).await;
    world.start(&job, 1).await;
    world.print(&job, 1, 0, text).await;
    world.host.wait_for_output(&job, 0, text).await;
    job
}

async fn a_log_is_read_by_offset(world: World) {
    let job = printed(&world, "one\ntwo €\n").await;
    let first = chunk(&world, &job, "limit=4&times=true").await;
    assert_eq!((&first["text"], &first["nextOffset"], &first["end"]), (&json!("one\n"), &json!(4), &json!(false)));
    assert_eq!(first["times"].as_array().unwrap().len(), 1);
    assert_eq!(chunk(&world, &job, "offset=4").await["text"], "two €\n");
    assert_eq!(chunk(&world, &job, "offset=-5").await["text"], " €\n");
    let other = world.host.get(&log_path(&job, 1)).await.ok();
    assert_eq!((&other["text"], &other["end"]), (&json!(""), &json!(false)), "the other worker has a log of its own");
    world.finish(&job, 1, 0).await;
    world.reaches(&job, "Succeeded").await;
    assert_eq!(chunk(&world, &job, "offset=4").await["end"], true);
}

async fn a_follower_sees_what_comes_and_the_end(world: World) {
    let job = printed(&world, "first\n").await;
    let path = log_path(&job, 0);
    let followed = world.host.follow(&path, None);
    let goes_on = async {
        until(async || if world.host.server.app.logs.followed() == 1 { Ok(()) } else { Err(()) }).await;
        world.print(&job, 1, 0, "second\n").await;
        world.host.wait_for_output(&job, 0, "second\n").await;
        world.finish(&job, 1, 0).await;
        world.reaches(&job, "Succeeded").await;
    };
    let (events, ()) = tokio::join!(followed, goes_on);
    let data = |data: &str| serde_json::from_str::<Value>(data).unwrap()["text"].as_str().unwrap().to_owned();
    let text: String = events.iter().map(|event| data(&event.data)).collect();
    assert_eq!(text, "first\nsecond\n");
    assert_eq!(events.last().unwrap().name, "end");
}

async fn lines_are_found(world: World) {
    let job = printed(&world, "loss 1\nacc 2\nloss 3\n").await;
    let found = world.host.get(&format!("{}/search?q=loss", log_path(&job, 0))).await.ok();
    assert_eq!((&found["totalRows"], &found["records"][1]["offset"]), (&json!(2), &json!(13)));
}

async fn the_raw_log_is_downloaded(world: World) {
    let job = printed(&world, "bytes \u{1}\n").await;
    assert_eq!(world.host.log_bytes(&job, 0, "").await, b"bytes \x01\n");
    assert_eq!(world.host.log_bytes(&job, 1, "").await, b"");
}

async fn only_a_file_has_a_path(world: World) {
    let job = printed(&world, "x").await;
    let shown = world.host.detail(&job).await["attempts"][0]["workers"][0]["logPath"].clone();
    assert_eq!(shown.is_string(), world.fake.is_none(), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_go_round_a_cut_wherever_the_log_is_kept() {
    let world = World::engine_placed().await;
    let job = printed(&world, "head.lost lost.tail needle\n").await;
    world.fake().cut_log(&id(&job), 1, 0, Cut { from: 5, to: 15 });
    let inside = chunk(&world, &job, "offset=7").await;
    assert_eq!((&inside["text"], &inside["skipped"]), (&json!("tail needle\n"), &json!(8)));
    let found = world.host.get(&format!("{}/search?q=needle", log_path(&job, 0))).await.ok();
    assert_eq!(found["records"][0]["line"], "tail needle");
    let raw = String::from_utf8(world.host.log_bytes(&job, 0, "").await).unwrap();
    assert!(raw.starts_with("head.\n") && raw.ends_with("\ntail needle\n"), "{raw}");
}
