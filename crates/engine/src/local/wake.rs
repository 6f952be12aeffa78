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
pub(super) struct Wake {
    fifo: File,
    listening: OnceCell<Receiver>,
}

impl Wake {
    /// Opens the FIFO; creates it if it is missing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fifo: notify::listen(path)?, listening: OnceCell::new() })
    }

    /// Resolves when a shim has sent a notification since the last call. There is no await between reading a notification
    /// and resolving, so a dropped call loses none.
    pub(super) async fn heard(&self) -> Wakeup {
        let listening = self.listening.get_or_try_init(|| async { Receiver::from_file(self.fifo.try_clone()?) });
        let fifo = match listening.await {
            Ok(fifo) => fifo,
            Err(error) => return deaf(&error).await,
        };
        loop {
            if let Err(error) = fifo.readable().await {
                return deaf(&error).await;
            }
            let said = drain(fifo);
            if !said.is_empty() {
                return understand(&said);
            }
        }
    }
}

/// Reads all notifications that the FIFO contains.
fn drain(fifo: &Receiver) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut said = Vec::new();
    while let Ok(count) = fifo.try_read(&mut buffer)
        && count > 0
    {
        said.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    said
}

/// Each line names a job. Any other text, such as a notification of an older shim, may concern every job.
fn understand(said: &[u8]) -> Wakeup {
    let text = String::from_utf8_lossy(said);
    let jobs: Option<_> = text.lines().map(|line| line.parse().ok()).collect();
    jobs.map_or(Wakeup::Everywhere, Wakeup::Of)
}

/// Without notifications, the callers rely on their timers.
async fn deaf(error: &io::Error) -> Wakeup {
    tracing::warn!(%error, "cannot read the notifications of shims, so the server notices changes later");
    std::future::pending().await
}
