//! The times of a log's lines, which an answer contains only on request.

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY, log_path};

#[tokio::test(flavor = "multi_thread")]
async fn lines_have_times_on_request() {
    let host = Host::start(ROOMY).await;
    let job = host.job("echo one; sleep 0.4; printf '50%%\\r'; sleep 0.4; printf '100%%'", json!({})).await;
    let detail = host.wait_for_end(&job).await;
    let plain = host.get(&log_path(&job, 0)).await.ok();
    assert!(
        plain.get("times").is_none() && host.get(&format!("{}?times=false", log_path(&job, 0))).await.ok() == plain
    );
    let asked = format!("{}?times=true", log_path(&job, 0));
    let chunk = host.get(&asked).await.ok();
    let times: Vec<(u64, i64)> = chunk["times"].as_array().unwrap().iter().map(time).collect();
    let offsets: Vec<u64> = times.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [0, 4, 8], "{chunk}");
    assert!(times.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 290), "{chunk}");
    let started = detail["startTimeMs"].as_i64().unwrap();
    assert!((started - 1000..started + 60_000).contains(&times[0].1), "{times:?} of {started}");
    // A follower gets the same times, and so does a reader that starts at any line.
    let events = host.follow(&asked, None).await;
    let first: Value = serde_json::from_str(&events[0].data).unwrap();
    assert_eq!(first["times"], chunk["times"]);
    let rest = host.get(&format!("{asked}&offset=6")).await.ok();
    assert_eq!(
        rest["times"],
        json!([
        {"line": 0, "offset": 6, "timeMs": times[1].1}, {"line": 1, "offset": 8, "timeMs": times[2].1}])
    );
}

fn time(entry: &Value) -> (u64, i64) {
    (entry["offset"].as_u64().unwrap(), entry["timeMs"].as_i64().unwrap())
}
