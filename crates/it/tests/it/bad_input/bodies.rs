//! Bodies that are not JSON, are too large or nested too deeply, or have invalid values.

use serde_json::{Value, json};

use super::{CREATE, WITH_BODY, json as send};
use crate::harness::{Host, ROOMY};

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let host = Host::start_without_loops(ROOMY).await;
    let deep_list = "[".repeat(100_000);
    let deep_object = r#"{"env":"#.repeat(30_000);
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (body, expected) in [
        (&b""[..], "not JSON"),
        (b" \n", "not JSON"),
        (b"{", "not JSON"),
        (b"{\"name\":\"n\"", "not JSON"),
        (b"{\"name\":\"n\"}}", "trailing characters"),
        (b"{\"name\":\"n\",}", "not JSON"),
        (b"{'name':'n'}", "not JSON"),
        (b"name: n", "not JSON"),
        (b"name=n&priority=1", "not JSON"),
        (b"{\"priority\":NaN}", "not JSON"),
        (b"{\"priority\":01}", "not JSON"),
        (b"{\"priority\":1e400}", "out of range"),
        (b"{\"name\":\"a\0b\"}", "not JSON"),
        (b"{\"name\":\"a\nb\"}", "not JSON"),
        (b"{\"name\":\"\\ud800\"}", "not JSON"),
        (b"{\"name\":\"\xff\"}", "not JSON"),
        (b"{\"name\":\"\xed\xa0\x80\"}", "not JSON"),
        (&utf16, "not JSON"),
        (b"\x1f\x8b\x08\x00", "not JSON"),
        (b"{\"name\":\"a\",\"name\":\"b\"}", "\\\"name\\\" appears twice"),
        (b"{\"name\":\"n\",\"env\":{\"A\":1,\"A\":1}}", "\\\"A\\\" appears twice"),
        (deep_list.as_bytes(), "too deeply"),
        (deep_object.as_bytes(), "too deeply"),
    ] {
        for (method, path) in WITH_BODY {
            let reply = host.send(send(&host, &method, path, body.to_vec())).await;
            let case = format!("{path} {:.40}: {}", String::from_utf8_lossy(body), reply.body);
            assert_eq!((reply.status, reply.code()), (400, "bad_json"), "{case}");
            assert!(reply.body.to_string().contains(expected), "{case}");
        }
    }
}

#[tokio::test]
async fn a_body_must_be_an_object() {
    let host = Host::start_without_loops(ROOMY).await;
    for body in ["[]", "[{\"name\":\"n\"}]", "\"text\"", "1", "true", "null"] {
        for (method, path) in WITH_BODY {
            let reply = host.send(send(&host, &method, path, body)).await;
            assert_eq!((reply.status, reply.code()), (400, "bad_body"), "{path} {body}");
            assert_eq!(reply.faults(), [(String::new(), "wrong_type".to_owned())], "{path} {body}");
        }
    }
}

#[tokio::test]
async fn invalid_values_are_faults_of_their_field() {
    let host = Host::start_without_loops(ROOMY).await;
    let nested = (0..100).fold(json!(1), |value, _| json!([value]));
    for (body, field, code) in [
        (json!({"name": "a\u{0}b"}), "name", "malformed"),
        (json!({"name": "x".repeat(129)}), "name", "malformed"),
        (json!({"name": ["n"]}), "name", "wrong_type"),
        (json!({"name": "n", "desc": "\u{0}"}), "desc", "malformed"),
        (json!({"name": "n", "env": {"A": "\u{0}"}}), "env.A", "malformed"),
        (json!({"name": "n", "env": {"\u{0}": "a"}}), "env[\"\\u0000\"]", "malformed"),
        (json!({"name": "n", "env": {"": "a"}}), "env[\"\"]", "malformed"),
        (json!({"name": "n", "env": []}), "env", "wrong_type"),
        (json!({"name": "n", "priority": 1e308}), "priority", "out_of_range"),
        (json!({"name": "n", "priority": "3"}), "priority", "wrong_type"),
        (json!({"name": "n", "aidcId": u64::MAX}), "aidcId", "out_of_range"),
        (json!({"name": "n", "aidcId": 9_007_199_254_740_993_i64}), "aidcId", "out_of_range"),
        (json!({"name": "n", "resource": {"x": nested}}), "resource.x", "out_of_range"),
        (json!({"name": "n", "resource": {"x": {"a\u{0}": 1}}}), "resource.x", "malformed"),
        (json!({"name": "n", "startCommand": "x".repeat(128 * 1024)}), "startCommand", "malformed"),
    ] {
        let reply = host.post(CREATE, &body).await;
        assert_eq!((reply.status, reply.code()), (400, "bad_body"), "{field}: {}", reply.body);
        assert_eq!(reply.faults(), [(field.to_owned(), code.to_owned())]);
    }
    assert_eq!(host.get("/v1/training/template/list").await.ok()["totalRows"], 0);
}

