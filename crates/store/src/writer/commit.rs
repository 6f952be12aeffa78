//! Group commit: one thread owns the writing connection and runs queued changes in shared transactions.
//!
//! Each change runs in a savepoint, so a change that fails is undone alone. The writer answers all of them when the commit
//! is on the disk, or with an error when it cannot be, and then keeps nothing of them. The thread is the writer's own and
//! not a task of the caller's runtime: a runtime that shuts down drops its tasks at any point, but this thread must finish
//! its transaction. It also spares the changes from having to be `Send` while they run.

use std::path::Path;

use tokio::sync::{mpsc, oneshot};

use super::{Change, Committed, Message, WriteConnection};
use crate::{
    db,
    error::StoreError,
    reserve::Reserve,
    schema,
    sql::{Sql, sql},
};

/// The maximum number of changes in one transaction: enough to share a sync between many, few enough that the first of
/// them waits only for milliseconds.
const MOST_TOGETHER: usize = 64;

const BEGIN: Sql = sql!("BEGIN IMMEDIATE");
const SAVEPOINT: Sql = sql!("SAVEPOINT change");
/// Also needed after an undo, which leaves the savepoint itself open.
const KEEP: Sql = sql!("RELEASE SAVEPOINT change");
const UNDO: Sql = sql!("ROLLBACK TO SAVEPOINT change");
const COMMIT: Sql = sql!("COMMIT");
const ROLLBACK: Sql = sql!("ROLLBACK");
/// Moves the pages of the log into the file, which has its new length only then.
const EXTEND_FILE: Sql = sql!("PRAGMA wal_checkpoint(PASSIVE)");
const EMPTY_LOG: Sql = sql!("PRAGMA wal_checkpoint(TRUNCATE)");

/// The body of the writing thread.
pub(super) fn run<N: Send + 'static>(
    path: &Path,
    inbox: mpsc::Receiver<Message<N>>,
    prepare: impl FnOnce(&mut WriteConnection<N>) -> Result<(), StoreError>,
    after_commit: impl FnMut(Committed<N>),
    opened: oneshot::Sender<Result<(), StoreError>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = format!("no runtime for the writer: {error}");
            let _ = opened.send(Err(StoreError::Unavailable(error)));
            return;
        }
    };
    match open(path).and_then(|mut connection| prepare(&mut connection).map(|()| connection)) {
        Ok(connection) => {
            let _ = opened.send(Ok(()));
            let thread = Thread { connection, reserve: reserve(path), is_file_short: false, inbox, after_commit };
            runtime.block_on(thread.serve());
        }
        Err(error) => {
            let _ = opened.send(Err(error));
        }
    }
}

fn open<N>(path: &Path) -> Result<WriteConnection<N>, StoreError> {
    db::prepare_file(path)?;
    let connection = WriteConnection::open(path)?;
    schema::bring_up_to_date(&connection.connection, path, schema::MIGRATIONS)?;
    Ok(connection)
}

/// The space that stays usable on a full disk. Without this reserve everything works until the disk is full.
fn reserve(path: &Path) -> Option<Reserve> {
    let reserve = Reserve::open(path);
    reserve.inspect_err(|error| tracing::warn!(%error, "cannot reserve disk space for the database")).ok()
}

struct Thread<N, H> {
    connection: WriteConnection<N>,
    reserve: Option<Reserve>,
    /// Whether the log still has pages of the reserve that belong beyond the present end of the file.
    is_file_short: bool,
    inbox: mpsc::Receiver<Message<N>>,
    after_commit: H,
}

