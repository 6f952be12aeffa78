//! Printing the updates of a followed job: text of workers on standard output, changes of the job on standard error.

use std::collections::BTreeMap;

use super::follow::{FollowOptions, FollowUpdate, Ranks};
use crate::{exit::Failure, lines::TimedLines, out, table};

/// Prints updates. The text of a single worker without times is printed as it arrives. With several workers or with
/// times, whole lines are printed after their rank and time.
#[derive(Debug)]
pub(super) struct LogOutput {
    options: FollowOptions,
    lines: BTreeMap<u32, TimedLines>,
}

impl LogOutput {
    pub(super) fn new(options: FollowOptions) -> Self {
        Self { options, lines: BTreeMap::new() }
    }

    pub(super) fn print(&mut self, update: FollowUpdate) -> Result<(), Failure> {
        match update {
            FollowUpdate::Event(event) => {
                out::note(&format!("-- {}: {}", event.kind, table::safe(&event.message)));
                Ok(())
            }
            FollowUpdate::Log { text, .. }
                if self.options == FollowOptions::plain(self.options.ranks) && self.options.ranks != Ranks::All =>
            {
                out::bytes(text.as_bytes())
            }
            FollowUpdate::Log { rank, text, times } => {
                let lines = self.lines.entry(rank).or_default().take(&text, &times);
                self.print_lines(rank, lines)
            }
            FollowUpdate::LogEnd { rank } => {
                let rest = self.lines.remove(&rank).and_then(|mut lines| lines.rest());
                self.print_lines(rank, rest)
            }
        }
    }

    fn print_lines(&self, rank: u32, lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
        let prefix = line_prefix(self.options.ranks, rank);
        lines.into_iter().try_for_each(|line| out::line(&format!("{prefix}{line}")))
    }
}

/// The prefix that names the worker of a line; empty if only one worker is shown.
pub(super) fn line_prefix(ranks: Ranks, rank: u32) -> String {
    match ranks {
        Ranks::All => format!("[rank {rank}] "),
        Ranks::One(_) => String::new(),
    }
}
