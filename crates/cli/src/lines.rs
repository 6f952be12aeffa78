//! Whole lines from text that arrives in pieces of any size, with or without the times at which they were written.

#[cfg(test)]
mod tests;

use trainyard_api::log::LogTime;

use crate::times;

/// Joins pieces to lines. Keeps an incomplete last line until its end arrives.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    incomplete: Vec<u8>,
}

impl Lines {
    /// Adds a piece and returns the lines that are complete now, without their line ends.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<String> {
        self.incomplete.extend_from_slice(piece);
        let Some(end) = self.incomplete.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let rest = self.incomplete.split_off(end + 1);
        let whole = std::mem::replace(&mut self.incomplete, rest);
        whole.strip_suffix(b"\n").unwrap_or(&whole).split(|byte| *byte == b'\n').map(text).collect()
    }

    /// The incomplete last line at the end of the text.
    pub(crate) fn rest(&mut self) -> Option<String> {
        let incomplete = std::mem::take(&mut self.incomplete);
        (!incomplete.is_empty()).then(|| text(&incomplete))
    }
}

/// The text that a terminal shows: if carriage returns overwrote the line, only its last text.
fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let shown = line.rsplit(|byte| *byte == b'\r').next().unwrap_or(line);
    String::from_utf8_lossy(shown).into_owned()
}

/// Joins pieces to lines, each with the time at which the worker began to write it.
#[derive(Debug, Default)]
pub(crate) struct TimedLines {
    lines: Lines,
    /// When the incomplete line began, in Unix milliseconds.
    time_ms: Option<i64>,
    in_line: bool,
}

impl TimedLines {
    /// Adds a piece and returns the lines that are complete now, each after its time. An entry of `times` counts the line
    /// ends before its line, carriage returns included; of an overwritten line, the last text counts.
    pub(crate) fn take(&mut self, text: &str, times: &[LogTime]) -> Vec<String> {
        let mut next = times.iter().peekable();
        let mut current = None;
        let mut timed = Vec::new();
        for (number, part) in (0_u64..).zip(text.split_inclusive(['\n', '\r'])) {
            while let Some(entry) = next.next_if(|entry| entry.line <= number) {
                current = Some(entry.time_ms);
            }
            if !self.in_line {
                self.time_ms = current;
            }
            self.in_line = !part.ends_with(['\n', '\r']);
            timed.extend(self.lines.take(part.as_bytes()).into_iter().map(|line| with_time(self.time_ms, &line)));
        }
        timed
    }

    /// The incomplete last line at the end of the text, after its time.
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
