//! Usage of a template: how many jobs were created from it, how they ended, and how long they waited and ran.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    job::Status,
    time::{Span, WallTime},
};

/// One job that was created from a template version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The template version, from 1.
    pub version: u32,
    /// The state of the job.
    pub status: Status,
    /// When the job was created.
    pub made: WallTime,
    /// Time from `made` until the first attempt ran; `None` before that.
    pub waited: Option<Span>,
    /// Running time, summed over the attempts; `None` until the job has ended, and if the job never ran.
    pub ran: Option<Span>,
}

/// The usage of a template or of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Jobs created, including deleted ones.
    pub jobs: u64,
    /// Jobs that succeeded.
    pub succeeded: u64,
    /// Jobs that failed.
    pub failed: u64,
    /// Jobs that a user stopped.
    pub stopped: u64,
    /// When the last job was created.
    pub last_used: Option<WallTime>,
    /// The median time before the first attempt ran.
    pub median_wait: Option<Span>,
    /// The median running time.
    pub median_run: Option<Span>,
}

impl Usage {
    /// The usage that these jobs add up to.
    pub fn of<'u>(uses: impl IntoIterator<Item = &'u Use>) -> Self {
        let mut usage = Self::default();
        let (mut waits, mut runs) = (Vec::new(), Vec::new());
        for one in uses {
            usage.jobs += 1;
            match one.status {
                Status::Succeeded => usage.succeeded += 1,
                Status::Failed => usage.failed += 1,
                Status::Stopped => usage.stopped += 1,
                Status::Queued
                | Status::Pending
                | Status::Starting
                | Status::Running
                | Status::Retrying
                | Status::Stopping => {}
            }
            usage.last_used = usage.last_used.max(Some(one.made));
            waits.extend(one.waited);
            runs.extend(one.ran);
        }
        usage.median_wait = median(waits);
        usage.median_run = median(runs);
        usage
    }

    /// The usage of each version from which jobs were created.
    pub fn by_version(uses: &[Use]) -> BTreeMap<u32, Self> {
        let mut versions: BTreeMap<u32, Vec<&Use>> = BTreeMap::new();
        for one in uses {
            versions.entry(one.version).or_default().push(one);
        }
        versions.into_iter().map(|(version, uses)| (version, Self::of(uses))).collect()
    }

    /// Succeeded jobs divided by succeeded and failed jobs, from 0 to 1; `None` before the first of them.
    ///
    /// A stopped job does not count: a stop says nothing about the template.
    pub fn success_rate(&self) -> Option<f64> {
        let ended = self.succeeded + self.failed;
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
        (ended > 0).then(|| self.succeeded as f64 / ended as f64)
    }
}

/// The median; of an even number of values the mean of the middle two, rounded down to a millisecond.
fn median(mut lengths: Vec<Span>) -> Option<Span> {
    lengths.sort_unstable();
    let upper = *lengths.get(lengths.len() / 2)?;
    let lower = *lengths.get((lengths.len() - 1) / 2)?;
    Some(lower + Span::from_ms((upper - lower).as_ms() / 2))
}
