//! Watching the workers: their lines as they come, and below them a bar over the epochs where a person looks on.

use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::checks::{self, Findings};
use crate::{exit::Failure, job::follow::FollowUpdate, lines::Lines, out, table};

/// Shows what the workers write and keeps what the demo checks at its end.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    with_bar: bool,
    lines: BTreeMap<u32, Lines>,
    findings: Findings,
}

impl Progress {
    /// The bar comes with the first epoch, and only where a person looks on; else the lines stand alone.
    pub(super) fn new() -> Self {
        Self {
            bar: ProgressBar::hidden(),
            with_bar: out::is_terminal(),
            lines: BTreeMap::new(),
            findings: Findings::default(),
        }
    }

    /// Tells news.
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
        // The ranks are not in step: the bar never goes back.
        self.bar.set_position(epoch.max(self.bar.position()));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// What was found in the lines.
    pub(super) fn into_findings(self) -> Findings {
        self.findings
    }
}
