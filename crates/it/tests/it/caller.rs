//! The API client of the tests, and polling until a condition holds.
//!
//! No test sleeps for a fixed time to reach a state: [`Caller::wait_until`] polls until a deadline.

use std::{fmt, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use trainyard_api::{
    Client,
    client::sse::{SseEvent, SseParser},
};

use crate::contract;

/// Upper bound of every wait. After it the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// The address of a server and an admin key for it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) url: String,
    pub(crate) admin: String,
    http: reqwest::Client,
}

/// The answer to a call, already checked against the OpenAPI document.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    /// `null` if the answer is not JSON.
    pub(crate) body: Value,
    /// The documented answer that this one matches.
    pub(crate) answer: Option<contract::Answer>,
}

impl Reply {
    /// Returns `data` of an answer that must have status 200.
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body["data"].clone()
    }

    /// Returns the id of the created object: the last but one part of the `Location` header.
    pub(crate) fn created_id(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        let location = self.headers["location"].to_str().unwrap();
        location.split('/').rev().nth(1).unwrap().to_owned()
    }

    /// Returns the code of a failure, or `""`.
    pub(crate) fn code(&self) -> &str {
        self.body["data"]["code"].as_str().unwrap_or_default()
    }

    /// Returns field and code of each fault, in the order of the answer.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = self.body["data"]["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|fault| (text(&fault["field"]), text(&fault["code"]))).collect()
    }
}

impl Caller {
    pub(crate) fn new(url: String, admin: String) -> Self {
        // The typed client installs the TLS provider that every HTTP client of this process needs.
        drop(Client::new(&url, &admin).unwrap());
        let http = reqwest::Client::builder().timeout(DEADLINE).no_proxy().tls_certs_only([]).build().unwrap();
        Self { url, admin, http }
    }

    /// A caller without a key over the Unix socket at this path.
    pub(crate) fn over_socket(path: &std::path::Path) -> Self {
        let address = format!("unix:{}", path.display());
        drop(Client::new(&address, "").unwrap());
        let http = reqwest::Client::builder().timeout(DEADLINE).unix_socket(path).tls_certs_only([]).build().unwrap();
        Self { url: "http://localhost".to_owned(), admin: String::new(), http }
    }

