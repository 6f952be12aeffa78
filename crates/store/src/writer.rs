//! The way to the one thread that writes: a caller hands over a change and gets the result when the change is on the
//! disk.
//!
//! `writer/commit.rs` is the thread. A change may leave notes of the type `N`; the writer passes the notes of committed
//! changes to a hook and does not know what they mean.

mod commit;
mod connection;

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    pin::Pin,
    task::Poll,
};

use tokio::sync::{mpsc, oneshot};

pub(crate) use connection::WriteConnection;

use crate::error::{StoreError, closed};

/// How many changes may be queued; further callers wait until there is space.
const QUEUE: usize = 1024;

/// The way to the writing thread.
pub(crate) struct Writer<N> {
    queue: mpsc::Sender<Message<N>>,
}

/// A committed transaction, as the hook gets it.
pub(crate) struct Committed<N> {
    /// The notes of the transaction's changes, in their order.
    pub(crate) notes: Vec<N>,
    /// Whether any row was changed.
    pub(crate) changed_rows: bool,
}

enum Message<N> {
    Change(Box<dyn Change<N>>),
    Close(oneshot::Sender<()>),
}

impl<N: Send + 'static> Writer<N> {
    /// Starts the thread; returns when the database is open and has this program's schema, and `prepare` has read from
    /// it.
    ///
    /// `after_commit` runs after each commit that is on the disk and before any of its changes is answered.
    pub(crate) async fn start(
        path: PathBuf,
        prepare: impl FnOnce(&mut WriteConnection<N>) -> Result<(), StoreError> + Send + 'static,
        after_commit: impl FnMut(Committed<N>) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let (opened, opening) = oneshot::channel();
        let spawned = std::thread::Builder::new()
            .name("store-commit".to_owned())
            .spawn(move || commit::run(&path, inbox, prepare, after_commit, opened));
        if let Err(error) = spawned {
            return Err(StoreError::Unavailable(format!("no thread for the writer: {error}")));
        }
        opening.await.map_err(|_| closed())??;
        Ok(Self { queue })
    }

    /// Runs one change and returns when it is durable.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: AsyncFnOnce(&mut WriteConnection<N>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change = Box::new(Pending { work: Some(work), result: None, reply });
        self.queue.send(Message::Change(change)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Runs the queued changes, then closes the database.
    pub(crate) async fn close(&self) {
        let (closed, closing) = oneshot::channel();
        // If sending or receiving fails, the database is closed already.
        if self.queue.send(Message::Close(closed)).await.is_ok() {
            let _ = closing.await;
        }
    }
}

/// A change in the queue, whatever the type of its result.
trait Change<N>: Send {
    /// Runs the change; after an error the writer undoes it.
    fn run<'c>(
        &'c mut self,
        connection: &'c mut WriteConnection<N>,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'c>>;

    /// Answers the caller: its own result if the transaction was committed, else the error of the transaction.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Pending<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<N, T, F> Change<N> for Pending<T, F>
where
    F: AsyncFnOnce(&mut WriteConnection<N>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run<'c>(
        &'c mut self,
        connection: &'c mut WriteConnection<N>,
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

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        // The change may have found a row of another change of the same transaction. If the transaction is not
        // committed, even the change's own error may be wrong.
        let answer = match (committed, self.result) {
            (Err(common), _) => Err(common),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(closed()),
        };
        // The caller's future may have been dropped; the change is kept all the same.
        let _ = self.reply.send(answer);
    }
}

/// A change carries its caller's code; if that panics, the change fails and the writer goes on.
async fn unless_it_panics<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut work = Box::pin(work);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(StoreError::Bug("a change panicked and was undone".to_owned()))))
    })
    .await
}
