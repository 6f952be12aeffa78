//! Connections of real sockets to a small router, under small bounds and short times.

use std::{net::SocketAddr, time::Duration};

use axum::{Extension, Router, routing::get};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{CallInProgress, ConnectionBounds, Connections, PATIENCE, Patience};
use crate::listeners::{Listener, Listeners};

const DEADLINE: Duration = Duration::from_secs(60);
const TOTAL: usize = 8;
const PER_SOURCE: usize = 4;

struct Server {
    address: SocketAddr,
    connections: Connections,
    stop: CancellationToken,
    /// Lets the calls to `/held` and `/known` end.
    release: watch::Sender<bool>,
    serving: AbortOnDropHandle<()>,
}

impl Server {
    async fn start(patience: Patience, total: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bounds = ConnectionBounds { total, total_key: "of all", per_source: PER_SOURCE, source_key: "of one" };
        let connections = Connections::new(patience, bounds, bounds);
        let (release, released) = watch::channel(false);
        let held = released.clone();
        let router = Router::new()
            .route("/quick", get(async || "quick"))
            .route("/large", get(async || vec![0; 64 * 1024 * 1024]))
            .route("/held", get(async move || wait(held).await))
            .route(
                "/known",
                get(async move |call: Extension<CallInProgress>| {
                    call.protect();
                    wait(released).await
                }),
            );
        let (stop, serving) = (CancellationToken::new(), connections.clone());
        let (stopped, all) = (stop.clone(), vec![Listener::Network(listener)]);
        let task = async move { serving.serve(Listeners { all, ..Listeners::default() }, router, &stopped).await };
        #[expect(clippy::disallowed_methods, reason = "the task ends with the test")]
        let serving = AbortOnDropHandle::new(tokio::spawn(task));
        Self { address, connections, stop, release, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, path: &str) -> TcpStream {
        let mut stream = self.connect().await;
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        // A connection that the server refuses may be closed already.
        let _ = stream.write_all(head.as_bytes()).await;
        stream
    }

    /// The response to a call.
    async fn call(&self, path: &str) -> String {
        rest(self.send(path).await).await
    }

    /// Waits until the server counts this many connections.
    async fn has_open(&self, count: usize) {
        let poll = async {
            while self.connections.network().total != count {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, poll).await.expect("the number of connections");
    }
}

async fn wait(mut released: watch::Receiver<bool>) -> &'static str {
    let _ = released.wait_for(|released| *released).await;
    "released"
}

/// Everything that the server still sends on a connection, up to its end.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset ends it as well.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut text)).await.expect("the end of the connection");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn idle_and_half_sent_connections_keep_no_caller_out() {
    let server = Server::start(PATIENCE, TOTAL).await;
    let mut idle = Vec::new();
    for number in 0..3 * TOTAL {
        let mut stream = server.connect().await;
        if number % 2 == 0 {
            let _ = stream.write_all(b"GET /quick HTTP/1.1\r\nhost:").await;
        }
        idle.push(stream);
    }
    assert!(server.call("/quick").await.ends_with("quick"));
    // The oldest made room.
    assert_eq!(rest(idle.remove(0)).await, "");
    assert!(server.connections.network().total <= PER_SOURCE);
}

#[tokio::test]
async fn calls_of_unknown_callers_keep_no_caller_out() {
    let server = Server::start(PATIENCE, TOTAL).await;
    let mut held = Vec::new();
    for _ in 0..3 * TOTAL {
        held.push(server.send("/held").await);
    }
    assert!(server.call("/quick").await.ends_with("quick"));
}

#[tokio::test]
async fn calls_of_known_callers_end_and_a_refusal_names_the_limit() {
    for (total, limit, status) in [(TOTAL, "the limit of one", "429"), (2, "the limit of all", "503")] {
        let server = Server::start(PATIENCE, total).await;
        let mut known = Vec::new();
        for _ in 0..total.min(PER_SOURCE) {
            known.push(server.send("/known").await);
            server.has_open(known.len()).await;
        }
        let refused = server.call("/quick").await;
        // A connection is protected from its call on, so the first answers may come from before that.
        let refused = if refused.contains("quick") { server.call("/quick").await } else { refused };
        assert!(refused.starts_with(&format!("HTTP/1.1 {status} ")) && refused.contains(limit), "{refused}");
        assert!(refused.contains("retry-after: 1"), "{refused}");
        server.release.send(true).unwrap();
        for stream in known {
            assert!(rest(stream).await.ends_with("released"));
        }
        server.has_open(0).await;
        assert!(server.call("/quick").await.ends_with("quick"));
    }
}

#[tokio::test]
async fn a_client_that_does_not_send_or_read_loses_its_connection() {
    let patience = Patience { head: Duration::from_millis(50), write: Duration::from_millis(50), ..PATIENCE };
    let server = Server::start(patience, TOTAL).await;
    let silent = server.connect().await;
    assert_eq!(rest(silent).await, "");
    let mut slow = server.connect().await;
    slow.write_all(b"GET /quick HTTP/1.1\r\nhost:").await.unwrap();
    assert_eq!(rest(slow).await, "");
    let mut reused = server.connect().await;
    reused.write_all(b"GET /quick HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(rest(reused).await.ends_with("quick"));
    // This client never reads.
    let _deaf = server.send("/large").await;
    server.has_open(0).await;
}

#[tokio::test]
async fn a_head_above_the_limit_is_refused() {
    let server = Server::start(PATIENCE, TOTAL).await;
    let mut stream = server.connect().await;
    let head = format!("GET /quick HTTP/1.1\r\nhost: x\r\nmore: {}\r\n\r\n", "m".repeat(2 * super::HEAD_LIMIT));
    let _ = stream.write_all(head.as_bytes()).await;
    let answer = rest(stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn open_calls_end_before_the_server_and_further_connections_are_refused() {
    let server = Server::start(PATIENCE, TOTAL).await;
    let call = server.send("/held").await;
    server.has_open(1).await;
    server.stop.cancel();
    server.release.send(true).unwrap();
    assert!(rest(call).await.ends_with("released"));
    timeout(DEADLINE, server.serving).await.expect("the end of the server").unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn the_grace_ends_what_does_not_end_by_itself() {
    let server = Server::start(Patience { grace: Duration::from_millis(50), ..PATIENCE }, TOTAL).await;
    let call = server.send("/held").await;
    server.has_open(1).await;
    server.stop.cancel();
    timeout(DEADLINE, server.serving).await.expect("the end of the server").unwrap();
    assert_eq!(rest(call).await, "");
}
