//! Finding templates: text search in any script, labels, further filters, every sort order, and free names.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use reqwest::Method;
use serde_json::{Value, json};
use trainyard_server::clock::Clock;

use super::{CREATE, LIST, body, create_as, detail_of, update::update};
use crate::harness::{Host, ROOMY};

const AVAILABLE: &str = "/v1/training/template/name-available";

/// A clock that advances with each reading, so that later objects are newer.
fn advancing_clock() -> Clock {
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    Clock::from_fn(move || now.fetch_add(1, Ordering::Relaxed))
}

/// Returns the names in a list. The total must equal the number of records.
async fn names(host: &Host, key: &str, query: &[(&str, &str)]) -> Vec<String> {
    let request = host.request(Method::GET, LIST, key).query(&[("pageSize", "100")]).query(query);
    let page = host.send(request).await.ok();
    let records = page["records"].as_array().unwrap();
    assert_eq!(page["totalRows"], records.len(), "{query:?}");
    records.iter().map(|record| record["name"].as_str().unwrap().to_owned()).collect()
}

async fn use_once(host: &Host, id: &str) {
    let job = json!({"createType": "TEMPLATE", "templateId": id, "startCommand": "true"});
    host.post("/v1/training/instance/create", &job).await.ok();
}

#[tokio::test]
async fn a_search_finds_every_script_in_name_description_and_labels() {
    let host = Host::start_with_clock(advancing_clock(), ROOMY).await;
    for (name, more) in [
        ("BERT 大模型预训练", json!({"desc": "每晚运行 nightly", "labels": {"团队": "视觉", "Stage": "Prod"}})),
        ("图像识别", json!({"desc": "ResNet-50 的训练"})),
        ("ＬＬａＭＡ－７Ｂ", json!({"labels": {"size": "７Ｂ"}})),
        ("Cafe\u{301}", json!({"desc": "crème"})),
        ("bare", json!({})),
    ] {
        host.post(CREATE, &body(name, more)).await.ok();
    }
    let (bert, image, llama, cafe) = ("BERT 大模型预训练", "图像识别", "ＬＬａＭＡ－７Ｂ", "Cafe\u{301}");
    for (search, expected) in [
        ("训", &[image, bert][..]),
        ("训练", &[image, bert]),
        ("大模型预训练", &[bert]),
        ("练训", &[]),
        ("bert 预训练 NIGHTLY", &[bert]),
        ("视觉\u{3000}bert", &[bert]),
        ("团队", &[bert]),
        ("prod stage", &[bert]),
        ("resnet 图像", &[image]),
        ("llama-7b", &[llama]),
        ("ｒｅｓｎｅｔ", &[image]),
        ("caf\u{e9}", &[cafe]),
        ("CRE\u{300}ME", &[cafe]),
        ("大模型预训练每晚", &[]),
        ("%", &[]),
        ("bert resnet", &[]),
        ("' OR 1=1 --", &[]),
        (" \t", &["bare", cafe, llama, image, bert]),
        ("", &["bare", cafe, llama, image, bert]),
    ] {
        assert_eq!(names(&host, &host.admin, &[("search", search)]).await, expected, "{search}");
    }
    // An updated template is found by its new text.
    let id = host.post(CREATE, &body("语音", json!({}))).await.created_id();
    update(&host, &id, 1, &body("语音", json!({"desc": "方言识别"}))).await.ok();
    assert_eq!(names(&host, &host.admin, &[("search", "识别 方言")]).await, ["语音"]);
    host.delete(&format!("/v1/training/template/{id}/delete")).await.ok();
    assert_eq!(names(&host, &host.admin, &[("search", "方言")]).await, [""; 0]);
}

#[tokio::test]
async fn all_given_labels_must_match() {
    let host = Host::start_with_clock(advancing_clock(), ROOMY).await;
    for (name, labels) in [
        ("one", json!({"team": "vision", "stage": "prod"})),
        ("two", json!({"team": "vision", "note": ""})),
        ("three", json!({"team": "audio", "a,b": "c=d\\e", "阶段": "预训练"})),
        ("four", json!({"teams": "vision"})),
        ("five", json!({})),
    ] {
        host.post(CREATE, &body(name, json!({"labels": labels}))).await.ok();
    }
    for (labels, expected) in [
        ("team=vision", &["two", "one"][..]),
        ("team=vision,stage", &["one"]),
        ("team", &["three", "two", "one"]),
        ("team=", &[]),
        ("note=", &["two"]),
        ("team=vis", &[]),
        ("Team=vision", &[]),
        ("vision", &[]),
        ("team=vision,team=audio", &[]),
        (r"a\,b=c=d\\e", &["three"]),
        (r"a\,b=c\=d\\e,阶段=预训练", &["three"]),
        ("阶段", &["three"]),
        ("", &["five", "four", "three", "two", "one"]),
    ] {
        assert_eq!(names(&host, &host.admin, &[("labels", labels)]).await, expected, "{labels}");
    }
}

