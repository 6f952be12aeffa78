//! The measured programs, each a separate process: the real server on a new data directory, and the no-op handler.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use trainyard_api::paths;

use crate::wire::{Connection, request};

const START: Duration = Duration::from_secs(30);

/// A running program; dropping it ends the process.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process with SIGKILL, like a crash.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts the no-op handler, which prints its address on its first line.
    pub(crate) fn noop(own: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(own).arg("noop").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().context("the no-op has no output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self { address: line.trim().parse().context("the no-op did not start")?, child })
    }

    /// Starts `trainyard serve` on a data directory and waits until it answers.
    pub(crate) async fn trainyard(program: &Path, dir: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let config = dir.join("bench.toml");
        fs::write(&config, format!("[[centre]]\nid = 1\nname = \"bench\"\n{}", run_as()))?;
        Self::trainyard_with(program, dir, Some(&config)).await
    }

    /// Starts `trainyard serve` with a configuration file.
    pub(crate) async fn trainyard_with(program: &Path, dir: &Path, config: Option<&Path>) -> anyhow::Result<Self> {
        fs::create_dir_all(dir)?;
        let log = dir.join("server.log");
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRAINYARD_") {
                command.env_remove(name);
            }
        }
        if let Some(config) = config {
            command.env("TRAINYARD_CONFIG", config);
        }
        // A killed server leaves its file here, which must not be taken for the file of the new server.
        let _ = fs::remove_file(dir.join("server.url"));
        let child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(dir)
            .stdin(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}; build it with `make release`", program.display()))?;
        let mut running = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let since = Instant::now();
        while since.elapsed() < START {
            if let Some(status) = running.child.try_wait()? {
                bail!("the server ended with {status}: {}", fs::read_to_string(&log).unwrap_or_default());
            }
            let url = fs::read_to_string(dir.join("server.url")).unwrap_or_default();
            if let Ok(address) = url.trim().trim_start_matches("http://").parse() {
                running.address = address;
                if running.is_ready().await {
                    return Ok(running);
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the server did not answer within {START:?}: {}", fs::read_to_string(&log).unwrap_or_default())
    }

    async fn is_ready(&self) -> bool {
        let ask = async {
            let mut connection = Connection::open(self.address).await?;
            let status = connection.call(&request("GET", paths::READYZ, "", None)).await?.status;
            anyhow::Ok(status == 200)
        };
        ask.await.unwrap_or(false)
    }

    /// Creates a key in a project and returns its text.
    pub(crate) async fn key(&self, admin: &str, user: &str, project: &str, role: &str) -> anyhow::Result<String> {
        let body = json!({"name": "bench", "user": user, "project": project, "role": role}).to_string();
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.call(&request("POST", paths::KEY_CREATE, admin, Some(&body))).await?;
        ensure!(answer.status == 200, "cannot create a key: {}", String::from_utf8_lossy(answer.body));
        let answer: Value = serde_json::from_slice(answer.body)?;
        Ok(answer.pointer("/data/key").and_then(Value::as_str).context("the response has no key")?.to_owned())
    }
}

/// The line of a centre's configuration without which a server that runs as root serves its admin alone.
pub(crate) fn run_as() -> &'static str {
    if rustix::process::geteuid().is_root() { "run_as = \"root\"\n" } else { "" }
}

/// Reads the admin key of a data directory.
pub(crate) fn admin_key(dir: &Path) -> anyhow::Result<String> {
    Ok(fs::read_to_string(dir.join("admin.key"))?.trim().to_owned())
}

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that the process has ended already.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}
