//! Receiving the notifications of shims, through the FIFO `wake` in the data directory.
//!
//! The FIFO is opened with the engine, so that it keeps notifications from then on. It joins the runtime at the first wait.

#[cfg(test)]
mod tests;

use std::{fs::File, io, path::Path};

use tokio::{net::unix::pipe::Receiver, sync::OnceCell};

use super::notify;
use crate::Wakeup;

/// The FIFO of the server.
#[derive(Debug)]
pub(super) struct WakeFifo {
    fifo: File,
    receiver: OnceCell<Receiver>,
}

impl WakeFifo {
    /// Opens the FIFO; creates it if it is missing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fifo: notify::open(path)?, receiver: OnceCell::new() })
    }

    /// Resolves when a shim has sent a notification since the last call. There is no await between reading a notification
    /// and resolving, so a dropped call loses none.
    pub(super) async fn notification(&self) -> Wakeup {
        let receiver = self.receiver.get_or_try_init(|| async { Receiver::from_file(self.fifo.try_clone()?) });
        let fifo = match receiver.await {
            Ok(fifo) => fifo,
            Err(error) => return never(&error).await,
        };
        loop {
            if let Err(error) = fifo.readable().await {
                return never(&error).await;
            }
            let text = drain(fifo);
            if !text.is_empty() {
                return parse(&text);
            }
        }
    }
}

/// Reads all notifications that the FIFO contains.
fn drain(fifo: &Receiver) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut text = Vec::new();
    while let Ok(count) = fifo.try_read(&mut buffer)
        && count > 0
    {
        text.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    text
}

/// Each line names a job. Any other text, such as a notification of an older shim, may concern every job.
fn parse(text: &[u8]) -> Wakeup {
    let text = String::from_utf8_lossy(text);
    let jobs: Option<_> = text.lines().map(|line| line.parse().ok()).collect();
    jobs.map_or(Wakeup::Everywhere, Wakeup::Of)
}

/// Without notifications, the callers rely on their timers.
async fn never(error: &io::Error) -> Wakeup {
    tracing::warn!(%error, "cannot read the notifications of shims, so the server notices changes later");
    std::future::pending().await
}
