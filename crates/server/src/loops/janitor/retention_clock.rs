//! A clock for retention that ignores jumps of the host's clock, so that a wrong date cannot delete logs.
//!
//! The clock follows the wall clock as long as that continues from its last value. When the wall clock jumps ahead by more
//! than a day, while the server runs or between two servers, the retention clock continues by the steady clock for one
//! day. A person has that day to correct the date; then the wall clock is trusted again.

#[cfg(test)]
mod tests;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use trainyard_domain::time::{Span, SteadyTime, WallTime};

use crate::{clock::Clock, data_dir::write_private};

/// The file in the data directory that hands the time from one server to the next.
const FILE: &str = "last-seen";
const DAY: Span = Span::from_days(1);

/// The clock of one data directory.
#[derive(Debug)]
pub(super) struct RetentionClock {
    file: PathBuf,
    last: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    /// The time of the retention clock.
    time: WallTime,
    /// The steady clock at that moment.
    steady: SteadyTime,
    /// Since when, by the steady clock, the wall clock is not trusted; `None` while it is.
    doubted: Option<SteadyTime>,
}

impl RetentionClock {
    /// The clock of a data directory, which continues from the time that the last server saved there.
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { file: data_dir.join(FILE), last: None }
    }

    /// The time now. It is saved for the next server.
    pub(super) fn now(&mut self, clock: &Clock) -> WallTime {
        let (wall, steady) = (clock.now(), clock.steady());
        let before =
            self.last.unwrap_or_else(|| Moment { time: self.earlier().unwrap_or(wall), steady, doubted: None });
        let now = before.next(wall, steady);
        self.last = Some(now);
        if now.doubted.is_some() && before.doubted.is_none() {
            let days = (wall - now.time).as_seconds() / (24 * 3600);
            tracing::warn!(
                "the host's clock jumped ahead by {days} days; if that is wrong, correct it now: after one day of running \
                 the server trusts it and deletes the logs that are then older than the retention time"
            );
        }
        if let Err(error) = write_private(&self.file, &now.time.as_ms().to_string()) {
            tracing::warn!("{}: {error}", self.file.display());
        }
        now.time
    }

    /// The time that the server before this one saved; `None` without a readable one.
    fn earlier(&self) -> Option<WallTime> {
        match fs::read_to_string(&self.file) {
            Ok(text) => text.trim().parse().ok().map(WallTime::from_ms),
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
    fn next(self, wall: WallTime, steady: SteadyTime) -> Self {
        let continued = self.time + (steady - self.steady);
        if wall - continued <= DAY {
            return Self { time: wall, steady, doubted: None };
        }
        let since = self.doubted.unwrap_or(steady);
        let is_trusted = steady - since >= DAY;
        Self { time: if is_trusted { wall } else { continued }, steady, doubted: (!is_trusted).then_some(since) }
    }
}
