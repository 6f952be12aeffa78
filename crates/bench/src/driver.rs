//! The load driver: each connection sends its next request after the response to the last one, and measures its time.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::wire::Connection;

/// The requests of one connection.
pub(crate) trait Load: Send + 'static {
    /// The next request; `None` when there is no more.
    fn next(&mut self) -> Option<&[u8]>;
}

/// The same request without end.
#[derive(Clone)]
pub(crate) struct Same(pub(crate) Vec<u8>);

impl Load for Same {
    fn next(&mut self) -> Option<&[u8]> {
        Some(&self.0)
    }
}

/// The same request a number of times.
pub(crate) struct Times(pub(crate) Vec<u8>, pub(crate) u64);

impl Load for Times {
    fn next(&mut self) -> Option<&[u8]> {
        self.1 = self.1.checked_sub(1)?;
        Some(&self.0)
    }
}

/// The response times of a measurement.
pub(crate) struct Measured {
    /// Response times in microseconds.
    times: Histogram<u64>,
    took: Duration,
}

impl Measured {
    fn nothing() -> anyhow::Result<Self> {
        // From 1 µs to one minute, with three significant digits.
        Ok(Self { times: Histogram::new_with_bounds(1, 60_000_000, 3)?, took: Duration::ZERO })
    }

    /// Adds another measurement of the same load.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.times.add(&other.times)?;
        self.took += other.took;
        Ok(())
    }

    pub(crate) fn answers(&self) -> u64 {
        self.times.len()
    }

    /// Responses per second.
    pub(crate) fn rate(&self) -> f64 {
        let answers = self.answers() as f64;
        answers / self.took.as_secs_f64()
    }

    /// The response time at a quantile: `at(0.99)` is p99.
    pub(crate) fn at(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.times.value_at_quantile(quantile))
    }
}

/// Sends each load over its own connection until it has no more requests or `limit` is over. Fails if a response has
/// another status than 200.
pub(crate) async fn drive<L: Load>(
    address: SocketAddr,
    loads: Vec<L>,
    limit: Option<Duration>,
) -> anyhow::Result<Measured> {
    let mut connections = Vec::new();
    for load in loads {
        connections.push((Connection::open(address).await?, load));
    }
    let mut all = Measured::nothing()?;
    let start = Instant::now();
    let end = limit.map(|limit| start + limit);
    let mut tasks = JoinSet::new();
    for (connection, load) in connections {
        tasks.spawn(one(connection, load, end));
    }
    while let Some(done) = tasks.join_next().await {
        all.add(&done.context("a connection's task ended early")??)?;
    }
    all.took = start.elapsed();
    Ok(all)
}

async fn one<L: Load>(mut connection: Connection, mut load: L, end: Option<Instant>) -> anyhow::Result<Measured> {
    let mut measured = Measured::nothing()?;
    let mut sent = Instant::now();
    while end.is_none_or(|end| sent < end) {
        let Some(request) = load.next() else {
            break;
        };
        let answer = connection.call(request).await?;
        let status = answer.status;
        ensure!(status == 200, "answered with {status}: {}", String::from_utf8_lossy(answer.body));
        let now = Instant::now();
        measured.times.saturating_record(u64::try_from((now - sent).as_micros())?);
        sent = now;
    }
    Ok(measured)
}
