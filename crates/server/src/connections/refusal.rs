//! The answer to a connection that exceeds a bound. It names the bound and the key of the configuration.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::task::TaskTracker;
use trainyard_api::{Code, Failure, FailureData, failures::phrase};

use super::slots::{ConnectionBounds, Full, Source};
use crate::listeners::Stream;

/// How many refusals are under way at once; further connections are closed without an answer.
pub(super) const MOST: usize = 64;
/// How long a refused client may take to send its call and to read the answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Answers a connection that has no place, in the background.
pub(super) fn send(tasks: &TaskTracker, permits: &Arc<Semaphore>, mut stream: Box<dyn Stream>, answer: String) {
    let Ok(permit) = Arc::clone(permits).try_acquire_owned() else { return };
    tasks.spawn(async move {
        let exchange = async {
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await?;
            // A socket that is closed with unread data resets the connection, and the client may lose the answer.
            let mut dropped = [0; 1024];
            while stream.read(&mut dropped).await? > 0 {}
            std::io::Result::Ok(())
        };
        // An error means that the client has gone.
        let _ = timeout(TIMEOUT, exchange).await;
        drop(permit);
    });
}

/// The whole response: 429 if the source has too many connections, 503 if the server has.
pub(super) fn response(full: Full, bounds: &ConnectionBounds, source: Source) -> String {
    let (code, why) = match full {
        Full::Source => {
            let (most, key) = (bounds.per_source, bounds.source_key);
            (Code::RateLimited, format!("{source} has {most} connections with calls in progress, the limit {key}"))
        }
        Full::Total => {
            let (most, key) = (bounds.total, bounds.total_key);
            (Code::Unavailable, format!("the server has {most} connections with calls in progress, the limit {key}"))
        }
    };
    let (status, phrase) = (code.status(), phrase(code.status()));
    let message = format!("{phrase}: {why}; retry, or close some of them");
    let body = serde_json::to_string(&Failure { status, message, data: FailureData::of(code) }).unwrap_or_default();
    format!(
        "HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 1\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
}