#[tokio::test]
async fn ten_thousand_faults_get_a_bounded_answer() {
    let host = Host::start_without_loops(ROOMY).await;
    let object = |value: Value| (0..10_000).map(|n| (format!("k{n}"), value.clone())).collect::<Value>();
    let long_key = "k".repeat(200_000);
    let wordy: Value = (0..1000).map(|n| (format!("{n}{}", "k".repeat(200)), json!(0))).collect();
    for (case, body, at_most) in [
        ("unknown fields", object(json!(0)), 201),
        ("variables of a wrong type", json!({"name": "n", "env": object(json!([]))}), 201),
        ("items of a wrong type", json!({"name": "n", "storageConfigs": vec![0; 10_000]}), 1),
        ("too many labels", json!({"name": "n", "labels": object(json!(""))}), 1),
        ("long keys", wordy, 201),
        ("one key", json!({"name": "n", long_key: 0}), 1),
    ] {
        for (method, path) in WITH_BODY {
            let reply = host.send(send(&host, &method, path, body.to_string())).await;
            assert_eq!((reply.status, reply.code()), (400, "bad_body"), "{case}");
            let (count, length) = (reply.faults().len(), reply.body.to_string().len());
            assert!(count <= at_most.max(10), "{path}, {case}: {count} faults");
            assert!(length <= 512 * 1024, "{path}, {case}: {length} bytes");
            let message = reply.body["message"].as_str().unwrap();
            assert!(message.len() < 1000, "{path}, {case}: {message:.200}");
        }
    }
    let reply = host.post(CREATE, &object(json!(0))).await;
    assert!(reply.body.to_string().contains("more faults are not listed"), "{:.300}", reply.body.to_string());
}

#[tokio::test]
async fn a_byte_order_mark_and_any_parameter_of_the_media_type_are_accepted() {
    let host = Host::start_without_loops(ROOMY).await;
    for (kind, body) in [
        ("application/json", "{\"name\":\"n\"}"),
        ("application/json", "\u{feff}{\"name\":\"n\"}"),
        ("application/json", "\n {\"name\":\"n\"}\t\r\n"),
        ("application/json; charset=utf-8", "{\"name\":\"n\"}"),
        ("APPLICATION/JSON;charset=gbk;x=\"y\"", "{\"name\":\"n\"}"),
    ] {
        let request = host.request(reqwest::Method::POST, CREATE, &host.admin);
        host.send(request.header("content-type", kind).body(body)).await.ok();
    }
}

#[tokio::test]
async fn any_other_media_type_is_unsupported() {
    let host = Host::start_without_loops(ROOMY).await;
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/vnd.api+json",
        "application",
        "text/plain, application/json",
        "application/yaml",
    ] {
        for (method, path) in WITH_BODY {
            let request = host.request(method, path, &host.admin).body("{\"name\":\"n\"}");
            let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
            let reply = host.send(request).await;
            assert_eq!((reply.status, reply.code()), (415, "unsupported_media_type"), "{path} {kind:?}");
            assert!(reply.body["message"].as_str().unwrap().contains("application/json"));
        }
    }
}
