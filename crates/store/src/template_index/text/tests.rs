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
