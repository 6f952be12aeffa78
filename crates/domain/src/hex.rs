//! Bytes as lower-case hexadecimal digits and back: the one form of identifiers, hashes and keys as text.
//!
//! Invariant: `decode` and `decode_all` accept exactly the texts that `encode` writes.

#[cfg(test)]
mod tests;

/// Two digits for each byte.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push(&mut text, bytes);
    text
}

/// Appends two digits for each byte.
pub fn push(text: &mut String, bytes: &[u8]) {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    text.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

/// The bytes of a text with two lower-case digits for each of `N` bytes; `None` for any other text.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (value(*high)? << 4) | value(*low)?;
    }
    Some(bytes)
}

/// The bytes of a text with two lower-case digits for each byte; `None` for any other text.
pub fn decode_all(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some((value(*high)? << 4) | value(*low)?)).collect()
}

const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
