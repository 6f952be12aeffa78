//! Parser for server-sent events, as the HTML standard defines them.
//!
//! Bytes arrive in pieces of any size. An event is complete at its blank line. If the stream ends inside an event, the
//! event is dropped: the client reconnects with the last id and receives the whole event.

#[cfg(test)]
mod tests;

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Name of the event; empty if none was sent.
    pub name: String,
    /// Data lines, joined by line feeds.
    pub data: String,
    /// The last id sent, with this event or an earlier one.
    pub id: Option<String>,
}

/// Parses bytes to events.
#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    after_return: bool,
    begun: bool,
    name: String,
    data: Option<String>,
    id: Option<String>,
}

impl SseParser {
    /// Adds bytes and returns the events that are complete now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<SseEvent> {
        let mut events = Vec::new();
        for byte in bytes {
            let paired = std::mem::take(&mut self.after_return) && *byte == b'\n';
            match byte {
                b'\n' if paired => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    events.extend(self.end_line());
                }
                _ => self.line.push(*byte),
            }
        }
        events
    }

    /// Bytes of the incomplete event.
    pub fn incomplete_bytes(&self) -> usize {
        self.line.len() + self.data.as_ref().map_or(0, String::len)
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let line = match std::mem::replace(&mut self.begun, true) {
            false => text.trim_start_matches('\u{feff}'),
            true => &text,
        };
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let name = std::mem::take(&mut self.name);
        let data = self.data.take()?;
        Some(SseEvent { name, data, id: self.id.clone() })
    }
}
