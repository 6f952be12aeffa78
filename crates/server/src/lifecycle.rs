//! The server from start to shutdown: it locks its data directory, starts the loops, answers calls, and ends in order.

use std::{fs::File, io::IsTerminal as _, net::SocketAddr, path::Path};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing_subscriber::{EnvFilter, fmt};
use trainyard_api::centre::limits_in_words;
use trainyard_domain::{capacity::GB, time::Span};
use trainyard_store::Store;

use crate::{
    App,
    accounts::Accounts,
    app::{JobSignals, Parts},
    backup,
    blocked_folders::BlockedFolders,
    centres::{self, Centres, HOW_TO_SAY},
    clock::Clock,
    config::Config,
    connections::{ConnectionBounds, Connections, PATIENCE},
    data_dir::{DATABASE, URL_FILE, lock, write_private},
    failure::{Failure, ServeError},
    http, keys,
    listeners::{Inherited, Listeners},
    logs::Logs,
    loops,
    queue::Queue,
    secrets,
    vault::Vault,
};

/// The environment variable that filters the log, such as `info,trainyard_server=debug`.
const LOG_FILTER: &str = "TRAINYARD_LOG";

/// A server that holds its data directory; it does not listen yet.
#[derive(Debug)]
pub struct Server {
    /// The parts that use cases and loops share.
    pub app: App,
    /// The tasks of the loops.
    pub tracker: TaskTracker,
    lock: File,
}

impl Server {
    /// Opens the data directory and starts the engines. Starts no loop and answers no call.
    ///
    /// Fails if another server uses the directory, or if the directory, the database or an engine fails.
    pub async fn open(config: &Config, clock: Clock, shim_program: &Path) -> Result<Self, ServeError> {
        let start_clock = clock.clone();
        let start = async |store: &Store| Centres::start(config, store, shim_program, &start_clock).await;
        Self::open_with(config, clock, start).await
    }

    /// [`Server::open`] with centres that the caller starts: tests bring engines of their own.
    ///
    /// Fails as that does.
    pub async fn open_with(
        config: &Config,
        clock: Clock,
        start: impl AsyncFnOnce(&Store) -> Result<Centres, Failure>,
    ) -> Result<Self, ServeError> {
        let lock = lock::acquire(&config.data_dir).await?;
        let store = Store::open(&config.data_dir.join(DATABASE)).await.map_err(Failure::from)?;
        keys::ensure_admin(&store, &clock, &config.data_dir).await?;
        let mut centres = start(&store).await?;
        centres.load_storages(&store).await?;
        let app = assemble(config, store, centres, clock);
        secrets::log_unusable(&app.store, &app.vault).await?;
        backup::reconcile(&app).await?;
        centres::log_missing(&app.store, &app.centres).await?;
        Ok(Self { app, tracker: TaskTracker::new(), lock })
    }

    /// Starts the loops; they end when `app.stop` is cancelled.
    pub fn start_loops(&self) {
        loops::start(&self.app, &self.tracker);
    }

    /// Answers calls on these sockets until `app.stop` is cancelled and the open connections have ended.
    pub async fn serve(&self, listeners: Listeners) {
        self.app.connections.serve(listeners, http::router(self.app.clone()), &self.app.stop).await;
    }

    /// Stops the loops, waits until they have ended, closes the store and releases the lock.
    pub async fn close(self) {
        self.app.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        self.app.store.close().await;
        lock::release(&self.lock);
    }
}

/// Creates the shared parts of a server from an open store and started centres.
pub fn assemble(config: &Config, store: Store, centres: Centres, clock: Clock) -> App {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "checked")]
    let min_free_bytes = (config.min_free_gb * GB as f64) as u64;
    let limits = &config.limits;
    let network = ConnectionBounds {
        total: limits.connections as usize,
        total_key: "connections",
        per_source: limits.connections_per_address as usize,
        source_key: "connections_per_address",
    };
    let local = ConnectionBounds {
        total: limits.local_connections as usize,
        total_key: "local_connections",
        per_source: limits.local_connections_per_account as usize,
        source_key: "local_connections_per_account",
    };
    App::new(Parts {
        vault: Vault::open(&config.data_dir),
        runner: JobSignals::of(&centres),
        accounts: Accounts::new(&config.accounts, centres.keep_jobs_apart()),
        connections: Connections::new(PATIENCE, network, local),
        centres,
        clock,
        zone: config.zone(),
        data_dir: config.data_dir.clone(),
        min_free_bytes,
        pool_uids: config.pool_uids.0..=config.pool_uids.1,
        platform_retries: config.platform_retries,
        retention: Span::from_days(i64::from(config.retention_days)),
        logs: Logs::new(&store),
        store,
        ageing: crate::config::hours(config.ageing_hours),
        queue: Queue::default(),
        scheduler: Notify::new(),
        blocked_folders: BlockedFolders::default(),
        gpus: Notify::new(),
        cleaner: Notify::new(),
        stop: CancellationToken::new(),
    })
}

