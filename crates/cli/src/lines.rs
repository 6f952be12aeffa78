//! Whole lines from text that comes in pieces of any size, with or without the times at which they were printed.

#[cfg(test)]
mod tests;

use trainyard_api::log::LogTime;

use crate::times;

/// Holds back what is not a whole line yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    held: Vec<u8>,
}

impl Lines {
    /// The lines that are complete with this piece, without their ends.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<String> {
        self.held.extend_from_slice(piece);
        let Some(end) = self.held.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.held.split_off(end + 1);
        let whole = std::mem::replace(&mut self.held, rest);
        whole.strip_suffix(b"\n").unwrap_or(&whole).split(|byte| *byte == b'\n').map(text).collect()
    }

    /// What was held back, as a last line.
    pub(crate) fn rest(&mut self) -> Option<String> {
        let held = std::mem::take(&mut self.held);
        (!held.is_empty()).then(|| text(&held))
    }
}

/// Of a line that was written over with carriage returns, a terminal shows the last text.
fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let shown = line.rsplit(|byte| *byte == b'\r').next().unwrap_or(line);
    String::from_utf8_lossy(shown).into_owned()
}

/// Holds back what is not a whole line yet, with its time.
#[derive(Debug, Default)]
pub(crate) struct TimedLines {
    lines: Lines,
    /// When the line that is held back began.
    time_ms: Option<i64>,
    in_line: bool,
}

impl TimedLines {
    /// The lines that are complete with this text, each with its time before it. The times are told by the number of line
    /// ends before a line; of a line that was written over, the last text counts.
    pub(crate) fn take(&mut self, text: &str, times: &[LogTime]) -> Vec<String> {
        let mut next = times.iter().peekable();
        let mut current = None;
        let mut timed = Vec::new();
        for (number, part) in (0_u64..).zip(text.split_inclusive(['\n', '\r'])) {
            while let Some(told) = next.next_if(|told| told.line <= number) {
                current = Some(told.time_ms);
            }
            if !self.in_line {
                self.time_ms = current;
            }
            self.in_line = !part.ends_with(['\n', '\r']);
            timed.extend(self.lines.take(part.as_bytes()).into_iter().map(|line| with_time(self.time_ms, &line)));
        }
        timed
    }

    /// What was held back, as a last line.
    pub(crate) fn rest(&mut self) -> Option<String> {
        self.lines.rest().map(|line| with_time(self.time_ms, &line))
    }
}

fn with_time(time_ms: Option<i64>, line: &str) -> String {
    match time_ms {
        Some(_) => format!("{} {line}", times::local_exact(time_ms)),
        None => line.to_owned(),
    }
}
