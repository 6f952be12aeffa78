//! Group commit: one thread owns the writing connection and makes what is queued in shared transactions.
//!
//! Each change runs in a savepoint, so one that fails is undone alone; all are answered only when the commit is on
//! the disk, or with an error when it cannot be, and then nothing of them is kept. The thread is the writer's own and
//! no task of the caller's runtime: a runtime that shuts down drops its tasks wherever they stand, and this one must
//! come to the end of its transaction. It also spares the changes from having to be `Send` while they run.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    pin::Pin,
    task::Poll,
};

use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    db::{self, Query, Row},
    error::{StoreError, from_driver},
    schema,
};

/// The most changes in one transaction: enough to share a sync between many, few enough to keep the first waiting
/// only for milliseconds.
const MOST_TOGETHER: usize = 64;
/// How many changes may wait; whoever comes then waits for a place.
const QUEUE: usize = 1024;

const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT change";
const KEEP: &str = "RELEASE SAVEPOINT change; SAVEPOINT change";
const UNDO: &str = "ROLLBACK TO SAVEPOINT change";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
const FOLD_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

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
    ) -> Result<Self, StoreError> {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let (opened, opening) = oneshot::channel();
        let spawned = std::thread::Builder::new()
            .name("store-commit".to_owned())
            .spawn(move || live(path, inbox, raise, opened));
        if let Err(error) = spawned {
            return Err(StoreError::Unavailable(format!(
                "no thread for the writer: {error}"
            )));
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
        let change = Box::new(Pending {
            work: Some(work),
            result: None,
            reply,
        });
        self.queue
            .send(Message::Change(change))
            .await
            .map_err(|_| gone())?;
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

/// The connection that writes, as a change sees it.
pub(crate) struct WriteConnection {
    connection: SqliteConnection,
    /// Whether any row was touched since this was last set to `false`.
    touched: bool,
}

impl WriteConnection {
    /// Runs one statement that writes and answers how many rows it touched.
    ///
    /// After an error a change must end: the database may have undone all of it already.
    pub(crate) async fn execute(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        let result = query
            .execute(&mut self.connection)
            .await
            .map_err(from_driver)?;
        let rows = result.rows_affected();
        self.touched |= rows > 0;
        Ok(rows)
    }

    /// The first row of an answer.
    pub(crate) async fn row(&mut self, query: Query<'_>) -> Result<Option<Row>, StoreError> {
        db::row(&mut self.connection, query).await
    }

    async fn control(&mut self, sql: &'static str) -> Result<(), StoreError> {
        sqlx::query(sql)
            .execute(&mut self.connection)
            .await
            .map_err(from_driver)?;
        Ok(())
    }
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
        let answer = match (self.result, kept) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(common)) => Err(common),
            (Some(result), Ok(())) => result,
            (None, Ok(())) => Err(gone()),
        };
        // The caller's future may have been dropped; the change stands all the same.
        let _ = self.reply.send(answer);
    }
}

/// A change carries its caller's code; where that panics, the change fails and the writer goes on.
async fn unless_it_panics<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut work = Box::pin(work);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))).unwrap_or_else(|_| {
            Poll::Ready(Err(StoreError::Bug(
                "a change panicked and was undone".to_owned(),
            )))
        })
    })
    .await
}

/// The life of the thread.
fn live(
    path: PathBuf,
    inbox: mpsc::Receiver<Message>,
    raise: watch::Sender<u64>,
    opened: oneshot::Sender<Result<(), StoreError>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = format!("no runtime for the writer: {error}");
            let _ = opened.send(Err(StoreError::Unavailable(error)));
            return;
        }
    };
    runtime.block_on(async {
        match open(&path).await {
            Ok(connection) => {
                let _ = opened.send(Ok(()));
                serve(
                    WriteConnection {
                        connection,
                        touched: false,
                    },
                    inbox,
                    &raise,
                )
                .await;
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        }
    });
}

async fn open(path: &std::path::Path) -> Result<SqliteConnection, StoreError> {
    db::prepare_file(path)?;
    let mut connection = db::writing(path).connect().await.map_err(from_driver)?;
    schema::bring_up_to_date(&mut connection, path, schema::MIGRATIONS).await?;
    Ok(connection)
}

/// Makes changes until the queue is closed and empty, then closes the database.
async fn serve(
    mut connection: WriteConnection,
    mut inbox: mpsc::Receiver<Message>,
    raise: &watch::Sender<u64>,
) {
    let mut waiting_for_close = Vec::new();
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Change(first) => {
                let closing = transact(&mut connection, first, &mut inbox, raise).await;
                waiting_for_close.extend(closing);
            }
            Message::Close(closed) => waiting_for_close.push(closed),
        }
        if !waiting_for_close.is_empty() {
            inbox.close();
        }
    }
    if let Err(error) = connection.control(FOLD_LOG).await {
        // Nothing is lost: the log is read again at the next start.
        tracing::warn!(%error, "the database's log could not be folded into its file");
    }
    if let Err(error) = connection.connection.close().await {
        tracing::warn!(%error, "the database could not be closed cleanly");
    }
    for closed in waiting_for_close {
        let _ = closed.send(());
    }
}

/// One transaction: the first change and what is queued while it runs.
async fn transact(
    connection: &mut WriteConnection,
    first: Box<dyn Change>,
    inbox: &mut mpsc::Receiver<Message>,
    raise: &watch::Sender<u64>,
) -> Option<oneshot::Sender<()>> {
    let mut made = Vec::new();
    let mut closing = None;
    let kept = match run_together(connection, first, inbox, &mut made, &mut closing).await {
        Ok(touched) => connection.control(COMMIT).await.map(|()| touched),
        Err(error) => Err(error),
    };
    match &kept {
        Ok(true) => raise.send_modify(|number| *number += 1),
        Ok(false) => {}
        Err(error) => {
            tracing::error!(%error, changes = made.len(), "a transaction was not kept");
            // Fails where the database has rolled back by itself, and then there is nothing to do.
            let _ = connection.control(ROLLBACK).await;
        }
    }
    let kept = kept.map(|_| ());
    for change in made {
        change.answer(kept.clone());
    }
    closing
}

/// Runs changes side by side in savepoints; answers whether any that stands touched a row.
async fn run_together(
    connection: &mut WriteConnection,
    first: Box<dyn Change>,
    inbox: &mut mpsc::Receiver<Message>,
    made: &mut Vec<Box<dyn Change>>,
    closing: &mut Option<oneshot::Sender<()>>,
) -> Result<bool, StoreError> {
    if let Err(error) = connection.control(BEGIN).await {
        made.push(first);
        return Err(error);
    }
    let mut any_touched = false;
    let mut next = Some(first);
    while let Some(mut change) = next.take() {
        connection.touched = false;
        let verdict = change.run(connection).await;
        made.push(change);
        match verdict {
            Ok(()) => {
                any_touched |= connection.touched;
                connection.control(KEEP).await?;
            }
            // Where the savepoint is gone, the database has rolled back everything (it does so when the disk is
            // full), and this change's error is the reason for all.
            Err(error) => connection.control(UNDO).await.map_err(|_| error)?,
        }
        if made.len() < MOST_TOGETHER {
            match inbox.try_recv() {
                Ok(Message::Change(change)) => next = Some(change),
                Ok(Message::Close(closed)) => *closing = Some(closed),
                Err(_) => {}
            }
        }
    }
    Ok(any_touched)
}
