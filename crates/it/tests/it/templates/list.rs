//! The list of templates: filters, pages, order, and refused queries.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use serde_json::{Value, json};
use trainyard_server::clock::Clock;

use super::{CREATE, LIST, body};
use crate::harness::{Host, ROOMY};

/// A clock that advances with each reading, so that later objects are newer.
fn advancing_clock() -> Clock {
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    Clock::from_fn(move || now.fetch_add(1, Ordering::Relaxed))
}

async fn names(host: &Host, query: &str) -> Vec<String> {
    let page = host.get(&format!("{LIST}?pageSize=100&{query}")).await.ok();
    let records = page["records"].as_array().unwrap();
    assert_eq!(page["totalRows"], records.len());
    records.iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_name_filter_matches_any_part_literally() {
    let host = Host::start_with_clock(advancing_clock(), ROOMY).await;
    let all = [
        "100% done",
        "100 percent",
        "snake_case",
        "snakeXcase",
        "a\\b",
        "BERT base",
        "bert 大模型",
        "训练模板",
        "Cafe\u{301}",
    ];
    for name in all {
        host.post(CREATE, &json!({"name": name})).await.ok();
    }
    for (query, expected) in [
        ("name=%25", &["100% done"][..]),
        ("name=_", &["snake_case"]),
        ("name=%5C", &["a\\b"]),
        ("name=snake", &["snakeXcase", "snake_case"]),
        ("name=Bert", &["bert 大模型", "BERT base"]),
        ("name=%E6%A8%A1", &["训练模板", "bert 大模型"]),
        ("name=caf%C3%A9", &["Cafe\u{301}"]),
        ("name=100+p", &["100 percent"]),
        ("name=nothing", &[]),
        ("name=%27%20OR%201=1", &[]),
    ] {
        assert_eq!(names(&host, query).await, expected, "{query}");
    }
    let newest_first: Vec<_> = all.into_iter().rev().collect();
    assert_eq!(names(&host, "name=").await, newest_first, "an empty filter has no effect");
    assert_eq!(names(&host, &format!("name={}", "x".repeat(5000))).await, [""; 0]);
}

#[tokio::test]
async fn the_other_filters_match_the_sent_values() {
    let host = Host::start_with_clock(advancing_clock(), ROOMY).await;
    for (name, more) in [
        ("one", json!({"aidcId": 1, "trainingType": "HPC", "trainingFramwork": "MPI"})),
        ("two", json!({"aidcId": 2, "trainingType": "PRE_TRAINING", "trainingFramwork": "MPI"})),
        ("three", json!({"aidcId": 2, "trainingType": "PRE_TRAINING", "trainingFramwork": "PyTorch"})),
        ("bare", json!({})),
    ] {
        host.post(CREATE, &body(name, more)).await.ok();
    }
    for (query, expected) in [
        ("aidcId=1", &["one"][..]),
        ("aidcId=2", &["three", "two"]),
        ("aidcId=-9223372036854775808", &[]),
        ("trainingType=HPC", &["one"]),
        ("trainingFramwork=MPI", &["two", "one"]),
        ("trainingFramwork=DeepSpeed", &[]),
        ("aidcId=2&trainingFramwork=MPI&name=w&trainingType=PRE_TRAINING", &["two"]),
        ("aidcId=1&trainingFramwork=PyTorch", &[]),
    ] {
        assert_eq!(names(&host, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_page_has_the_requested_records() {
    let host = Host::start_with_clock(advancing_clock(), ROOMY).await;
    for number in 1..=23 {
        host.post(CREATE, &json!({"name": format!("n{number}")})).await.ok();
    }
    for (query, page_no, page_size, first_and_last) in [
        ("", 1, 10, Some((23, 14))),
        ("?pageNo=3", 3, 10, Some((3, 1))),
        ("?pageNo=4", 4, 10, None),
        ("?pageSize=1&pageNo=23", 23, 1, Some((1, 1))),
        ("?pageSize=100", 1, 100, Some((23, 1))),
        ("?pageNo=4294967295&pageSize=100", 4_294_967_295_u32, 100, None),
        ("?pageNo=&pageSize=", 1, 10, Some((23, 14))),
    ] {
        let page = host.get(&format!("{LIST}{query}")).await.ok();
        assert_eq!(
            (&page["pageNo"], &page["pageSize"], &page["totalRows"]),
            (&json!(page_no), &json!(page_size), &json!(23)),
            "{query}"
        );
        let records = page["records"].as_array().unwrap();
        let name = |record: Option<&Value>| record.map(|record| record["name"].as_str().unwrap().to_owned());
        let expected = first_and_last.map(|(first, last)| (format!("n{first}"), format!("n{last}")));
        assert_eq!(name(records.first()).zip(name(records.last())), expected, "{query}");
    }
}

#[tokio::test]
async fn an_invalid_query_is_refused_with_a_valid_one() {
    let host = Host::start_without_loops(ROOMY).await;
    for (query, expected, hint) in [
        ("pageNum=1", &[("pageNum", "unknown_field")][..], "`pageNo`"),
        ("trainingFramework=MPI", &[("trainingFramework", "unknown_field")], "`trainingFramwork`"),
        ("NAME=x", &[("NAME", "unknown_field")], "`name`"),
        ("colour=x", &[("colour", "unknown_field")], "known: pageNo, pageSize, name"),
        ("trainingType=hpc", &[("trainingType", "not_a_choice")], "`HPC`"),
        ("pageNo=0", &[("pageNo", "out_of_range")], "from 1"),
        ("pageNo=1.5", &[("pageNo", "out_of_range")], "whole number"),
        ("pageNo=4294967296", &[("pageNo", "out_of_range")], "4294967295"),
        ("pageSize=101", &[("pageSize", "out_of_range")], "from 1 to 100"),
        ("pageSize=-1", &[("pageSize", "out_of_range")], "from 1 to 100"),
        ("aidcId=one", &[("aidcId", "out_of_range")], "whole number"),
        ("name=a&name=b", &[("name", "duplicate")], "more than once"),
        ("name=%00", &[("name", "malformed")], "NUL"),
        (
            "pageNo=0&x=1&pageSize=0",
            &[("x", "unknown_field"), ("pageNo", "out_of_range"), ("pageSize", "out_of_range")],
            "3 faults",
        ),
    ] {
        let reply = host.get(&format!("{LIST}?{query}")).await;
        assert_eq!((reply.status, reply.code()), (400, "bad_query"), "{query}");
        let expected: Vec<_> = expected.iter().map(|(f, c)| ((*f).to_owned(), (*c).to_owned())).collect();
        assert_eq!(reply.faults(), expected, "{query}");
        assert!(reply.body.to_string().contains(hint), "{query}: {}", reply.body);
    }
}

#[tokio::test]
async fn times_are_shown_in_the_configured_zone_and_in_milliseconds() {
    for (zone, expected) in [("UTC", "2023-11-14 22:13:20"), ("Asia/Shanghai", "2023-11-15 06:13:20")] {
        let config = format!("time_zone = \"{zone}\"\n{ROOMY}");
        let host = Host::start_with_clock(Clock::from_fn(|| 1_700_000_000_123), &config).await;
        host.post(CREATE, &json!({"name": "n"})).await.ok();
        let record = host.get(LIST).await.ok()["records"][0].clone();
        assert_eq!((&record["createdTime"], &record["updatedTime"]), (&json!(expected), &json!(expected)));
        assert_eq!(record["createdTimeMs"], 1_700_000_000_123_i64);
    }
}
