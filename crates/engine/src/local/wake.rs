//! Hearing the shims' pokes.
//!
//! The FIFO is opened at once, so that pokes wait in it, and joined to a runtime only when somebody first listens.

#[cfg(test)]
mod tests;

use std::{fs::File, io, path::Path};

use tokio::{net::unix::pipe::Receiver, sync::OnceCell};

use super::notify;
use crate::Wakeup;

/// The FIFO.
#[derive(Debug)]
pub(super) struct Wake {
    fifo: File,
    listening: OnceCell<Receiver>,
}

impl Wake {
    /// Opens it, making it where needed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fifo: notify::listen(path)?, listening: OnceCell::new() })
    }

    /// Resolves when a shim has poked since the last time. Between hearing and resolving there is no await, so a
    /// dropped call takes no poke with it.
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

/// Takes all pokes that are waiting.
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

/// Each line names a job; whatever is anything else, such as the pokes of an older shim, may mean any.
fn understand(said: &[u8]) -> Wakeup {
    let text = String::from_utf8_lossy(said);
    let jobs: Option<_> = text.lines().map(|line| line.parse().ok()).collect();
    jobs.map_or(Wakeup::Everywhere, Wakeup::Of)
}

/// Without news the callers' timers do.
async fn deaf(error: &io::Error) -> Wakeup {
    tracing::warn!(%error, "the shims' pokes cannot be heard; changes are noticed more slowly");
    std::future::pending().await
}