#[tokio::test]
async fn creator_visibility_and_archive_filter_and_totals_count_visible_templates() {
    let host = Host::start_with_clock(advancing_clock(), ROOMY).await;
    let alice = host.key("alice", "vision", "member").await;
    let bob = host.key("bob", "vision", "member").await;
    let carol = host.key("carol", "audio", "manager").await;
    let mut last = String::new();
    for (key, name, visibility) in [
        (&alice, "a private", "private"),
        (&alice, "a project", "project"),
        (&bob, "b private", "private"),
        (&bob, "b public", "public"),
        (&carol, "c public", "public"),
        (&bob, "b archived", "project"),
    ] {
        last = create_as(&host, key, &body(name, json!({"visibility": visibility}))).await.created_id();
    }
    host.post(&format!("/v1/training/template/{last}/archive"), &json!({})).await.ok();
    for (key, query, expected) in [
        (&alice, &[][..], &["c public", "b public", "a project", "a private"][..]),
        (&bob, &[], &["c public", "b public", "b private", "a project"]),
        (&carol, &[], &["c public", "b public"]),
        (&host.admin, &[], &["c public", "b public", "b private", "a project", "a private"]),
        (&alice, &[("createBy", "bob")], &["b public"]),
        (&bob, &[("createBy", "bob")], &["b public", "b private"]),
        (&host.admin, &[("createBy", "nobody")], &[]),
        (&alice, &[("visibility", "private")], &["a private"]),
        (&host.admin, &[("visibility", "public"), ("createBy", "carol")], &["c public"]),
        (&alice, &[("archived", "true")], &["b archived"]),
        (&carol, &[("archived", "true")], &[]),
        (&alice, &[("archived", "all"), ("name", "b ")], &["b archived", "b public"]),
        (&alice, &[("archived", "false"), ("search", "archived")], &[]),
    ] {
        assert_eq!(names(&host, key, query).await, expected, "{query:?}");
    }
    let record = host.get(&format!("{LIST}?archived=true")).await.ok()["records"][0].clone();
    assert_eq!(record["archived"], true);
    host.post(&format!("/v1/training/template/{last}/unarchive"), &json!({})).await.ok();
    assert_eq!(names(&host, &alice, &[("search", "archived")]).await, ["b archived"]);
}

#[tokio::test]
async fn every_order_can_be_reversed() {
    let host = Host::start_with_clock(advancing_clock(), ROOMY).await;
    let mut ids = Vec::new();
    for name in ["Beta", "alpha", "训练", "gamma"] {
        ids.push(host.post(CREATE, &body(name, json!({}))).await.created_id());
    }
    update(&host, &ids[1], 1, &body("alpha", json!({"desc": "changed"}))).await.ok();
    for id in [&ids[3], &ids[3], &ids[0]] {
        use_once(&host, id).await;
    }
    // Templates that were never used are ordered by their random ids.
    let mut unused = [(&ids[1], "alpha"), (&ids[2], "训练")];
    unused.sort_unstable();
    let [one, two] = unused.map(|(_, name)| name);
    for (sort, expected) in [
        ("name", ["alpha", "Beta", "gamma", "训练"]),
        ("created", ["Beta", "alpha", "训练", "gamma"]),
        ("updated", ["Beta", "训练", "gamma", "alpha"]),
        ("lastUsed", [one, two, "gamma", "Beta"]),
        ("jobsMade", [one, two, "Beta", "gamma"]),
    ] {
        let mut expected = expected.to_vec();
        assert_eq!(names(&host, &host.admin, &[("sort", sort)]).await, expected, "{sort}");
        expected.reverse();
        assert_eq!(names(&host, &host.admin, &[("sort", &format!("-{sort}"))]).await, expected, "-{sort}");
    }
    assert_eq!(names(&host, &host.admin, &[]).await, ["gamma", "训练", "alpha", "Beta"], "the newest first");
    // Among equal sort keys, pages neither overlap nor omit a record.
    let mut paged = Vec::new();
    for page in 1..=4 {
        let page = host.get(&format!("{LIST}?search=a&sort=-lastUsed&pageSize=1&pageNo={page}")).await.ok();
        assert_eq!(page["totalRows"], 3);
        paged.extend(page["records"].as_array().unwrap().iter().map(|record| record["name"].clone()));
    }
    assert_eq!(paged, ["Beta", "gamma", "alpha"]);
}

