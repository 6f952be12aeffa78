//! How the news of a followed job look: the workers' text on standard output, the job's changes on standard error.

use std::collections::BTreeMap;

use super::{
    follow::{FollowUpdate, Ranks, Wish},
    stamps::Stamps,
};
use crate::{exit::Failure, out, table};

/// Prints news; of several workers whole lines with their rank, with times whole lines too, else of one its text as it
/// comes.
#[derive(Debug)]
pub(super) struct Printer {
    wish: Wish,
    lines: BTreeMap<u32, Stamps>,
}

impl Printer {
    pub(super) fn new(wish: Wish) -> Self {
        Self { wish, lines: BTreeMap::new() }
    }

    pub(super) fn print(&mut self, news: FollowUpdate) -> Result<(), Failure> {
        match news {
            FollowUpdate::Event(event) => {
                out::note(&format!("-- {}: {}", event.kind, table::safe(&event.message)));
                Ok(())
            }
            FollowUpdate::Log { text, .. }
                if self.wish == Wish::plain(self.wish.ranks) && self.wish.ranks != Ranks::All =>
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
        let label = label(self.wish.ranks, rank);
        lines.into_iter().try_for_each(|line| out::line(&format!("{label}{line}")))
    }
}

/// What stands before a line so that it can be told from those of other workers.
pub(super) fn label(ranks: Ranks, rank: u32) -> String {
    match ranks {
        Ranks::All => format!("[rank {rank}] "),
        Ranks::One(_) => String::new(),
    }
}
