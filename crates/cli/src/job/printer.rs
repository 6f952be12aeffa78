//! How the news of a followed job look: the workers' text on standard output, the job's changes on standard error.

use std::collections::BTreeMap;

use super::follow::{News, Ranks};
use crate::exit::Failure;
use crate::lines::Lines;
use crate::{out, table};

/// Prints news; of several workers whole lines with their rank, of one its text as it comes.
#[derive(Debug)]
pub(super) struct Printer {
    ranks: Ranks,
    lines: BTreeMap<u32, Lines>,
}

impl Printer {
    pub(super) fn new(ranks: Ranks) -> Self {
        Self { ranks, lines: BTreeMap::new() }
    }

    pub(super) fn print(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Event(event) => {
                out::note(&format!("-- {}: {}", event.kind, table::safe(&event.message)));
                Ok(())
            }
            News::Log { text, .. } if self.ranks != Ranks::All => out::bytes(text.as_bytes()),
            News::Log { rank, text } => print_lines(rank, self.lines.entry(rank).or_default().take(text.as_bytes())),
            News::LogEnd { rank } => print_lines(rank, self.lines.remove(&rank).and_then(|mut lines| lines.rest())),
        }
    }
}

fn print_lines(rank: u32, lines: impl IntoIterator<Item = String>) -> Result<(), Failure> {
    lines.into_iter().try_for_each(|line| out::line(&format!("[rank {rank}] {line}")))
}