    /// Returns the typed client with the admin key.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url, &self.admin).unwrap()
    }

    /// Starts a request with a key; `""` sends no key.
    pub(crate) fn request(&self, method: Method, path: &str, key: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if key.is_empty() { request } else { request.bearer_auth(key) }
    }

    /// Sends a request and checks the answer against the OpenAPI document.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let request = request.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let answer = contract::check_response(method.as_str(), &path, status, &headers, &text);
        let body = serde_json::from_str(&text).unwrap_or_default();
        Reply { status, headers, body, answer }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path, &self.admin)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path, &self.admin).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path, &self.admin)).await
    }

    /// Creates a key and returns its text.
    pub(crate) async fn key(&self, user: &str, project: &str, role: &str) -> String {
        let body = json!({"name": "test", "user": user, "project": project, "role": role});
        let created = self.post("/v1/api-key/create", &body).await.ok();
        created["key"].as_str().unwrap().to_owned()
    }

    /// Creates a job from a command and further fields, and returns its id.
    pub(crate) async fn job(&self, command: &str, more: Value) -> String {
        let mut body = json!({"createType": "CUSTOM", "name": "test", "startCommand": command});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post("/v1/training/instance/create", &body).await.ok()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn detail(&self, job: &str) -> Value {
        self.get(&format!("/v1/training/instance/{job}/detail")).await.ok()
    }

    pub(crate) async fn stop(&self, job: &str) -> Reply {
        let path = format!("/v1/training/instance/{job}/stop");
        self.send(self.request(Method::POST, &path, &self.admin)).await
    }

    pub(crate) async fn restart(&self, job: &str) -> Reply {
        let path = format!("/v1/training/instance/{job}/restart");
        self.send(self.request(Method::POST, &path, &self.admin)).await
    }

    pub(crate) async fn set_timeout(&self, job: &str, seconds: Option<u64>) -> Reply {
        let path = format!("/v1/training/instance/{job}/timeout");
        let body = json!({"timeoutSeconds": seconds});
        self.send(self.request(Method::PUT, &path, &self.admin).json(&body)).await
    }

    /// Polls a job's detail until it satisfies `wanted`, and returns it.
    pub(crate) async fn wait_until(&self, job: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let poll = || async {
            let detail = self.detail(job).await;
            if condition(&detail) { Ok(detail) } else { Err(detail) }
        };
        until(poll).await
    }

    /// Waits until a job has this status, and returns its detail.
    pub(crate) async fn wait_for_status(&self, job: &str, status: &str) -> Value {
        self.wait_until(job, |detail| detail["status"] == status).await
    }

    /// Waits until a job has ended with any result, and returns its detail.
    pub(crate) async fn wait_for_end(&self, job: &str) -> Value {
        self.wait_until(job, has_ended).await
    }

    /// Returns the complete log of a worker of the latest attempt.
    pub(crate) async fn log(&self, job: &str, rank: u32) -> String {
        let bytes = self.log_bytes(job, rank, "").await;
        String::from_utf8(bytes).unwrap()
    }

    /// Returns the raw log of a worker. `query` is `""` or starts with `?`.
    pub(crate) async fn log_bytes(&self, job: &str, rank: u32, query: &str) -> Vec<u8> {
        let path = format!("{}{query}", log_path(job, rank));
        let request = self.request(Method::GET, &path, &self.admin).header("accept", "text/plain");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap().to_vec()
    }

    /// Waits until the log of a worker contains a text, and returns the log.
    pub(crate) async fn wait_for_output(&self, job: &str, rank: u32, text: &str) -> String {
        let poll = || async {
            let log = self.log(job, rank).await;
            if log.contains(text) { Ok(log) } else { Err(log) }
        };
        until(poll).await
    }

    /// Follows an event stream and returns all events up to its end.
    pub(crate) async fn follow(&self, path: &str, last_id: Option<&str>) -> Vec<SseEvent> {
        let mut request = self.request(Method::GET, path, &self.admin).header("accept", "text/event-stream");
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (mut parser, mut events) = (SseParser::default(), Vec::new());
        while let Some(bytes) = response.chunk().await.unwrap() {
            events.extend(parser.feed(&bytes));
        }
        events
    }

    /// Returns the types of a job's events, in order.
    pub(crate) async fn events(&self, job: &str) -> Vec<String> {
        let path = format!("/v1/training/instance/{job}/event/list?pageSize=100");
        let page = self.get(&path).await.ok();
        let records = page["records"].as_array().unwrap();
        let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
        records.iter().map(kind).collect()
    }
}

/// Polls until `look` returns `Ok`, and returns that value. On timeout it panics with the last error.
pub(crate) async fn until<T, E: fmt::Debug>(poll: impl AsyncFn() -> Result<T, E>) -> T {
    until_within(DEADLINE, poll).await
}

/// [`until`] with its own time limit, for conditions that need longer than [`DEADLINE`].
pub(crate) async fn until_within<T, E: fmt::Debug>(limit: Duration, poll: impl AsyncFn() -> Result<T, E>) -> T {
    let give_up = tokio::time::Instant::now() + limit;
    loop {
        match poll().await {
            Ok(found) => return found,
            Err(last) if tokio::time::Instant::now() >= give_up => {
                panic!("timed out; the last answer: {last:#?}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Whether the status in a job's detail is final.
pub(crate) fn has_ended(detail: &Value) -> bool {
    matches!(detail["status"].as_str(), Some("Succeeded" | "Failed" | "Stopped"))
}

/// Returns the name of a job's worker.
pub(crate) fn pod_name(job: &str, rank: u32) -> String {
    let base = job.replace('_', "-");
    match rank {
        0 => format!("{base}-master-0"),
        _ => format!("{base}-worker-{}", rank - 1),
    }
}

/// Returns the path of a worker's log.
pub(crate) fn log_path(job: &str, rank: u32) -> String {
    format!("/v1/training/instance/{job}/{}/log", pod_name(job, rank))
}
