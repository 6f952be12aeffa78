//! Searching a log for a text: a page of the lines that contain it.
//!
//! Few searches run at once, by turns, each for a limited time. A search ends when its caller hangs up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use trainyard_engine::log::{
    resolve_offset,
    search::{Hit, search},
};
use trainyard_store::{Page, PageRequest};

use super::WorkerLog;
use crate::failure::Failure;

/// How long one search may take.
const LONGEST: Duration = Duration::from_secs(30);

/// Tells the search that its caller is gone.
struct HangUp(Arc<AtomicBool>);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl WorkerLog {
    /// A page of the lines that contain this text, from an offset to the end of the log now.
    ///
    /// Errors: `TooMany` if the user has too many searches in progress; `Unavailable` if the search takes too long; those of
    /// reading the log.
    pub async fn search(&self, user: &str, text: String, offset: i64, page: PageRequest) -> Result<Page<Hit>, Failure> {
        let mut turn = self.logs.begin_search(user)?;
        let hang_up = HangUp(Arc::default());
        let (source, is_gone) = (Arc::clone(&self.source), Arc::clone(&hang_up.0));
        let first = u64::from(page.number - 1).saturating_mul(page.size.into());
        let on_page = first..first.saturating_add(page.size.into());
        let work = move || {
            let Some(log) = source.open()? else { return Ok(Some(Page { records: Vec::new(), total: 0 })) };
            let size = log.size()?;
            let (mut records, mut total) = (Vec::new(), 0_u64);
            let go_on = || turn.go_on(LONGEST, || is_gone.load(Ordering::Relaxed));
            let from = resolve_offset(offset, size);
            let is_done = search(log.as_ref(), from, size, text.as_bytes(), go_on, |hit| {
                if on_page.contains(&total) {
                    records.push(hit());
                }
                total += 1;
            });
            Ok(is_done?.then_some(Page { records, total }))
        };
        let found = self.logs.search(self.source.as_ref(), work).await?;
        drop(hang_up);
        found.ok_or_else(|| {
            let seconds = LONGEST.as_secs();
            Failure::Unavailable(format!(
                "the search did not finish within {seconds} s: the log is too long; search a part of it with offset"
            ))
        })
    }
}
