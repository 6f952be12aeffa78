//! The header `Host`, and the headers by which browsers and caches leave answers alone.

use reqwest::Method;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{Host, ROOMY, log_path};

/// Sends a request as it is and returns the status and the body of the answer.
async fn answer(host: &Host, request: &str) -> (u16, Value) {
    let mut connection = TcpStream::connect(host.url.trim_start_matches("http://")).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_host() {
    let host = Host::start_without_loops(ROOMY).await;
    for (version, hosts, status) in [
        ("1.1", "Host: x\r\n", 200),
        ("1.1", "host: trainyard.example.org:8470\r\n", 200),
        ("1.1", "Host: [::1]:8470\r\n", 200),
        ("1.0", "", 200),
        ("1.1", "", 400),
        ("1.1", "Host: x\r\nHost: x\r\n", 400),
        ("1.0", "Host: x\r\nHost: y\r\n", 400),
        ("1.1", "Host:\r\n", 400),
        ("1.1", "Host: a b\r\n", 400),
        ("1.1", "Host: x/y\r\n", 400),
        ("1.1", "Host: me@x\r\n", 400),
    ] {
        let request = format!("GET /healthz HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
        let (found, body) = answer(&host, &request).await;
        assert_eq!(found, status, "{request} {body}");
        if status == 400 {
            assert_eq!(body["data"]["code"], "bad_header");
            assert!(body["message"].as_str().unwrap().contains("Host"), "{body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_and_caches_leave_answers_alone() {
    let host = Host::start(ROOMY).await;
    let job = host.job("echo '<script>alert(1)</script>'", serde_json::json!({})).await;
    host.wait_for_end(&job).await;
    let events = format!("/v1/training/instance/{job}/event/list");
    for (path, accept, status) in [
        ("/healthz", "*/*", 200),
        ("/v1/aidc/list", "*/*", 200),
        ("/v1/nothing", "text/html", 404),
        (log_path(&job, 0).as_str(), "text/plain", 200),
        (log_path(&job, 0).as_str(), "text/event-stream", 200),
        (events.as_str(), "text/event-stream", 200),
        ("/openapi.json", "*/*", 200),
    ] {
        let request = host.request(Method::GET, path, &host.admin).header("accept", accept);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{path}");
    }
    for file in ["/docs/", "/docs/swagger-initializer.js", "/docs/nothing"] {
        let response = host.request(Method::GET, file, "").send().await.unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let text = response.text().await.unwrap();
        assert!(!text.contains("<script>") && !text.contains("onclick="), "the policy would forbid it: {file}");
    }
}