#[tokio::test]
async fn a_record_contains_the_values_that_lists_sort_by() {
    let host = Host::start_with_clock(advancing_clock(), ROOMY).await;
    let with_comment = body("n", json!({"startCommand": "true", "comment": "the first"}));
    let id = host.post(CREATE, &with_comment).await.created_id();
    let record = async || host.get(LIST).await.ok()["records"][0].clone();
    let before = record().await;
    let expected = json!({"version": 1, "latestVersion": 1, "archived": false, "jobsMade": 0, "comment": "the first"});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&before[field], value, "{field}");
    }
    assert_eq!((before.get("lastUsedTime"), before.get("lastUsedTimeMs")), (None, None));
    use_once(&host, &id).await;
    update(&host, &id, 1, &body("n", json!({"startCommand": "false"}))).await.ok();
    let path = format!("/v1/training/template/{id}/default-version");
    host.post(&path, &json!({"version": 1})).await.ok();
    let after = record().await;
    let expected =
        json!({"version": 1, "latestVersion": 2, "jobsMade": 1, "comment": "the first", "startCommand": "true"});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&after[field], value, "{field}");
    }
    let job = host.get("/v1/training/instance/list").await.ok()["records"][0].clone();
    assert_eq!((&after["lastUsedTime"], &after["lastUsedTimeMs"]), (&job["createdTime"], &job["createdTimeMs"]));
    let detail = host.get(&detail_of(&id)).await.ok();
    for (field, value) in after.as_object().unwrap() {
        assert_eq!(&detail[field], value, "{field}");
    }
}

#[tokio::test]
async fn an_invalid_filter_is_refused_with_a_valid_one() {
    let host = Host::start_without_loops(ROOMY).await;
    let long = "训".repeat(257);
    let many = format!("{}a", "a,".repeat(64));
    for (parameter, value, code, hint) in [
        ("sort", "newest", "not_a_choice", "-jobsMade"),
        ("sort", "-Created", "not_a_choice", "`-created`"),
        ("sort", "--name", "not_a_choice", "`-name`"),
        ("archived", "yes", "not_a_choice", "false, true, all"),
        ("visibility", "Public", "not_a_choice", "`public`"),
        ("labels", "=vision", "malformed", "key=value"),
        ("labels", "team,", "malformed", "key=value"),
        ("labels", r"te\am", "malformed", "backslash"),
        ("labels", &many, "malformed", "at most 64"),
        ("search", &long, "malformed", "at most 256 characters"),
        ("search", "a\0b", "malformed", "NUL"),
        ("label", "team", "unknown_field", "`labels`"),
        ("createdBy", "alice", "unknown_field", "`createBy`"),
    ] {
        let request = host.request(Method::GET, LIST, &host.admin).query(&[(parameter, value)]);
        let reply = host.send(request).await;
        assert_eq!((reply.status, reply.code()), (400, "bad_query"), "{parameter}={value}");
        assert_eq!(reply.faults(), [(parameter.to_owned(), code.to_owned())], "{parameter}={value}");
        assert!(reply.body.to_string().contains(hint), "{parameter}={value}: {}", reply.body);
    }
    let full = "训".repeat(256);
    assert_eq!(names(&host, &host.admin, &[("search", &full)]).await, [""; 0]);
}

#[tokio::test]
async fn a_name_is_available_if_a_create_would_accept_it() {
    let host = Host::start_without_loops(ROOMY).await;
    let alice = host.key("alice", "vision", "member").await;
    let bob = host.key("bob", "vision", "member").await;
    let carol = host.key("carol", "audio", "member").await;
    let viewer = host.key("victor", "vision", "viewer").await;
    let ask = async |key: &str, name: &str| {
        host.send(host.request(Method::GET, AVAILABLE, key).query(&[("name", name)])).await
    };
    let archived = create_as(&host, &bob, &body("archived", json!({}))).await.created_id();
    host.post(&format!("/v1/training/template/{archived}/archive"), &json!({})).await.ok();
    create_as(&host, &bob, &body("Caf\u{e9} 训练", json!({"visibility": "private"}))).await.ok();
    for (key, name, expected) in [
        (&alice, "free", true),
        (&alice, "Caf\u{e9} 训练", false),
        (&alice, "Cafe\u{301} 训练", false),
        (&alice, "caf\u{e9} 训练", true),
        (&alice, "archived", false),
        (&carol, "archived", true),
        (&host.admin, "archived", true),
        (&alice, &"训".repeat(128), true),
    ] {
        assert_eq!(ask(key, name).await.ok(), json!({"available": expected}), "{name}");
    }
    for (name, hint) in [
        ("", "1 to 128 characters"),
        (&"x".repeat(129), "1 to 128 characters"),
        (" a", "begin or end with a space"),
        ("a\tb", "control characters"),
        ("a\0", "NUL"),
    ] {
        let reply = ask(&alice, name).await;
        assert_eq!(
            (reply.status, reply.faults()),
            (400, vec![("name".to_owned(), "malformed".to_owned())]),
            "{name:?}"
        );
        assert!(reply.body.to_string().contains(hint), "{name:?}: {}", reply.body);
    }
    let reply = host.get(AVAILABLE).await;
    assert_eq!((reply.status, reply.faults()), (400, vec![("name".to_owned(), "required".to_owned())]));
    assert_eq!(ask(&viewer, "free").await.status, 403, "a viewer learns nothing about private names");
    host.delete(&format!("/v1/training/template/{archived}/delete")).await.ok();
    assert_eq!(ask(&alice, "archived").await.ok(), json!({"available": true}), "a deleted name is free");
    let taken: Value = create_as(&host, &alice, &body("archived", json!({}))).await.ok();
    assert_eq!(taken, json!({}));
}
