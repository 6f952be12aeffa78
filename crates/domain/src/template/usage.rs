//! The evidence of a template's use: what the jobs that were made from it came to.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{job::Status, time::Millis};

/// What one job says about the template version that it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The version.
    pub version: u32,
    /// Where the job is in its life.
    pub status: Status,
    /// When it was made.
    pub made: Millis,
    /// Milliseconds from then until its first attempt ran; none while it has not.
    pub waited_ms: Option<i64>,
    /// Milliseconds of running, summed over its attempts; none while it has not ended, and where it never ran.
    pub ran_ms: Option<i64>,
}

/// What many of them say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many jobs were made, deleted ones included.
    pub jobs: u64,
    /// How many of them succeeded.
    pub succeeded: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were stopped by somebody.
    pub stopped: u64,
    /// When the last was made.
    pub last_used: Option<Millis>,
    /// The median of their waiting, in milliseconds.
    pub median_wait_ms: Option<i64>,
    /// The median of their running, in milliseconds.
    pub median_run_ms: Option<i64>,
}

impl Usage {
    /// Sums up some uses.
    pub fn of<'u>(uses: impl IntoIterator<Item = &'u Use>) -> Self {
        let mut usage = Self::default();
        let (mut waits, mut runs) = (Vec::new(), Vec::new());
        for one in uses {
            usage.jobs += 1;
            match one.status {
                Status::Succeeded => usage.succeeded += 1,
                Status::Failed => usage.failed += 1,
                Status::Stopped => usage.stopped += 1,
                Status::Queued | Status::Starting | Status::Running | Status::Retrying | Status::Stopping => {}
            }
            usage.last_used = usage.last_used.max(Some(one.made));
            waits.extend(one.waited_ms);
            runs.extend(one.ran_ms);
        }
        usage.median_wait_ms = median(waits);
        usage.median_run_ms = median(runs);
        usage
    }

    /// The same for each version that was used.
    pub fn by_version(uses: &[Use]) -> BTreeMap<u32, Self> {
        let mut versions: BTreeMap<u32, Vec<&Use>> = BTreeMap::new();
        for one in uses {
            versions.entry(one.version).or_default().push(one);
        }
        versions.into_iter().map(|(version, uses)| (version, Self::of(uses))).collect()
    }

    /// The part of the jobs that ended by themselves which succeeded, from 0 to 1; none before the first has. Who stops
    /// a job says nothing about its template.
    pub fn success_rate(&self) -> Option<f64> {
        let ended = self.succeeded + self.failed;
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        (ended > 0).then(|| self.succeeded as f64 / ended as f64)
    }
}

/// The middle of some numbers; of an even count, the whole number at or below the mean of the middle two.
fn median(mut numbers: Vec<i64>) -> Option<i64> {
    numbers.sort_unstable();
    let upper = numbers.get(numbers.len() / 2)?;
    let lower = numbers.get((numbers.len() - 1) / 2)?;
    Some(lower + (upper - lower) / 2)
}
