//! Connections of the API: accepting them within bounds, time limits for what a client sends and reads, and their end when
//! the server stops.
//!
//! A connection with a call of a known caller in progress is never closed in favour of another one. Every other connection
//! makes room when a bound is reached, the oldest first, so idle and half-sent connections keep no caller out.

mod guards;
mod refusal;
mod slots;
#[cfg(test)]
mod tests;

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

pub use self::slots::ConnectionBounds;
use self::{
    guards::{GuardedBody, Guards},
    slots::{Protection, Slot, Slots, Source},
};
use crate::{
    accounts::Origin,
    listeners::{Listener, Listeners, Stream},
};

/// The most bytes of a request line with its headers.
pub const HEAD_LIMIT: usize = 128 * 1024;
/// The pause after the host refused to accept a connection, for example because it has no free descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest time until the head of a request is complete, from the start of the connection or from the end of the
    /// last response. So it is also the longest time without a request.
    pub head: Duration,
    /// The longest time in which a client reads nothing of a response.
    pub write: Duration,
    /// The longest time until an open connection ends after the server begins to stop.
    pub grace: Duration,
}

/// The times of every server.
pub const PATIENCE: Patience =
    Patience { head: Duration::from_secs(30), write: Duration::from_secs(60), grace: Duration::from_secs(5) };

/// The connections of a server.
#[derive(Clone, Debug)]
pub struct Connections {
    patience: Patience,
    /// Those from the network.
    network: Slots,
    /// Those over Unix sockets, so that connections from the network keep no administrator out.
    local: Slots,
}

/// How many connections are open, and how many may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionUse {
    /// The bounds.
    pub bounds: ConnectionBounds,
    /// The open connections.
    pub total: usize,
    /// The open connections of the source that has the most.
    pub largest_source: usize,
}

/// A call in progress: an extension of its request.
#[derive(Clone, Debug)]
pub(crate) struct CallInProgress {
    slot: Arc<Slot>,
    guards: Guards,
}

impl CallInProgress {
    /// Keeps the connection open until the call ends, even if others need room: the caller is known.
    pub(crate) fn protect(&self) {
        let protection: Option<Protection> = self.slot.protect();
        self.guards.hold(protection);
    }
}

impl Connections {
    /// No connections yet, with bounds for those from the network and those over Unix sockets.
    pub fn new(patience: Patience, network: ConnectionBounds, local: ConnectionBounds) -> Self {
        Self { patience, network: Slots::new(network), local: Slots::new(local) }
    }

    /// How many connections from the network are open.
    pub fn network(&self) -> ConnectionUse {
        in_use(&self.network)
    }

    /// How many connections over Unix sockets are open.
    pub fn local(&self) -> ConnectionUse {
        in_use(&self.local)
    }

    fn slots_for(&self, origin: &Origin) -> &Slots {
        match origin {
            Origin::Network(_) => &self.network,
            Origin::Local(_) => &self.local,
        }
    }

    /// Answers calls on all listeners until `stop`; then the open connections have a grace to end.
    pub async fn serve(&self, listeners: Listeners, router: Router, stop: &CancellationToken) {
        let open = TaskTracker::new();
        let accepting = TaskTracker::new();
        let refusals = Arc::new(Semaphore::new(refusal::MOST));
        for listener in listeners.all {
            let serving = Serving {
                connections: self.clone(),
                router: router.clone(),
                stop: stop.clone(),
                open: open.clone(),
                refusals: Arc::clone(&refusals),
            };
            accepting.spawn(serving.accept(listener));
        }
        accepting.close();
        accepting.wait().await;
        open.close();
        if timeout(self.patience.grace, open.wait()).await.is_err() {
            tracing::warn!("some connections did not end within the grace and were closed");
        }
    }
}

fn in_use(slots: &Slots) -> ConnectionUse {
    let (total, largest_source) = slots.in_use();
    ConnectionUse { bounds: slots.bounds(), total, largest_source }
}

/// What the connections of one listener share.
#[derive(Clone)]
struct Serving {
    connections: Connections,
    router: Router,
    stop: CancellationToken,
    open: TaskTracker,
    refusals: Arc<Semaphore>,
}

impl Serving {
    /// Accepts connections until the server stops.
    async fn accept(self, listener: Listener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                Ok((stream, origin)) => self.admit(stream, origin),
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    self.connections.network.evict_one();
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: Box<dyn Stream>, origin: Origin) {
        let source = match &origin {
            Origin::Network(address) => Source::of(address.ip()),
            Origin::Local(peer) => Source::Account(peer.uid()),
        };
        let slots = self.connections.slots_for(&origin);
        match slots.admit(source) {
            Ok(slot) => drop(self.open.spawn(self.clone().drive(stream, origin, Arc::new(slot)))),
            Err(full) => {
                let answer = refusal::response(full, &slots.bounds(), source);
                refusal::send(&self.open, &self.refusals, stream, answer);
            }
        }
    }

    /// Serves one connection to its end, or until it must make room.
    async fn drive(self, stream: Box<dyn Stream>, origin: Origin, slot: Arc<Slot>) {
        let patience = self.connections.patience;
        let mut stream = TimeoutWriter::new(stream);
        stream.set_timeout(Some(patience.write));
        let (router, evicted) = (self.router, slot.evicted.clone());
        let answer = service_fn(move |request| answer(router.clone(), request, origin.clone(), Arc::clone(&slot)));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(HEAD_LIMIT);
        let mut connection = pin!(http.serve_connection(TokioIo::new(Box::pin(stream)), answer));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = evicted.cancelled() => return,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                // A stream of events ends when the server stops. Everything else ends with the grace.
                timeout(patience.grace, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended early: {error}");
        }
    }
}

async fn answer(
    router: Router,
    mut request: Request<Incoming>,
    origin: Origin,
    slot: Arc<Slot>,
) -> Result<hyper::Response<GuardedBody>, std::convert::Infallible> {
    let call = CallInProgress { slot, guards: Guards::default() };
    let guards = call.guards.clone();
    request.extensions_mut().insert(origin);
    request.extensions_mut().insert(call);
    let response = router.oneshot(request.map(Body::new)).await?;
    Ok(response.map(|body| GuardedBody::new(body, guards)))
}

/// Whether only the connection that was to be accepted is lost.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}
