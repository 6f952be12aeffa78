//! Whole lines from text that comes in pieces of any size.

#[cfg(test)]
mod tests;

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
