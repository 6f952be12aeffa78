//! Showing the training: the lines of the workers as they arrive and, in a terminal, a progress bar of the epochs.

use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::checks::{self, Findings};
use crate::{exit::Failure, job::follow::FollowUpdate, lines::Lines, out, table};

/// Shows the updates of the job and collects the values that the demo checks at its end.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    with_bar: bool,
    lines: BTreeMap<u32, Lines>,
    findings: Findings,
}

impl Progress {
    /// Shows no bar until the first epoch, and none at all if standard output is not a terminal.
    pub(super) fn new() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            with_bar: out::is_terminal(),
            lines: BTreeMap::new(),
            findings: Findings::default(),
        }
    }

    /// Shows one update.
    pub(super) fn show(&mut self, update: FollowUpdate) -> Result<(), Failure> {
        match update {
            FollowUpdate::Event(event) => {
                let text = format!("    {}: {}", event.kind, table::safe(&event.message));
                self.bar.suspend(|| out::line(&text))
            }
            FollowUpdate::Log { rank, text, times: _ } => {
                let lines = self.lines.entry(rank).or_default().take(text.as_bytes());
                lines.iter().try_for_each(|line| self.show_line(rank, line))
            }
            FollowUpdate::LogEnd { rank } => {
                let rest = self.lines.remove(&rank).and_then(|mut lines| lines.rest());
                rest.iter().try_for_each(|line| self.show_line(rank, line))
            }
        }
    }

    fn show_line(&mut self, rank: u32, line: &str) -> Result<(), Failure> {
        self.findings.read(line);
        if let Some((epoch, of)) = checks::epoch(line) {
            self.show_epoch(epoch, of);
        }
        self.bar.suspend(|| out::line(&format!("[rank {rank}] {}", table::safe(line))))
    }

    fn show_epoch(&self, epoch: u64, of: u64) {
        if self.bar.length() != Some(of) {
            self.bar.set_length(of);
            if let Ok(style) = ProgressStyle::with_template("epoch {pos}/{len} [{bar:40}] {elapsed}") {
                self.bar.set_style(style.progress_chars("=> "));
            }
            if self.with_bar {
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
        }
        // The ranks reach an epoch at different times. The bar must not go back.
        self.bar.set_position(epoch.max(self.bar.position()));
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// The values found in the lines of all workers.
    pub(super) fn into_findings(self) -> Findings {
        self.findings
    }
}
