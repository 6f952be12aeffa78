//! Hearing the shims' pokes.
//!
//! The FIFO is opened at once, so that pokes wait in it, and joined to a runtime only when somebody first listens.

use std::{fs::File, io, path::Path};

use tokio::{net::unix::pipe::Receiver, sync::OnceCell};

use super::poke;

/// The FIFO.
#[derive(Debug)]
pub(super) struct Wake {
    fifo: File,
    listening: OnceCell<Receiver>,
}

impl Wake {
    /// Opens it, making it where needed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { fifo: poke::listen(path)?, listening: OnceCell::new() })
    }

    /// Resolves when a shim has poked since the last time. Between hearing and resolving there is no await, so a
    /// dropped call takes no poke with it.
    pub(super) async fn heard(&self) {
        let listening = self.listening.get_or_try_init(|| async { Receiver::from_file(self.fifo.try_clone()?) });
        let fifo = match listening.await {
            Ok(fifo) => fifo,
            Err(error) => return deaf(&error).await,
        };
        loop {
            if let Err(error) = fifo.readable().await {
                return deaf(&error).await;
            }
            if drain(fifo) {
                return;
            }
        }
    }
}

/// Takes all pokes that are waiting; false if there were none.
fn drain(fifo: &Receiver) -> bool {
    let mut buffer = [0; 512];
    let mut any = false;
    while matches!(fifo.try_read(&mut buffer), Ok(count) if count > 0) {
        any = true;
    }
    any
}

/// Without news the callers' timers do.
async fn deaf(error: &io::Error) {
    tracing::warn!(%error, "the shims' pokes cannot be heard; changes are noticed more slowly");
    std::future::pending().await
}