impl<N, H: FnMut(Committed<N>)> Thread<N, H> {
    /// Runs changes until the queue is closed and empty, then closes the database.
    async fn serve(mut self) {
        let mut waiting_for_close = Vec::new();
        if let Some(reserve) = &self.reserve
            && let Err(error) = self.connection.checkpoint_from(reserve.log_pages())
        {
            tracing::warn!(%error, "cannot limit the size of the database's log");
        }
        self.renew_reserve();
        while let Some(message) = self.inbox.recv().await {
            match message {
                Message::Change(first) => {
                    let closing = self.transact(first).await;
                    waiting_for_close.extend(closing);
                    self.renew_reserve();
                }
                Message::Close(closed) => waiting_for_close.push(closed),
            }
            if !waiting_for_close.is_empty() {
                self.inbox.close();
            }
        }
        let connection = self.connection.connection;
        if let Err(error) = connection.control(EMPTY_LOG) {
            // Nothing is lost: the next start reads the log again.
            tracing::warn!(%error, "cannot move the database's log into its file");
        }
        if let Err(error) = connection.close() {
            tracing::warn!(%error, "cannot close the database cleanly");
        }
        for closed in waiting_for_close {
            let _ = closed.send(());
        }
    }

    /// Takes the reserved space that is not taken yet.
    fn renew_reserve(&mut self) {
        let Some(reserve) = &mut self.reserve else { return };
        let missing = self.connection.free_pages().map_or(0, |free| reserve.missing_pages(free));
        if missing > 0 {
            match self.connection.add_free_pages(missing) {
                Ok(()) => self.is_file_short = true,
                Err(error) => tracing::warn!(%error, "cannot add free pages to the database"),
            }
        }
        if self.is_file_short {
            // A read that still uses older pages keeps the log from being moved; then the next change tries again.
            let moved = self.connection.connection.control(EXTEND_FILE).and_then(|()| self.connection.pages());
            match moved {
                Ok(pages) => self.is_file_short = reserve.file_pages() < pages,
                Err(error) => tracing::warn!(%error, "cannot move free pages from the log into the database"),
            }
        }
        reserve.renew();
    }

    /// Runs one transaction: the first change and those that are queued meanwhile.
    async fn transact(&mut self, first: Box<dyn Change<N>>) -> Option<oneshot::Sender<()>> {
        let mut done = Vec::new();
        let mut closing = None;
        let ran = self.run_together(first, &mut done, &mut closing).await;
        let committed = ran.and_then(|changed_rows| self.connection.connection.control(COMMIT).map(|()| changed_rows));
        let notes = std::mem::take(&mut self.connection.notes);
        let answer = match committed {
            Ok(changed_rows) => {
                (self.after_commit)(Committed { notes, changed_rows });
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, changes = done.len(), "a transaction was not committed");
                // Fails if the database has rolled back by itself; then there is nothing to do.
                let _ = self.connection.connection.control(ROLLBACK);
                Err(error)
            }
        };
        for change in done {
            change.answer(answer.clone());
        }
        closing
    }

    /// Runs changes one after the other in savepoints; returns whether those that succeeded changed any row.
    async fn run_together(
        &mut self,
        first: Box<dyn Change<N>>,
        done: &mut Vec<Box<dyn Change<N>>>,
        closing: &mut Option<oneshot::Sender<()>>,
    ) -> Result<bool, StoreError> {
        let on = &mut self.connection;
        if let Err(error) = on.connection.control(BEGIN) {
            done.push(first);
            return Err(error);
        }
        let mut any_changed = false;
        let mut next = Some(first);
        while let Some(mut change) = next.take() {
            on.changed_rows = false;
            if let Err(error) = on.connection.control(SAVEPOINT) {
                done.push(change);
                return Err(error);
            }
            let notes_before = on.notes.len();
            let verdict = change.run(on).await;
            done.push(change);
            match verdict {
                Ok(()) => {
                    any_changed |= on.changed_rows;
                    on.connection.control(KEEP)?;
                }
                // If the savepoint is gone, the database has rolled back everything (it does so when the disk is full),
                // and this change's error is the reason for all.
                Err(error) => {
                    on.notes.truncate(notes_before);
                    let undone = on.connection.control(UNDO).and_then(|()| on.connection.control(KEEP));
                    undone.map_err(|_| error)?;
                }
            }
            if done.len() < MOST_TOGETHER {
                match self.inbox.try_recv() {
                    Ok(Message::Change(change)) => next = Some(change),
                    Ok(Message::Close(closed)) => *closing = Some(closed),
                    Err(_) => {}
                }
            }
        }
        Ok(any_changed)
    }
}
