//! Deletes the folders of deleted jobs, each for a short time in turn. So a huge folder delays no other, and a folder that
//! cannot be deleted is tried again later.
//!
//! The folders on the disk are the truth: a pass that does not happen changes nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use trainyard_engine::{Deletion, EngineError, LocalHost};

use crate::App;

/// How long one folder is deleted before the next one gets its turn.
const SLICE: Duration = Duration::from_secs(1);

/// One turn for each folder that is due. Returns whether another pass has something to do at once.
pub async fn pass(app: &App) -> bool {
    // Engines with one data directory name the same folders.
    let mut folders: BTreeMap<PathBuf, &dyn LocalHost> = BTreeMap::new();
    for host in app.centres.engines().filter_map(|engine| engine.local()) {
        match host.deleted_folders().await {
            Ok(found) => folders.extend(found.into_iter().map(|folder| (folder, host))),
            Err(error) => tracing::warn!("{error}"),
        }
    }
    app.blocked_folders.keep(&folders.keys().collect());
    let mut has_more = false;
    for (folder, host) in folders {
        if !app.blocked_folders.is_due(&folder, app.clock.steady()) {
            continue;
        }
        let answer = tokio::select! {
            () = app.stop.cancelled() => return false,
            answer = host.delete_folder(&folder, SLICE) => answer,
        };
        has_more |= note(app, &folder, answer);
    }
    has_more
}

/// Takes note of an answer; returns whether the folder needs another turn at once.
fn note(app: &App, folder: &Path, answer: Result<Deletion, EngineError>) -> bool {
    let reason = match answer {
        Ok(Deletion::Done) => {
            if app.blocked_folders.remove(folder) {
                tracing::info!("{} is deleted now", folder.display());
            }
            return false;
        }
        Ok(Deletion::Unfinished) => return true,
        Ok(Deletion::Blocked(reason)) => reason,
        Err(error) => error.to_string(),
    };
    if app.blocked_folders.block(folder, &reason, &app.clock) {
        let folder = folder.display();
        tracing::warn!("{folder} of a deleted job cannot be deleted completely; the server tries again: {reason}");
    }
    false
}
