//! Size limits, methods, paths, headers, and bodies where a call takes none.

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{CREATE, WITH_BODY, chunked, json as send};
use crate::{
    contract::{minimal_body, minimal_query, operations},
    harness::{DEADLINE, Host, ROOMY},
};

const LIMIT: usize = 256 * 1024;
const LIST: &str = "/v1/training/template/list";

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_have_at_most_256_kib() {
    let host = Host::start_without_loops(ROOMY).await;
    let spaces = |length: usize| reqwest::Body::from(vec![b' '; length]);
    for (method, path) in WITH_BODY {
        for (case, body, status) in [
            ("the most", spaces(LIMIT), 400),
            ("a byte more", spaces(LIMIT + 1), 413),
            ("far more", spaces(30 * 1024 * 1024), 413),
            ("the most, in pieces", chunked(LIMIT), 400),
            ("a byte more, in pieces", chunked(LIMIT + 1), 413),
            ("far more, in pieces", chunked(30 * 1024 * 1024), 413),
        ] {
            let reply = host.send(send(&host, &method, path, body)).await;
            assert_eq!(reply.status, status, "{path}, {case}: {}", reply.body);
        }
    }
    let large = json!({"name": "large", "env": {"A": "x".repeat(120_000), "B": "x".repeat(120_000)}});
    host.post(CREATE, &large).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_refused_early_still_gets_its_answer() {
    let host = Host::start_without_loops(ROOMY).await;
    for (case, method, path, key, kind, status) in [
        ("no key", Method::POST, CREATE, "", "application/json", 401),
        ("unknown key", Method::POST, CREATE, "tyk_x", "application/json", 401),
        ("wrong type", Method::POST, CREATE, host.admin.as_str(), "text/plain", 415),
        ("no such path", Method::POST, "/v1/nothing", host.admin.as_str(), "application/json", 404),
        ("no such method", Method::PUT, LIST, host.admin.as_str(), "application/json", 405),
        (
            "a call without a body",
            Method::DELETE,
            "/v1/training/template/x/delete",
            host.admin.as_str(),
            "application/json",
            400,
        ),
    ] {
        for length in [100_000, 3_000_000, 20_000_000] {
            let request = host.request(method.clone(), path, key).header("content-type", kind);
            let reply = host.send(request.body(chunked(length))).await;
            assert_eq!(reply.status, status, "{case}, {length} bytes");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_sends_its_body_is_answered() {
    let host = Host::start_without_loops(ROOMY).await;
    for (case, key, length, more, status) in [
        ("unknown key", "tyk_x", 10, "", "401"),
        ("too long a body, with Expect", host.admin.as_str(), LIMIT + 1, "Expect: 100-continue\r\n", "413"),
        ("unknown key, with Expect", "tyk_x", 10, "Expect: 100-continue\r\n", "401"),
    ] {
        let head = format!(
            "POST {CREATE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n{more}\r\n"
        );
        let mut connection = TcpStream::connect(host.url.trim_start_matches("http://")).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(DEADLINE, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {answer}");
        assert!(answer.contains(&format!("\r\n\r\n{{\"status\":{status},")), "{case}: {answer}");
    }
}

#[tokio::test]
async fn a_call_without_a_body_accepts_nothing_an_empty_object_or_null() {
    let host = Host::start_without_loops(ROOMY).await;
    let without = |operation: &crate::contract::Operation| operation.definition.get("requestBody").is_none();
    for operation in operations().filter(without).filter(|operation| operation.path.starts_with("/v1/")) {
        let method: Method = operation.method.parse().unwrap();
        let path =
            operation.path.replace("{id}", "x").replace("{podName}", "y").replace("{n}", "1").replace("{name}", "z");
        // No target has this id, so the call gives 404 once the body is accepted.
        let goes_on = if path == operation.path { 200 } else { 404 };
        let path = path + minimal_query(operation.id);
        for (kind, body, status) in [
            ("", String::new(), goes_on),
            ("application/json", "{}".to_owned(), goes_on),
            ("text/plain", " { }\n".to_owned(), goes_on),
            ("application/x-www-form-urlencoded", "null".to_owned(), goes_on),
            ("application/json", "{\"a\":1}".to_owned(), 400),
            ("application/json", "[]".to_owned(), 400),
            ("text/plain", "x".to_owned(), 400),
            ("text/plain", "x".repeat(LIMIT + 1), 400),
        ] {
            let request = host.request(method.clone(), &path, &host.admin).body(body.clone());
            let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
            let reply = host.send(request).await;
            assert_eq!(reply.status, status, "{method} {path} {body:.20}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn an_unreadable_header_is_refused() {
    let host = Host::start_without_loops(ROOMY).await;
    let body = json!({"createType": "CUSTOM", "startCommand": "true"});
    let long = "k".repeat(256);
    for (keys, status) in [
        (&["k"][..], 200),
        (&["任务"], 400),
        (&[""], 400),
        (&[" "], 400),
        (&[&long], 400),
        (&["k", "k"], 400),
        (&["a", "b"], 400),
    ] {
        let request = host.request(Method::POST, "/v1/training/instance/create", &host.admin).json(&body);
        let request = keys.iter().fold(request, |request, key| request.header("idempotency-key", *key));
        let reply = host.send(request).await;
        assert_eq!(reply.status, status, "{keys:?}: {}", reply.body);
        assert!(status == 200 || reply.code() == "bad_header", "{keys:?}: {}", reply.body);
    }
    assert_eq!(host.get("/v1/training/instance/list").await.ok()["totalRows"], 1);
}

#[tokio::test]
async fn the_answer_to_a_wrong_method_lists_the_allowed_ones() {
    let host = Host::start_without_loops(ROOMY).await;
    let brew = Method::from_bytes(b"BREW").unwrap();
    for (path, allow) in [
        (LIST, "GET,HEAD"),
        (CREATE, "POST"),
        ("/v1/training/template/x/update", "PUT"),
        ("/v1/training/template/x/delete", "DELETE"),
        ("/healthz", "GET,HEAD"),
        ("/docs", "GET,HEAD"),
        ("/openapi.json", "GET,HEAD"),
    ] {
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::OPTIONS,
            Method::TRACE,
            brew.clone(),
        ] {
            if allow.split(',').any(|allowed| allowed == method.as_str()) {
                continue;
            }
            let reply = host.send(host.request(method.clone(), path, "")).await;
            assert_eq!((reply.status, reply.code()), (405, "method_not_allowed"), "{method} {path}");
            assert_eq!(reply.headers["allow"], allow, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn head_answers_like_get_without_the_body() {
    let host = Host::start_without_loops(ROOMY).await;
    for (path, key, status) in [
        (LIST, host.admin.as_str(), 200),
        ("/healthz", "", 200),
        (LIST, "", 401),
        ("/v1/training/template/x/detail", host.admin.as_str(), 404),
        ("/v1/training/template/list?x=1", host.admin.as_str(), 400),
        ("/nothing", "", 404),
    ] {
        let get = host.send(host.request(Method::GET, path, key)).await;
        let head = host.send(host.request(Method::HEAD, path, key)).await;
        assert_eq!((get.status, head.status), (status, status), "{path}");
        assert!(head.body.is_null(), "{path}");
        for header in ["content-type", "content-length"] {
            assert_eq!(head.headers[header], get.headers[header], "{path}");
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let host = Host::start_without_loops(ROOMY).await;
    let long = format!("/{}", "x".repeat(30_000));
    for path in [
        "/",
        "/v1",
        "/V1/training/template/list",
        "//v1/training/template/list",
        "/v1/training/template/list/",
        "/v1/training/template/{id}/detail/more",
        "/v1/training/template/x",
        "/v1/training/template/%6Cist",
        "/metrics",
        "/docs/nothing.js",
        "/%00",
        "/%FF",
        "/%",
        "/%E4%BD%A0",
        &long,
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let reply = host.send(host.request(method.clone(), path, "")).await;
            // The paths of the documentation allow only GET.
            let expected = if path.starts_with("/docs") && method != Method::GET { 405 } else { 404 };
            assert_eq!(reply.status, expected, "{method} {path:.60}");
            assert!(reply.body["message"].as_str().unwrap().len() < 500, "{path:.60}");
        }
    }
}

#[tokio::test]
async fn a_malformed_id_is_not_found() {
    let host = Host::start_without_loops(ROOMY).await;
    let long = "x".repeat(30_000);
    for id in [
        "",
        "x",
        "%2F",
        "..%2F..",
        "%2e%2e",
        "%00",
        "tpl_%00",
        "%FF",
        "%C3%28",
        "%",
        "%zz",
        "%20",
        "tpl_",
        "job_",
        "tpl_00000000000000000000",
        "TPL_00000000000000000000",
        "tpl_0000000000000000000g",
        "job_00000000000000000000",
        "key_00000000000000000000",
        "'%20OR%201=1--",
        "%F0%9F%9A%82",
        "{id}",
        ";x",
        "*",
        &long,
    ] {
        for operation in operations().filter(|operation| operation.path.contains("{id}")) {
            for path in [
                operation.path.replace("{id}", id).replace("{podName}", "job-0-master-0"),
                operation.path.replace("{id}", "job_00000000000000000000").replace("{podName}", id),
            ] {
                let path = path.replace("{n}", id) + minimal_query(operation.id);
                let request = host.request(operation.method.parse().unwrap(), &path, &host.admin);
                let request = request.header("if-match", "1").header("content-type", "application/json");
                let request = match minimal_body(operation.id) {
                    Some(body) => request.body(body.to_string()),
                    None => request,
                };
                let reply = host.send(request).await;
                let case = format!("{} {path:.100}: {}", operation.method, reply.body);
                assert_eq!((reply.status, reply.code()), (404, "not_found"), "{case}");
                assert!(reply.body["message"].as_str().unwrap().len() < 800, "{case:.900}");
            }
        }
    }
}
