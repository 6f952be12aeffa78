//! Group commit: one thread owns the writing connection and makes what is queued in shared transactions.
//!
//! Each change runs in a savepoint, so one that fails is undone alone; all are answered only when the commit is on
//! the disk, or with an error when it cannot be, and then nothing of them is kept. The thread is the writer's own and
//! no task of the caller's runtime: a runtime that shuts down drops its tasks wherever they stand, and this one must
//! come to the end of its transaction. It also spares the changes from having to be `Send` while they run.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Change, Message, WriteConnection};
use crate::{
    db,
    error::{StoreError, from_driver},
    reserve::Held,
    schema,
    template_index::TemplateIndex,
};

/// The most changes in one transaction: enough to share a sync between many, few enough to keep the first waiting
/// only for milliseconds.
const MOST_TOGETHER: usize = 64;

const BEGIN: &str = "BEGIN IMMEDIATE";
const SAVEPOINT: &str = "SAVEPOINT change";
/// Also after what was made since the savepoint is undone: the savepoint itself outlives that.
const KEEP: &str = "RELEASE SAVEPOINT change";
const UNDO: &str = "ROLLBACK TO SAVEPOINT change";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
/// Only then the file has the pages that the log says it has.
const EXTEND: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const FOLD_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// The life of the thread.
pub(super) fn live(
    path: PathBuf,
    inbox: mpsc::Receiver<Message>,
    raise: watch::Sender<u64>,
    template_index: Arc<TemplateIndex>,
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
    runtime.block_on(async {
        match open(&path, &template_index).await {
            Ok(connection) => {
                let _ = opened.send(Ok(()));
                serve(connection, held(&path), inbox, &raise, &template_index).await;
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        }
    });
}

async fn open(path: &Path, template_index: &TemplateIndex) -> Result<WriteConnection, StoreError> {
    db::prepare_file(path)?;
    let mut connection = db::changing_the_schema(path).connect().await.map_err(from_driver)?;
    schema::bring_up_to_date(&mut connection, path, schema::MIGRATIONS).await?;
    connection.close().await.map_err(from_driver)?;
    let mut connection = WriteConnection::open(path)?;
    template_index.load(&mut connection).await?;
    Ok(connection)
}

/// What a full disk leaves of it; without, all is as well until the disk is full.
fn held(path: &Path) -> Option<Held> {
    let held = Held::open(path);
    held.inspect_err(|error| tracing::warn!(%error, "no room can be held for the database")).ok()
}

/// Takes what is not held yet.
fn hold(held: &mut Held, connection: &mut WriteConnection) {
    let missing = connection.free_pages().map_or(0, |free| held.missing_pages(free));
    if missing > 0
        && let Err(error) = connection.add_free_pages(missing).and_then(|()| connection.control(EXTEND))
    {
        tracing::warn!(%error, "no free pages could be added to the database");
    }
    held.renew();
}

/// Makes changes until the queue is closed and empty, then closes the database.
async fn serve(
    mut connection: WriteConnection,
    mut held: Option<Held>,
    mut inbox: mpsc::Receiver<Message>,
    raise: &watch::Sender<u64>,
    template_index: &TemplateIndex,
) {
    let mut waiting_for_close = Vec::new();
    if let Some(held) = &mut held {
        if let Err(error) = connection.fold_log_from(held.log_pages()) {
            tracing::warn!(%error, "the size of the database's log could not be set");
        }
        hold(held, &mut connection);
    }
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Change(first) => {
                let closing = transact(&mut connection, first, &mut inbox, raise, template_index).await;
                waiting_for_close.extend(closing);
                held.iter_mut().for_each(|held| hold(held, &mut connection));
            }
            Message::Close(closed) => waiting_for_close.push(closed),
        }
        if !waiting_for_close.is_empty() {
            inbox.close();
        }
    }
    if let Err(error) = connection.control(FOLD_LOG) {
        // Nothing is lost: the log is read again at the next start.
        tracing::warn!(%error, "the database's log could not be folded into its file");
    }
    if let Err(error) = connection.close() {
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
    template_index: &TemplateIndex,
) -> Option<oneshot::Sender<()>> {
    let mut made = Vec::new();
    let mut closing = None;
    let kept = match run_together(connection, first, inbox, &mut made, &mut closing).await {
        Ok(touched) => connection.control(COMMIT).map(|()| touched),
        Err(error) => Err(error),
    };
    let news = std::mem::take(&mut connection.news);
    if kept.is_ok() {
        template_index.hear(news);
    }
    match &kept {
        Ok(true) => raise.send_modify(|number| *number += 1),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(%error, changes = made.len(), "a transaction was not kept");
            // Fails where the database has rolled back by itself, and then there is nothing to do.
            let _ = connection.control(ROLLBACK);
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
    if let Err(error) = connection.control(BEGIN) {
        made.push(first);
        return Err(error);
    }
    let mut any_touched = false;
    let mut next = Some(first);
    while let Some(mut change) = next.take() {
        connection.touched = false;
        if let Err(error) = connection.control(SAVEPOINT) {
            made.push(change);
            return Err(error);
        }
        let told = connection.news.len();
        let verdict = change.run(connection).await;
        made.push(change);
        match verdict {
            Ok(()) => {
                any_touched |= connection.touched;
                connection.control(KEEP)?;
            }
            // Where the savepoint is gone, the database has rolled back everything (it does so when the disk is
            // full), and this change's error is the reason for all.
            Err(error) => {
                connection.news.truncate(told);
                connection.control(UNDO).and_then(|()| connection.control(KEEP)).map_err(|_| error)?;
            }
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
