//! The server from start to shutdown: it locks its data directory, starts the loops, answers calls, and ends in order.

use std::{fs::File, io::IsTerminal as _, net::SocketAddr, path::Path, time::Duration};

use tokio::{net::TcpListener, sync::Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing_subscriber::{EnvFilter, fmt};
use trainyard_api::centre::limits_in_words;
use trainyard_domain::{capacity::GB, time::Span};
use trainyard_store::Store;

use crate::{
    App,
    app::{JobSignals, Parts},
    backup,
    blocked_folders::BlockedFolders,
    centres::{self, Centres, HOW_TO_SAY},
    clock::Clock,
    config::Config,
    data_dir::{DATABASE, URL_FILE, lock, write_private},
    failure::{Failure, ServeError},
    http, keys,
    logs::Logs,
    loops,
    queue::Queue,
};

/// The environment variable that filters the log, such as `info,trainyard_server=debug`.
const LOG_FILTER: &str = "TRAINYARD_LOG";
/// How long open connections may take to end after the server begins to stop.
const CONNECTION_GRACE: Duration = Duration::from_secs(5);

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
        backup::reconcile(&app).await?;
        centres::log_missing(&app.store, &app.centres).await?;
        Ok(Self { app, tracker: TaskTracker::new(), lock })
    }

    /// Starts the loops; they end when `app.stop` is cancelled.
    pub fn start_loops(&self) {
        loops::start(&self.app, &self.tracker);
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
    App::new(Parts {
        runner: JobSignals::of(&centres),
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
    let address = config.listen_address().map_err(|message| ServeError::Config(format!("listen: {message}")))?;
    let program =
        std::env::current_exe().map_err(|error| ServeError::Files { path: "/proc/self/exe".into(), error })?;
    let server = Server::open(&config, Clock::system(), &program).await?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| ServeError::Listen { address: config.listen.clone(), error })?;
    let bound = listener.local_addr().map_err(|error| ServeError::Listen { address: config.listen.clone(), error })?;
    let url_file = config.data_dir.join(URL_FILE);
    write_url(&url_file, bound)?;
    announce(&server.app, bound, &config.data_dir);
    server.start_loops();
    let stop = server.app.stop.clone();
    let until_stopped = async move {
        serve(listener, &server.app).await;
        let _ = std::fs::remove_file(&url_file);
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

/// Answers calls until the server stops; then open connections have [`CONNECTION_GRACE`] to end.
async fn serve(listener: TcpListener, app: &App) {
    let stop = app.stop.clone();
    let graceful =
        axum::serve(listener, http::router(app.clone())).with_graceful_shutdown(stop.clone().cancelled_owned());
    let grace_over = async {
        stop.cancelled().await;
        tokio::time::sleep(CONNECTION_GRACE).await;
    };
    tokio::select! {
        result = graceful.into_future() => {
            if let Err(error) = result {
                tracing::error!("the server cannot accept connections any more: {error}");
            }
        }
        () = grace_over => tracing::warn!("some connections did not end within the grace and were closed"),
    }
    stop.cancel();
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
