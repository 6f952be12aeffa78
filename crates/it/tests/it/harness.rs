//! A server of a test's own: fresh data directory, port by the kernel, real loops, real processes.
//!
//! Nothing here sleeps to wait for a state: [`Host::until`] asks again until a deadline.

use std::{path::Path, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use trainyard_api::Client;
use trainyard_server::{
    Server,
    clock::Clock,
    config::{Overrides, load_with},
    http,
};

/// The program that runs shims, and the whole CLI.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_trainyard-it");
/// How long anything may take before a test gives it up.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A running server.
pub struct Host {
    pub url: String,
    pub admin: String,
    pub dir: TempDir,
    pub server: Server,
    door: tokio::task::JoinHandle<()>,
    http: reqwest::Client,
}

/// What a call answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The `data` of a successful answer.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body["data"].clone()
    }

    /// The last part but one of `Location`, which is the id of what was made.
    pub fn made(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        let location = self.headers["location"].to_str().unwrap();
        location.split('/').rev().nth(1).unwrap().to_owned()
    }

    /// The fields of a failure's faults with their codes, in order.
    pub fn faults(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = self.body["data"]["errors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        errors
            .iter()
            .map(|fault| (text(&fault["field"]), text(&fault["code"])))
            .collect()
    }
}

/// A configuration whose one centre has 64 cores and memory to go with it, so that a small machine holds nothing up.
pub const ROOMY: &str = r#"
[[centre]]
id = 1
name = "this machine"
capacity = { cpu_cores = 64, memory_gb = 64, gpus = [{ name = "NVIDIA-L40S-PCIE-48G", count = 8 }] }
"#;

impl Host {
    /// Starts a server with this configuration and its loops.
    pub async fn start(config: &str) -> Self {
        let host = Self::start_still(config).await;
        host.server.start_loops();
        host
    }

    /// Starts a server whose loops do not run: the test calls their passes.
    pub async fn start_still(config: &str) -> Self {
        Self::open(TempDir::new().unwrap(), config).await
    }

    /// Starts a server on a data directory that exists.
    pub async fn open(dir: TempDir, config: &str) -> Self {
        let file = dir.path().join("config.toml");
        std::fs::write(&file, config).unwrap();
        let overrides = Overrides {
            config: Some(file),
            data_dir: Some(dir.path().join("data")),
            ..Overrides::default()
        };
        let config = load_with(overrides, |_| None).unwrap();
        let server = Server::open(&config, Clock::system(), Path::new(PROGRAM))
            .await
            .unwrap();
        let admin = std::fs::read_to_string(config.data_dir.join("admin.key"))
            .unwrap()
            .trim()
            .to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = http::router(server.app.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "the door of a test ends with the test's runtime"
        )]
        let door = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        // The typed client installs the TLS provider that every client of this process needs.
        drop(Client::new(&url, &admin).unwrap());
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        Self {
            url,
            admin,
            dir,
            server,
            door,
            http,
        }
    }

    /// Ends loops and door; jobs go on.
    pub async fn close(self) -> TempDir {
        self.server.app.stop.cancel();
        self.door.abort();
        self.server.close().await;
        self.dir
    }

    /// The typed client with the admin key.
    pub fn client(&self) -> Client {
        Client::new(&self.url, &self.admin).unwrap()
    }

    /// Any request with a key (`""` sends none).
    pub fn request(&self, method: Method, path: &str, key: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if key.is_empty() {
            request
        } else {
            request.bearer_auth(key)
        }
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text)
            .unwrap_or_else(|_| panic!("no JSON with status {status}: {text}"));
        Reply {
            status,
            headers,
            body,
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path, &self.admin))
            .await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path, &self.admin).json(body))
            .await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path, &self.admin))
            .await
    }

    /// Makes a key of a role and answers its text.
    pub async fn key(&self, user: &str, project: &str, role: &str) -> String {
        let body = json!({"name": "test", "user": user, "project": project, "role": role});
        let made = self.post("/v1/api-key/create", &body).await.ok();
        made["key"].as_str().unwrap().to_owned()
    }

    /// Makes a job of a command with further fields, and answers its id.
    pub async fn job(&self, command: &str, more: Value) -> String {
        let mut body = json!({"createType": "CUSTOM", "name": "test", "startCommand": command});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.post("/v1/training/instance/create", &body).await.ok()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub async fn detail(&self, job: &str) -> Value {
        self.get(&format!("/v1/training/instance/{job}/detail"))
            .await
            .ok()
    }

    /// Asks for a job's detail until it is as wanted, and answers it.
    pub async fn until(&self, job: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let give_up = tokio::time::Instant::now() + DEADLINE;
        loop {
            let detail = self.detail(job).await;
            if wanted(&detail) {
                return detail;
            }
            assert!(
                tokio::time::Instant::now() < give_up,
                "it never came so far: {detail:#}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a job has this status.
    pub async fn reaches(&self, job: &str, status: &str) -> Value {
        self.until(job, |detail| detail["status"] == status).await
    }

    /// Waits until a job has ended, however.
    pub async fn ended(&self, job: &str) -> Value {
        self.until(job, |detail| {
            matches!(
                detail["status"].as_str(),
                Some("Succeeded" | "Failed" | "Stopped")
            )
        })
        .await
    }

    /// The whole log of a worker of the latest attempt.
    pub async fn log(&self, job: &str, rank: u32) -> String {
        let path = format!("/v1/training/instance/{job}/{}/log", pod_name(job, rank));
        let request = self
            .request(Method::GET, &path, &self.admin)
            .header("accept", "text/plain");
        request.send().await.unwrap().text().await.unwrap()
    }
}

/// The name of a job's worker.
pub fn pod_name(job: &str, rank: u32) -> String {
    let base = job.replace('_', "-");
    match rank {
        0 => format!("{base}-master-0"),
        _ => format!("{base}-worker-{}", rank - 1),
    }
}
