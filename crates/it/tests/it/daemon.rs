//! The server as its own process, which a test can kill at any moment and start again.

use std::{
    net::TcpListener,
    ops::Deref,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    caller::{Caller, until},
    harness::{PROGRAM, with_run_as},
    processes::{self, Cleanup},
};

/// A running server. On drop it is killed with all processes of its jobs.
pub(crate) struct Daemon {
    caller: Caller,
    child: Child,
    port: u16,
    program: PathBuf,
    variables: Vec<(String, String)>,
    user: Option<u32>,
    _cleanup: Cleanup,
    pub(crate) dir: TempDir,
}

impl Deref for Daemon {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Daemon {
    /// Starts a server with this configuration and these additional variables, and waits until it is ready.
    pub(crate) async fn start(config: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_in(TempDir::new().unwrap(), PROGRAM.into(), config, variables).await
    }

    /// Starts a server from this program in an existing directory. Its folder `data` becomes the data directory.
    pub(crate) async fn start_in(dir: TempDir, program: PathBuf, config: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_as(None, dir, program, config, variables).await
    }

    /// Starts a server as a user other than root, in a directory of that user: `nobody` if the tests run as root,
    /// otherwise the user that runs the tests.
    pub(crate) async fn start_ordinary(config: &str) -> Self {
        let user = rustix::process::geteuid().is_root().then_some(65534);
        let dir = TempDir::new().unwrap();
        chown(dir.path(), user, user).unwrap();
        Self::start_as(user, dir, PROGRAM.into(), config, &[]).await
    }

    async fn start_as(
        user: Option<u32>,
        dir: TempDir,
        program: PathBuf,
        config: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let config = if user.is_none() { with_run_as(config) } else { config.to_owned() };
        std::fs::write(dir.path().join("config.toml"), config).unwrap();
        // The server keeps its port after a restart, as with a configured address.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables: Vec<_> = variables.iter().map(own).collect();
        let child = serve(&program, &dir, port, &variables, user).spawn().unwrap();
        let key_file = dir.path().join("data/admin.key");
        let url = format!("http://127.0.0.1:{port}");
        let key = until(async || std::fs::read_to_string(&key_file)).await;
        let daemon = Self {
            caller: Caller::new(url, key.trim().to_owned()),
            child,
            port,
            program,
            variables,
            user,
            _cleanup: Cleanup(dir.path().join("data")),
            dir,
        };
        daemon.wait_until_ready().await;
        daemon
    }

    /// Returns the data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Returns the pid of the server.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server with SIGKILL, as the kernel's out-of-memory killer would.
    pub(crate) fn kill(&mut self) {
        processes::signal(self.child.id(), Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM and waits until the server has exited.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        processes::signal(self.child.id(), Signal::TERM);
        let child = std::cell::RefCell::new(&mut self.child);
        until(async || child.borrow_mut().try_wait().unwrap().ok_or("the server has not exited")).await
    }

    /// Starts the server again on the same data directory and address.
    pub(crate) fn start_again(&mut self) {
        self.child = serve(&self.program, &self.dir, self.port, &self.variables, self.user).spawn().unwrap();
        // A new client, since the connections of the old one are dead.
        self.caller = Caller::new(self.url.clone(), self.admin.clone());
    }

    /// Kills the server, starts it again and waits until it is ready.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.kill();
        self.start_again();
        self.wait_until_ready().await;
    }

    /// Uses another admin key from now on.
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        self.caller = Caller::new(self.url.clone(), key.to_owned());
        self
    }

    /// Returns the command of a second server on the same data directory.
    pub(crate) fn second_server(&self) -> Command {
        serve(&self.program, &self.dir, 0, &self.variables, self.user)
    }

    /// Waits until the server is ready to serve calls.
    pub(crate) async fn wait_until_ready(&self) {
        let client = self.client();
        until(async || match tokio::time::timeout(Duration::from_secs(5), client.ready()).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("no answer within 5 s".to_owned()),
        })
        .await;
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(program: &Path, dir: &TempDir, port: u16, variables: &[(String, String)], user: Option<u32>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user {
        // Drops the groups of root as well.
        command.uid(user).gid(user);
    }
    command
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .arg("--data-dir")
        .arg(dir.path().join("data"))
        .arg("--config")
        .arg(dir.path().join("config.toml"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    command
}
