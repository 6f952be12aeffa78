//! Looking for a text in a log: a page of the lines that hold it.
//!
//! Few look at once, each for so long at the most, and whoever hangs up has their search ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use trainyard_engine::log::{
    LogFile, place,
    search::{Hit, search},
};
use trainyard_store::{Page, PageRequest};

use super::LogPlace;
use crate::{App, failure::Failure};

/// How long one search may take.
const LONGEST: Duration = Duration::from_secs(30);

/// Says to the search that nobody waits for it any more.
struct HangUp(Arc<AtomicBool>);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl LogPlace {
    /// A page of the lines that hold this text, from an offset on to where the log ends now.
    ///
    /// # Errors
    /// `Unavailable` where it takes too long; where the file cannot be read.
    pub async fn search(&self, app: &App, text: String, offset: i64, page: PageRequest) -> Result<Page<Hit>, Failure> {
        let hung_up = HangUp(Arc::default());
        let (path, given_up) = (self.path.clone(), Arc::clone(&hung_up.0));
        let first = u64::from(page.number - 1).saturating_mul(page.size.into());
        let wanted = first..first.saturating_add(page.size.into());
        let look = move || {
            let Some(log) = LogFile::open(&path)? else { return Ok(Some(Page { records: Vec::new(), total: 0 })) };
            let (size, begun) = (log.size()?, Instant::now());
            let (mut records, mut total) = (Vec::new(), 0_u64);
            let go_on = || !given_up.load(Ordering::Relaxed) && begun.elapsed() < LONGEST;
            let is_done = search(&log, place(offset, size), size, text.as_bytes(), go_on, |hit| {
                if wanted.contains(&total) {
                    records.push(hit());
                }
                total += 1;
            });
            Ok(is_done?.then_some(Page { records, total }))
        };
        let found = app.logs.searching(&self.path, look).await?;
        drop(hung_up);
        found.ok_or_else(|| {
            let seconds = LONGEST.as_secs();
            Failure::Unavailable(format!(
                "the log is long and was not looked through within {seconds} s; look through a part of it with offset"
            ))
        })
    }
}
