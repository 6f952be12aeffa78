//! Searching a log: every line that contains the text, in pages, with the offsets at which the lines are read.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Host, ROOMY, log_path};

async fn search(host: &Host, job: &str, query: &str) -> Value {
    host.get(&format!("{}/search?{query}", log_path(job, 0))).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_found_with_their_offsets_page_by_page() {
    let host = Host::start(ROOMY).await;
    let job = host.job("seq 1 1000; printf '50%%\\r100%% done 世\\377\\n'; printf last", json!({})).await;
    host.wait_for_end(&job).await;
    let page = search(&host, &job, "q=99&pageSize=3&pageNo=2").await;
    // The matches in pages of three: 99, 199, 299; 399, 499, 599; and so on up to 990 to 999.
    assert_eq!((&page["totalRows"], &page["pageNo"], &page["pageSize"]), (&json!(19), &json!(2), &json!(3)));
    let lines: Vec<&str> =
        page["records"].as_array().unwrap().iter().map(|hit| hit["line"].as_str().unwrap()).collect();
    assert_eq!(lines, ["399", "499", "599"]);
    for hit in page["records"].as_array().unwrap() {
        let chunk = host.get(&format!("{}?limit=3&offset={}", log_path(&job, 0), hit["offset"])).await.ok();
        assert_eq!((&chunk["text"], &hit["part"]), (&hit["line"], &json!(false)));
    }
    let page = search(&host, &job, "q=%E4%B8%96").await;
    assert_eq!(page["records"][0]["line"], "100% done 世\u{fffd}");
    assert_eq!(search(&host, &job, "q=last").await["totalRows"], 1);
    assert_eq!(search(&host, &job, "q=LAST").await["totalRows"], 0);
    assert_eq!(search(&host, &job, "q=1&offset=-20").await["totalRows"], 1);
    assert_eq!(search(&host, &job, "q=1&attempt=1&pageNo=9999").await["records"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_growing_a_cut_and_a_missing_log_can_be_searched() {
    let host = Host::start(&format!("log_cap_mb = 1\n{ROOMY}")).await;
    let job = host.job("seq -f %015.0f 300000; echo ready; sleep 600", json!({})).await;
    host.wait_for_output(&job, 0, "ready").await;
    // A text of the head, of the cut and of the tail.
    for (text, count) in [("000000000000777", 1), ("000000000150000", 0), ("000000000299999", 1), ("ready", 1)] {
        assert_eq!(search(&host, &job, &format!("q={text}")).await["totalRows"], count, "{text}");
    }
    host.stop(&job).await.ok();
    host.wait_for_end(&job).await;
    let launched = host.job("true", json!({"trainingFramwork": "MPI", "resource": {"workerCount": 2}})).await;
    host.wait_for_end(&launched).await;
    let none = host.get(&format!("{}/search?q=x", log_path(&launched, 1))).await.ok();
    assert_eq!(none, json!({"records": [], "pageNo": 1, "pageSize": 10, "totalRows": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_search_is_refused() {
    let host = Host::start(ROOMY).await;
    let job = host.job("true", json!({})).await;
    host.wait_for_end(&job).await;
    let long = "x".repeat(1001);
    for (query, field, code) in [
        ("", "q", "required"),
        ("?q=", "q", "malformed"),
        ("?q=a%0Ab", "q", "malformed"),
        ("?q=a%0D", "q", "malformed"),
        (&format!("?q={long}"), "q", "malformed"),
        ("?q=x&attempt=2", "attempt", "out_of_range"),
        ("?q=x&pageSize=101", "pageSize", "out_of_range"),
        ("?q=x&limit=1", "limit", "unknown_field"),
    ] {
        let refused = host.get(&format!("{}/search{query}", log_path(&job, 0))).await;
        assert_eq!(refused.faults(), [(field.to_owned(), code.to_owned())], "{query}");
    }
    assert_eq!(host.get(&format!("{}/search?q={}", log_path(&job, 0), &long[1..])).await.ok()["totalRows"], 0);
    assert_eq!(host.get(&format!("{}/search?q=x", log_path(&job, 1))).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_searches_of_one_user_are_refused_and_delay_no_other_user() {
    let host = Host::start(ROOMY).await;
    let large = host.job("yes | head -c 150000000", json!({})).await;
    let small = host.job("echo here", json!({})).await;
    host.wait_for_end(&large).await;
    host.wait_for_end(&small).await;
    let greedy = host.key("greedy", "default", "member").await;
    let other = host.key("other", "default", "viewer").await;
    let search = async |key: &str, job: &str, text: &str| {
        let path = format!("{}/search?q={text}", log_path(job, 0));
        host.send(host.request(reqwest::Method::GET, &path, key)).await
    };
    let many = futures_util::future::join_all((0..8).map(|_| search(&greedy, &large, "nothing")));
    let one = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        assert_eq!(search(&other, &small, "here").await.ok()["totalRows"], 1);
        begun.elapsed()
    };
    let (many, took) = tokio::join!(many, one);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let refused: Vec<_> = many.iter().filter(|reply| reply.status != 200).collect();
    assert!(!refused.is_empty() && refused.len() <= 4, "{} of 8 are refused", refused.len());
    for reply in refused {
        assert_eq!((reply.status, reply.code()), (429, "rate_limited"), "{}", reply.body);
        assert!(
            reply.body["message"].as_str().unwrap().contains("you have 4 log searches in progress"),
            "{}",
            reply.body
        );
        assert_eq!(reply.headers["retry-after"], "1");
    }
    assert_eq!(search(&greedy, &small, "here").await.ok()["totalRows"], 1, "an ended search counts no more");
}
