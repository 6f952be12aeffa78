//! The time as it has been lived through: whoever sets the host's clock ahead by mistake shall not make yesterday's logs
//! look a year old.
//!
//! The wall clock is believed as long as it goes on from where it was. When it is suddenly more than a day ahead of that,
//! be it while the server runs or from one server to the next, the time goes on from where it was by the steady clock for
//! a day, so that a person has that long to set it right; then it is believed.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use trainyard_domain::time::Millis;

use crate::{clock::Clock, data_dir::write_private};

/// Where in the data directory the time is kept from one server to the next.
const FILE: &str = "last-seen";
const DAY_MS: Millis = 24 * 3600 * 1000;

/// What the clock has said so far.
#[derive(Debug)]
pub struct RetentionClock {
    file: PathBuf,
    last: Mutex<Option<Moment>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    /// What is believed.
    time: Millis,
    /// When that was by the steady clock.
    steady: Millis,
    /// Since when, by the steady clock, the wall clock is not believed.
    doubted: Option<Millis>,
}

impl RetentionClock {
    /// For a data directory.
    pub fn new(data_dir: &Path) -> Self {
        Self { file: data_dir.join(FILE), last: Mutex::default() }
    }

    /// The time that is believed now.
    pub(crate) fn now(&self, clock: &Clock) -> Millis {
        let (wall, steady) = (clock.now(), clock.steady());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.unwrap_or_else(|| Moment { time: self.earlier().unwrap_or(wall), steady, doubted: None });
        let now = before.next(wall, steady);
        *last = Some(now);
        if now.doubted.is_some() && before.doubted.is_none() {
            let days = (wall - now.time) / DAY_MS;
            tracing::warn!(
                "the host's clock is {days} days ahead of where it was; if it is wrong, set it right: in a day of running \
                 it is believed, and the logs go that are then older than the retention"
            );
        }
        if let Err(error) = write_private(&self.file, &now.time.to_string()) {
            tracing::warn!("{}: {error}", self.file.display());
        }
        now.time
    }

    /// What the server before this one believed last; `None` where nobody knows.
    fn earlier(&self) -> Option<Millis> {
        match fs::read_to_string(&self.file) {
            Ok(text) => text.trim().parse().ok(),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!("{}: {error}", self.file.display());
                }
                None
            }
        }
    }
}

impl Moment {
    fn next(self, wall: Millis, steady: Millis) -> Self {
        let lived = self.time.saturating_add(steady.saturating_sub(self.steady));
        if wall.saturating_sub(lived) <= DAY_MS {
            return Self { time: wall, steady, doubted: None };
        }
        let since = self.doubted.unwrap_or(steady);
        let is_believed = steady.saturating_sub(since) >= DAY_MS;
        Self { time: if is_believed { wall } else { lived }, steady, doubted: (!is_believed).then_some(since) }
    }
}