/// Runs the server until SIGINT or SIGTERM. Running jobs continue without it. A second signal ends it at once.
///
/// Fails if the server cannot start.
pub async fn run(config: Config) -> Result<(), ServeError> {
    start_log();
    // First, so that no process that the server starts inherits a socket.
    let inherited = Inherited::take()?;
    let program =
        std::env::current_exe().map_err(|error| ServeError::Files { path: "/proc/self/exe".into(), error })?;
    let server = Server::open(&config, Clock::system(), &program).await?;
    let listeners = Listeners::bind(&config, inherited).await?;
    let failed = |error| ServeError::Listen { address: config.listen.clone(), error };
    let mut files = listeners.paths.clone();
    if let Some(address) = listeners.address().map_err(failed)? {
        let url_file = config.data_dir.join(URL_FILE);
        write_url(&url_file, address)?;
        files.push(url_file);
        announce(&server.app, address, &config.data_dir);
    }
    server.start_loops();
    let stop = server.app.stop.clone();
    let until_stopped = async move {
        server.serve(listeners).await;
        for file in files {
            let _ = std::fs::remove_file(file);
        }
        server.close().await;
    };
    // Not part of the future above, since the wait for a second signal never ends by itself.
    tokio::select! {
        () = until_stopped => {}
        () = signals(stop) => {}
    }
    tracing::info!("stopped; running jobs continue, and the next start finds them");
    Ok(())
}

/// Writes the log to standard error, one line for each event. A subscriber that the program has set before stays.
fn start_log() {
    let filter = std::env::var(LOG_FILTER).ok().filter(|text| !text.is_empty());
    let filter = filter.and_then(|text| EnvFilter::try_new(text).ok()).unwrap_or_else(|| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // The only error is that a subscriber is set.
    drop(lines.with_target(false).try_init());
}

/// Stops the server at the first signal and ends the process at the second. Never returns.
async fn signals(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal as listen};
    let (Ok(mut interrupt), Ok(mut terminate)) = (listen(SignalKind::interrupt()), listen(SignalKind::terminate()))
    else {
        tracing::error!("cannot listen for signals; the server can only be killed");
        return std::future::pending().await;
    };
    let mut signal = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    signal().await;
    tracing::info!("stopping; a second signal ends the server at once");
    stop.cancel();
    signal().await;
    std::process::exit(130);
}

fn announce(app: &App, bound: SocketAddr, data_dir: &Path) {
    tracing::info!("listening on http://{bound}; data in {}", data_dir.display());
    if !bound.ip().is_loopback() {
        tracing::warn!("API keys are sent unencrypted to {bound}; put a TLS proxy in front of the server");
    }
    for centre in app.centres.iter() {
        let about = centre.engine.describe();
        let (id, name) = (centre.config.id, &centre.config.name);
        tracing::info!(
            "centre {id} ({name}): engine {}, runtime {}; isolation: {}",
            about.engine,
            about.runtime,
            about.isolation
        );
        if centre.serves_admins_only() {
            tracing::warn!("centre {id}: jobs run as root, so only admins may create jobs: {HOW_TO_SAY}");
        } else if centre.runs_as_root() {
            tracing::warn!("centre {id}: the jobs of all users run as root (run_as = \"root\")");
        }
        for missing in about.means.iter().filter(|one| !one.is_used) {
            tracing::warn!("centre {id}: jobs are not isolated by: {} ({})", missing.means, missing.note);
        }
        let limits = about.limits;
        let limits = limits_in_words([limits.cpu, limits.memory, limits.pids], &limits.note);
        tracing::info!("centre {id}: kill method {}; limits: {limits}", about.killing.means);
    }
}

fn write_url(path: &Path, bound: SocketAddr) -> Result<(), ServeError> {
    let failed = |error| ServeError::Files { path: path.to_owned(), error };
    write_private(path, &format!("http://{bound}")).map_err(failed)
}
