//! A server for one test: fresh data directory, a port from the kernel, real loops, real processes.
//!
//! Its calls are methods of `Caller`, to which a [`Host`] dereferences.

use std::{ops::Deref, path::Path, sync::Arc};

use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Mutex};
use trainyard_engine::{Engine, fake::FakeEngine};
use trainyard_server::{
    Server,
    centres::Centres,
    clock::Clock,
    config::{Config, Overrides, load_with},
    http,
    listeners::{Listener, Listeners},
    loops::{Janitor, Runner, Scheduler, cleaner},
};

pub(crate) use crate::caller::*;
use crate::processes::Cleanup;

/// The program that runs shims, and the whole command line.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_trainyard-it");

/// A running server inside the test process.
pub(crate) struct Host {
    caller: Caller,
    pub(crate) server: Server,
    scheduler: Mutex<Scheduler>,
    runners: Mutex<Vec<Runner>>,
    janitor: Mutex<Janitor>,
    http_task: tokio::task::JoinHandle<()>,
    cleanup: Cleanup,
    pub(crate) dir: TempDir,
}

impl Deref for Host {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// One centre with 64 cores and matching memory, so that a small machine never delays a test. Its declared GPUs are not
/// compared with GPUs of the host.
pub(crate) const ROOMY: &str = r#"
[[centre]]
id = 1
name = "this machine"
capacity = { cpu_cores = 64, memory_gb = 64, gpus = [{ name = "NVIDIA-L40S-PCIE-48G", count = 8 }] }
nvidia_smi = "/no/nvidia-smi"
"#;

impl Host {
    /// Starts a server with this configuration and its loops.
    pub(crate) async fn start(config: &str) -> Self {
        let host = Self::start_without_loops(config).await;
        host.server.start_loops();
        host
    }

    /// Starts a server without loops: the test calls single passes.
    pub(crate) async fn start_without_loops(config: &str) -> Self {
        Self::open(TempDir::new().unwrap(), config).await
    }

    /// Starts a server without loops, under a clock of the test.
    pub(crate) async fn start_with_clock(clock: Clock, config: &str) -> Self {
        Self::open_with(Path::new(PROGRAM), clock, TempDir::new().unwrap(), config).await
    }

    /// Starts a server without loops on an existing data directory.
    pub(crate) async fn open(dir: TempDir, config: &str) -> Self {
        Self::open_with(Path::new(PROGRAM), Clock::system(), dir, config).await
    }

    /// Tries to start a server on an existing data directory; the message says why that fails.
    pub(crate) async fn try_open(dir: TempDir, config: &str) -> (TempDir, Result<(), String>) {
        let config = read_config(&dir, config);
        match Server::open(&config, Clock::system(), Path::new(PROGRAM)).await {
            Ok(server) => {
                server.close().await;
                (dir, Ok(()))
            }
            Err(error) => (dir, Err(error.to_string())),
        }
    }

    /// Starts a server without loops, with this clock and with this program for its shims.
    pub(crate) async fn open_with(shim: &Path, clock: Clock, dir: TempDir, config: &str) -> Self {
        let config = read_config(&dir, config);
        let server = Server::open(&config, clock, shim).await.unwrap();
        Self::serve(server, dir, &config).await
    }

    /// Starts a server without loops, with one of these engines for each centre of the configuration.
    pub(crate) async fn open_on(engines: &[Arc<FakeEngine>], clock: Clock, dir: TempDir, config: &str) -> Self {
        let config = read_config(&dir, config);
        let started = clock.clone();
        let server = Server::open_with(&config, clock, async |_| {
            let mut all = Centres::default();
            for (centre, engine) in config.centre.iter().zip(engines) {
                let engine = Arc::clone(engine) as Arc<dyn Engine>;
                all.add(centre.clone(), engine, &config.aliases, &started).await?;
            }
            Ok(all)
        });
        let server = server.await.unwrap();
        Self::serve(server, dir, &config).await
    }

    async fn serve(server: Server, dir: TempDir, config: &Config) -> Self {
        let admin = std::fs::read_to_string(config.data_dir.join("admin.key")).unwrap().trim().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (app, all) = (server.app.clone(), vec![Listener::Network(listener)]);
        let serving = async move {
            let listeners = Listeners { all, ..Listeners::default() };
            app.connections.serve(listeners, http::router(app.clone()), &app.stop).await;
        };
        #[expect(clippy::disallowed_methods, reason = "the HTTP server of a test ends with the runtime of the test")]
        let http_task = tokio::spawn(serving);
        Self {
            caller: Caller::new(url, admin),
            scheduler: Mutex::new(Scheduler::new(&server.app)),
            runners: Mutex::new(Runner::all(&server.app)),
            janitor: Mutex::new(Janitor::new(&server.app)),
            server,
            http_task,
            cleanup: Cleanup(config.data_dir.clone()),
            dir,
        }
    }

    /// Runs one pass of the scheduler.
    pub(crate) async fn scheduler_pass(&self) {
        self.scheduler.lock().await.pass().await.unwrap();
    }

    /// Runs one pass of each runner over all live jobs of its centre.
    pub(crate) async fn runner_pass(&self) {
        for runner in self.runners.lock().await.iter_mut() {
            runner.pass().await.unwrap();
        }
    }

    /// Runs one pass of the janitor.
    pub(crate) async fn janitor_pass(&self) {
        self.janitor.lock().await.pass().await.unwrap();
    }

    /// Runs one pass of the cleaner; says whether another one has something to do at once.
    pub(crate) async fn cleaner_pass(&self) -> bool {
        cleaner::pass(&self.server.app).await
    }

    /// Ends the loops and the HTTP server; jobs keep running.
    pub(crate) async fn close(self) -> TempDir {
        self.server.app.stop.cancel();
        self.http_task.abort();
        self.server.close().await;
        // The next server takes over the running jobs.
        std::mem::forget(self.cleanup);
        self.dir
    }
}

/// The configuration in which a server that runs as root runs the jobs of all users, unless it says something else.
pub(crate) fn with_run_as(config: &str) -> String {
    if !rustix::process::geteuid().is_root() {
        return config.to_owned();
    }
    let Some((before, centres)) = config.split_once("[[centre]]") else {
        return format!("{config}\n[[centre]]\nid = 1\nname = \"this machine\"\nrun_as = \"root\"\n");
    };
    let centres = centres.split("[[centre]]").map(|centre| match centre.contains("run_as") {
        true => format!("[[centre]]{centre}"),
        false => format!("[[centre]]\nrun_as = \"root\"{centre}"),
    });
    before.to_owned() + &centres.collect::<String>()
}

fn read_config(dir: &TempDir, config: &str) -> Config {
    let file = dir.path().join("config.toml");
    std::fs::write(&file, with_run_as(config)).unwrap();
    let overrides = Overrides { config: Some(file), data_dir: Some(dir.path().join("data")), ..Overrides::default() };
    load_with(overrides, |_| None).unwrap()
}
