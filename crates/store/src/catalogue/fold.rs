//! The forms in which texts are searched and compared.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_text_is_the_same_however_it_was_typed() {
        for (typed, expected) in [
            ("BERT Base", "bert base"),
            ("量子训练 V2", "量子训练 v2"),
            ("ＬＬａＭＡ（７Ｂ）", "llama(7b)"),
            ("Cafe\u{301}", "caf\u{e9}"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευσ"),
            ("J\u{30c}", "\u{1f0}"),
            ("ﾊﾞ", "バ"),
            ("", ""),
        ] {
            assert_eq!(folded(typed), expected);
            assert_eq!(folded(expected), expected, "folding twice changes nothing");
        }
    }

    #[test]
    fn a_plain_text_has_no_other_form() {
        for character in ('\0'..='\x7f').chain('\u{4e00}'..='\u{9fff}') {
            let text = character.to_string();
            assert!(is_plain(&text) && text.nfkc().eq([character]) && text.nfc().eq([character]), "{character:?}");
            assert!(text.to_lowercase() == text.to_ascii_lowercase(), "{character:?}");
        }
    }

    #[test]
    fn a_composed_text_keeps_its_letters() {
        for (typed, expected) in [("Cafe\u{301}", "Caf\u{e9}"), ("ＬＬ", "ＬＬ"), ("Prod", "Prod")] {
            assert_eq!(composed(typed), expected);
        }
    }
}
