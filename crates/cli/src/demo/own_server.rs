//! The server of the demo: a child process with its own data directory. Ctrl-C in the terminal does not reach it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};
use trainyard_api::Client;

use crate::{exit::Failure, paths};

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const TAIL_LINES: usize = 15;

/// A server process that the demo started.
#[derive(Debug)]
pub(super) struct OwnServer {
    child: Child,
    pub(super) data_dir: PathBuf,
    /// The data directory if it is temporary; dropping this value deletes it.
    temporary: Option<TempDir>,
    pub(super) log: PathBuf,
}

impl OwnServer {
    /// Starts the server without waiting until it answers.
    pub(super) fn start(requested_dir: Option<&Path>) -> Result<Self, Failure> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: io::Error| Failure::because(&what, error)
        };
        let (data_dir, temporary) = match requested_dir {
            Some(dir) => (dir.to_owned(), None),
            None => {
                let dir = tempfile::Builder::new().prefix("trainyard-demo-").tempdir();
                let dir = dir.map_err(failed("cannot create a temporary directory"))?;
                (dir.path().to_owned(), Some(dir))
            }
        };
        fs::create_dir_all(&data_dir).map_err(failed(&format!("cannot create {}", data_dir.display())))?;
        drop(fs::remove_file(paths::server_url_file(&data_dir)));
        let log = data_dir.join("server.log");
        let file = File::create(&log).map_err(failed(&format!("cannot write {}", log.display())))?;
        let also = file.try_clone().map_err(failed("cannot start the server"))?;
        let program = std::env::current_exe().map_err(failed("cannot find this program"))?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRAINYARD_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data_dir);
        let child = command.stdin(Stdio::null()).stdout(file).stderr(also).process_group(0).spawn();
        Ok(Self { child: child.map_err(failed("cannot start the server"))?, data_dir, temporary, log })
    }

    /// Waits until the server answers, and returns a client with the admin key.
    pub(super) async fn ready(&mut self) -> Result<Client, Failure> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Some(client) = self.client()?
                && client.ready().await.is_ok()
            {
                return Ok(client);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failed(&format!("the server ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.failed(&format!("the server did not answer within {} s", START_LIMIT.as_secs())));
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    fn client(&self) -> Result<Option<Client>, Failure> {
        let url = fs::read_to_string(paths::server_url_file(&self.data_dir));
        let key = fs::read_to_string(paths::admin_key_file(&self.data_dir));
        match (url, key) {
            (Ok(url), Ok(key)) if !url.trim().is_empty() => Ok(Some(Client::new(&url, &key)?)),
            _ => Ok(None),
        }
    }

    fn failed(&self, what: &str) -> Failure {
        Failure::Other(format!("{what}; the end of its log:\n{}", tail(&self.log)))
    }

    /// Process id of the server; `None` after its end.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Leaves the server running at the end, and keeps its data directory.
    pub(super) fn keep(&mut self) {
        if let Some(dir) = &mut self.temporary {
            dir.disable_cleanup(true);
        }
    }

    /// Stops the server, with SIGKILL if SIGTERM does not end it within 20 s, and deletes its temporary directory.
    pub(super) async fn stop(mut self) {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // The server may have ended already. Then the wait below returns at once.
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            drop(self.child.kill().await);
        }
    }
}

/// The last 15 lines of a file; empty if it cannot be read.
pub(super) fn tail(path: &Path) -> String {
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n")
}
