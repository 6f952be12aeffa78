//! The server from its start to its end: one data directory, one lock on it, an ordered shutdown.

use std::{fs::File, net::SocketAddr, path::Path, time::Duration};

use tokio::{net::TcpListener, sync::Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trainyard_domain::capacity::GB;
use trainyard_store::Store;

use crate::{
    App,
    app::{JobSignal, Parts},
    backup,
    centres::{self, Centres},
    clock::Clock,
    config::Config,
    data_dir::{DATABASE, URL_FILE, lock, write_private},
    failure::{Failure, ServeError},
    http,
    jobs::Logs,
    keys, loops,
    queue::Queue,
};

/// How long open connections may take to end when the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// A started server: its parts, and the door that is not yet open.
#[derive(Debug)]
pub struct Server {
    /// Its parts.
    pub app: App,
    /// What runs beside the answers.
    pub tracker: TaskTracker,
    lock: File,
}

impl Server {
    /// Opens the data directory and starts the engines; no loop runs and nothing is answered yet.
    ///
    /// # Errors
    /// Where the directory is in use or cannot be used.
    pub async fn open(config: &Config, clock: Clock, shim_program: &Path) -> Result<Self, ServeError> {
        let lock = lock::acquire(&config.data_dir).await?;
        let store = Store::open(&config.data_dir.join(DATABASE)).await.map_err(Failure::from)?;
        keys::ensure_admin(&store, &clock, &config.data_dir).await?;
        let centres = Centres::start(config, shim_program, &clock).await.map_err(Failure::from)?;
        centres.load_storages(&store).await?;
        let app = assemble(config, store, centres, clock);
        backup::reconcile(&app).await?;
        centres::tell_of_gone(&app.store, &app.centres).await?;
        Ok(Self { app, tracker: TaskTracker::new(), lock })
    }

    /// Starts the loops.
    pub fn start_loops(&self) {
        loops::start(&self.app, &self.tracker);
    }

    /// Ends the loops, waits for them, and closes the store.
    pub async fn close(self) {
        self.app.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        self.app.store.close().await;
        lock::release(&self.lock);
    }
}

/// The parts of a server over a store and centres that exist.
pub fn assemble(config: &Config, store: Store, centres: Centres, clock: Clock) -> App {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "checked")]
    let min_free_bytes = (config.min_free_gb * GB as f64) as u64;
    App::new(Parts {
        store,
        centres,
        clock,
        zone: config.zone(),
        data_dir: config.data_dir.clone(),
        min_free_bytes,
        platform_retries: config.platform_retries,
        retention_ms: i64::from(config.retention_days) * 24 * 3600 * 1000,
        logs: Logs::default(),
        ageing_ms: crate::config::hours_ms(config.ageing_hours),
        queue: Queue::default(),
        scheduler: Notify::new(),
        gpus: Notify::new(),
        runner: JobSignal::default(),
        stop: CancellationToken::new(),
    })
}

/// Runs the server until SIGINT or SIGTERM; running jobs go on without it. A second signal ends it at once.
///
/// # Errors
/// Where it cannot start.
pub async fn run(config: Config) -> Result<(), ServeError> {
    crate::telemetry::start();
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
    let to_the_end = async move {
        serve(listener, &server.app).await;
        let _ = std::fs::remove_file(&url_file);
        server.close().await;
    };
    // Beside the end and not part of it: whoever listens for a second signal never ends by itself.
    tokio::select! {
        () = to_the_end => {}
        () = signals(stop) => {}
    }
    tracing::info!("stopped; running jobs go on and are found again by the next start");
    Ok(())
}

/// Answers calls until the server is to stop, then gives open answers a moment to end.
async fn serve(listener: TcpListener, app: &App) {
    let stop = app.stop.clone();
    let graceful =
        axum::serve(listener, http::router(app.clone())).with_graceful_shutdown(stop.clone().cancelled_owned());
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        result = graceful.into_future() => {
            if let Err(error) = result {
                tracing::error!("the door closed: {error}");
            }
        }
        () = late => tracing::warn!("some connections did not end in time and were closed"),
    }
    stop.cancel();
}

/// The first signal begins the end, the second one is the end; it never returns.
async fn signals(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("cannot listen for signals; the server can only be killed");
        return std::future::pending().await;
    };
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    next().await;
    tracing::info!("stopping; a second signal ends at once");
    stop.cancel();
    next().await;
    std::process::exit(130);
}

fn announce(app: &App, bound: SocketAddr, data_dir: &Path) {
    tracing::info!("listening on http://{bound}; data in {}", data_dir.display());
    if !bound.ip().is_loopback() {
        tracing::warn!("keys travel readable to {bound}: put a proxy with TLS in front of it");
    }
    for centre in app.centres.iter() {
        let about = centre.engine.describe();
        let (id, name) = (centre.config.id, &centre.config.name);
        tracing::info!("centre {id} ({name}): {} / {}, {}", about.engine, about.runtime, about.isolation);
        let limits = about.limits;
        let by = format!("cores by {}, memory by {}, processes by {}", limits.cpu, limits.memory, limits.pids);
        let note = if limits.note.is_empty() { String::new() } else { format!(": {}", limits.note) };
        tracing::info!("centre {id}: killing by {}; limits: {by}{note}", about.killing.means);
    }
}

fn write_url(path: &Path, bound: SocketAddr) -> Result<(), ServeError> {
    let failed = |error| ServeError::Files { path: path.to_owned(), error };
    write_private(path, &format!("http://{bound}")).map_err(failed)
}
