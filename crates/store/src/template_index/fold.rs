//! The forms in which texts are searched and compared.

#[cfg(test)]
mod tests;

use unicode_normalization::UnicodeNormalization;

/// The form that is searched: normal form KC with small letters. The input methods of Chinese and Japanese write letters,
/// digits and brackets in full width, and nobody who searches knows which was meant. A letter's small form depends on
/// nothing beside it, so what is a part of a text stays a part of it.
pub(super) fn folded(text: &str) -> String {
    if is_plain(text) {
        return text.to_ascii_lowercase();
    }
    text.nfkc().flat_map(char::to_lowercase).nfc().collect()
}

/// The form that is compared: normal form C.
pub(super) fn composed(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { text.nfc().collect() }
}

/// Whether there is nothing but ASCII and the usual ideographs, which have no other form: so it is with nearly all
/// texts, and finding out takes a tenth of the time.
fn is_plain(text: &str) -> bool {
    text.chars().all(|character| matches!(character, '\0'..='\x7f' | '\u{4e00}'..='\u{9fff}'))
}
