//! The way to the one thread that writes: changes are handed over and answered when they are on the disk.
//!
//! What the thread does with them stands in `writer/commit.rs`.

mod commit;
mod connection;
mod statement;

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use connection::WriteConnection;
pub(crate) use statement::statement;

use crate::{error::StoreError, template_index::TemplateIndex};

/// How many changes may wait; whoever comes then waits for a place.
const QUEUE: usize = 1024;

/// The way to the writing thread.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Change(Box<dyn Change>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the thread; answers when the database is open and of this program's schema.
    pub(crate) async fn start(
        path: PathBuf,
        raise: watch::Sender<u64>,
        template_index: Arc<TemplateIndex>,
    ) -> Result<Self, StoreError> {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let (opened, opening) = oneshot::channel();
        let spawned = std::thread::Builder::new()
            .name("store-commit".to_owned())
            .spawn(move || commit::live(path, inbox, raise, template_index, opened));
        if let Err(error) = spawned {
            return Err(StoreError::Unavailable(format!("no thread for the writer: {error}")));
        }
        opening.await.map_err(|_| gone())??;
        Ok(Self { queue })
    }

    /// Makes one change and answers when it is durable.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: AsyncFnOnce(&mut WriteConnection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change = Box::new(Pending { work: Some(work), result: None, reply });
        self.queue.send(Message::Change(change)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Lets what is queued be made, then closes the database.
    pub(crate) async fn close(&self) {
        let (closed, closing) = oneshot::channel();
        // An error of either means that it is closed already.
        if self.queue.send(Message::Close(closed)).await.is_ok() {
            let _ = closing.await;
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("it is closed".to_owned())
}

/// A change in the queue, whatever its type of answer.
trait Change: Send {
    /// Makes it; an error says that it must be undone.
    fn run<'c>(
        &'c mut self,
        connection: &'c mut WriteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'c>>;

    /// Tells the caller, who may have gone: what came of it if the transaction was kept, else why it was not.
    fn answer(self: Box<Self>, kept: Result<(), StoreError>);
}

struct Pending<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Change for Pending<T, F>
where
    F: AsyncFnOnce(&mut WriteConnection) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run<'c>(
        &'c mut self,
        connection: &'c mut WriteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'c>> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return Ok(());
            };
            let result = unless_it_panics(work(connection)).await;
            let verdict = result.as_ref().map(|_| ()).map_err(StoreError::clone);
            self.result = Some(result);
            verdict
        })
    }

    fn answer(self: Box<Self>, kept: Result<(), StoreError>) {
        // What it found may have been another change of the same transaction, so where that is not kept, its own
        // error is not true either.
        let answer = match (kept, self.result) {
            (Err(common), _) => Err(common),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(gone()),
        };
        // The caller's future may have been dropped; the change stands all the same.
        let _ = self.reply.send(answer);
    }
}

/// A change carries its caller's code; where that panics, the change fails and the writer goes on.
async fn unless_it_panics<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut work = Box::pin(work);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(StoreError::Bug("a change panicked and was undone".to_owned()))))
    })
    .await
}
