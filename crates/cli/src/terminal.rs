//! Text of jobs and of other users, as a terminal may get it.
//!
//! A terminal executes what it finds in a text: it sets its title or the clipboard, answers questions as if the user had
//! typed the answer, or overwrites other lines. So it gets colours and what progress bars need, and no other sequence.
//! Output to a file or a pipe is never changed.

#[cfg(test)]
mod tests;

use std::str;

/// The longest sequence that is recognised, in bytes. A longer one is shown as text.
const LONGEST: usize = 64;
/// What is shown in place of something that a terminal must not get.
const REPLACEMENT: &str = "\u{fffd}";
/// The sequence that ends all colours.
const RESET: &str = "\u{1b}[0m";

/// Filters text that arrives in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// The start of a sequence or character whose end has not arrived.
    incomplete: Vec<u8>,
    is_coloured: bool,
}

/// A whole text as a terminal may get it. It ends without colours.
pub(crate) fn shown(text: &str) -> String {
    let mut filter = Filter::default();
    let mut shown = String::from_utf8_lossy(&filter.take(text.as_bytes())).into_owned();
    shown.push_str(filter.end());
    shown
}

impl Filter {
    /// Adds a piece and returns what the terminal may get now.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.incomplete);
        text.extend_from_slice(piece);
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text.as_slice();
        while let Some(first) = rest.first() {
            let length = match *first {
                0x1b => self.sequence(rest, &mut out),
                byte if byte.is_ascii() => {
                    control_or_plain(byte, &mut out);
                    Some(1)
                }
                _ => character(rest, &mut out),
            };
            let Some((_, after)) = length.and_then(|length| rest.split_at_checked(length)) else {
                self.incomplete = rest.to_vec();
                break;
            };
            rest = after;
        }
        out
    }

    /// What must follow the last piece.
    pub(crate) fn end(&mut self) -> &'static str {
        if std::mem::take(&mut self.is_coloured) { RESET } else { "" }
    }

    /// Handles the sequence at the start of the text; returns its length, or `None` if its end has not arrived.
    fn sequence(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        let mut shows_escape = || {
            out.extend_from_slice(REPLACEMENT.as_bytes());
            Some(1)
        };
        match *text.get(1)? {
            b'[' => {
                let body = text.get(2..).unwrap_or_default();
                let parameters = body.iter().take_while(|byte| (0x30..0x40).contains(*byte)).count();
                let rest = body.get(parameters..).unwrap_or_default();
                let between = rest.iter().take_while(|byte| (0x20..0x30).contains(*byte)).count();
                let length = 3 + parameters + between;
                match rest.get(between) {
                    None if length <= LONGEST => None,
                    Some(last @ 0x40..0x7f) if length <= LONGEST => {
                        let parameters = body.get(..parameters).unwrap_or_default();
                        if between == 0 && is_harmless(parameters, *last) {
                            self.is_coloured |= *last == b'm';
                            out.extend_from_slice(text.get(..length).unwrap_or_default());
                        }
                        Some(length)
                    }
                    _ => shows_escape(),
                }
            }
            // The start of a text of any length, which would hide what follows.
            b']' | b'P' | b'X' | b'^' | b'_' => shows_escape(),
            // A choice of characters, such as `ESC ( B`.
            0x20..0x30 => {
                let between = text.iter().skip(1).take_while(|byte| (0x20..0x30).contains(*byte)).count();
                match text.get(1 + between) {
                    None if between < LONGEST => None,
                    Some(0x30..0x7f) => Some(2 + between),
                    _ => shows_escape(),
                }
            }
            0x30..0x7f => Some(2),
            _ => shows_escape(),
        }
    }
}

/// Colours, and clearing a line from the cursor on, which progress bars do.
fn is_harmless(parameters: &[u8], last: u8) -> bool {
    match last {
        b'm' => parameters.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':')),
        b'K' => matches!(parameters, b"" | b"0" | b"1" | b"2"),
        _ => false,
    }
}

fn control_or_plain(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'\n' | b'\r' | b'\t' | 0x08 => out.push(byte),
        // The bell.
        0x07 => {}
        _ if byte.is_ascii_control() => out.extend_from_slice(REPLACEMENT.as_bytes()),
        _ => out.push(byte),
    }
}

/// Handles the character at the start of the text, which is not ASCII; returns its length, or `None` if its end has not
/// arrived.
fn character(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let start = text.get(..text.len().min(4)).unwrap_or_default();
    let (valid, wrong) = match str::from_utf8(start) {
        Ok(valid) => (valid, None),
        Err(error) => {
            let valid = start.get(..error.valid_up_to()).and_then(|valid| str::from_utf8(valid).ok());
            (valid.unwrap_or_default(), Some(error.error_len()))
        }
    };
    match (valid.chars().next(), wrong) {
        // The eight-bit forms of escape sequences are among these.
        (Some(found), _) if found.is_control() => {
            out.extend_from_slice(REPLACEMENT.as_bytes());
            Some(found.len_utf8())
        }
        (Some(found), _) => {
            out.extend_from_slice(found.encode_utf8(&mut [0; 4]).as_bytes());
            Some(found.len_utf8())
        }
        (None, Some(Some(length))) => {
            out.extend_from_slice(REPLACEMENT.as_bytes());
            Some(length)
        }
        (None, _) => None,
    }
}
