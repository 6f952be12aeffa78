//! Whole lines with the times at which they were printed.

#[cfg(test)]
mod tests;

use trainyard_api::log::LogTime;

use crate::{lines::Lines, times};

/// Holds back what is not a whole line yet, with its time.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    lines: Lines,
    /// When the line that is held back began.
    time_ms: Option<i64>,
    in_line: bool,
}

impl Stamps {
    /// The lines that are complete with this text, each with its time before it. The times are told by the number of line
    /// ends before a line; of a line that was written over, the last text counts.
    pub(super) fn take(&mut self, text: &str, times: &[LogTime]) -> Vec<String> {
        let mut next = times.iter().peekable();
        let mut current = None;
        let mut stamped = Vec::new();
        for (number, part) in (0_u64..).zip(text.split_inclusive(['\n', '\r'])) {
            while let Some(told) = next.next_if(|told| told.line <= number) {
                current = Some(told.time_ms);
            }
            if !self.in_line {
                self.time_ms = current;
            }
            self.in_line = !part.ends_with(['\n', '\r']);
            stamped.extend(self.lines.take(part.as_bytes()).into_iter().map(|line| with_time(self.time_ms, &line)));
        }
        stamped
    }

    /// What was held back, as a last line.
    pub(super) fn rest(&mut self) -> Option<String> {
        self.lines.rest().map(|line| with_time(self.time_ms, &line))
    }
}

fn with_time(time_ms: Option<i64>, line: &str) -> String {
    match time_ms {
        Some(_) => format!("{} {line}", times::local_exact(time_ms)),
        None => line.to_owned(),
    }
}
