use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &str) {
    assert_eq!(shown(text), expected, "{text:?}");
}

#[test]
fn plain_text_of_any_script_and_progress_bars_pass() {
    for text in ["", "loss 0.5\n", "量子训练 שלום 😀\n", "\r 50%|███  | 1/2\t", "ab\u{8}c", "e\u{301}👩\u{200d}🔬"]
    {
        check(text, text);
    }
    check("\u{1b}[1;31merror\u{1b}[0m\u{1b}[K done", "\u{1b}[1;31merror\u{1b}[0m\u{1b}[K done\u{1b}[0m");
    check("\u{1b}[38:2:1:2:3mx", "\u{1b}[38:2:1:2:3mx\u{1b}[0m");
}

#[test]
fn a_sequence_that_acts_on_the_terminal_does_not_pass() {
    // The cursor, the screen, a question, a mode, a key.
    check("a\u{1b}[2Ab\u{1b}[2Jc\u{1b}[6nd\u{1b}[?1049he\u{1b}[5 qf\u{1b}[>4;1mg\u{1b}[3J", "abcdefg");
    check("a\u{1b}(Bb\u{1b}7c\u{1b}cd\u{1b}=e\u{1b}#8f", "abcdef");
    // The title, the clipboard, a device's text, a message: what follows stays visible.
    check("\u{1b}]0;title\u{7}x", "\u{fffd}]0;titlex");
    check("\u{1b}]52;c;aGk=\u{1b}\\x", "\u{fffd}]52;c;aGk=x");
    check("\u{1b}P$qm\u{1b}\\\u{1b}Xa\u{1b}^b\u{1b}_c", "\u{fffd}P$qm\u{fffd}Xa\u{fffd}^b\u{fffd}_c");
    // The eight-bit forms.
    check("\u{9b}31mx\u{9d}0;t\u{9c}\u{90}q", "\u{fffd}31mx\u{fffd}0;t\u{fffd}\u{fffd}q");
    check("a\u{0}b\u{e}c\u{f}d\u{b}e\u{c}f\u{7f}g", "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f\u{fffd}g");
}

#[test]
fn bytes_that_are_no_text_do_not_pass() {
    let mut filter = Filter::default();
    assert_eq!(filter.take(b"a\x9b31mb\xff\xc2\x9bc\xe4\xb8"), "a\u{fffd}31mb\u{fffd}\u{fffd}c".as_bytes());
    assert_eq!(filter.take(b"\x96"), "世".as_bytes(), "a character may arrive in two pieces");
}

#[test]
fn an_endless_sequence_hides_nothing() {
    let text = format!("\u{1b}[{}x", "1;".repeat(100));
    check(&text, &text.replacen('\u{1b}', "\u{fffd}", 1));
    check(&format!("\u{1b}{}", " ".repeat(100)), &format!("\u{fffd}{}", " ".repeat(100)));
    check("\u{1b}[31\nm", "\u{fffd}[31\nm");
    check("\u{1b}\u{1b}[2Jx", "\u{fffd}x");
}

proptest! {
    #[test]
    fn the_result_does_not_depend_on_the_pieces(
        parts in prop::collection::vec(prop_oneof![
            Just("\u{1b}".to_owned()), Just("\u{1b}[".to_owned()), Just("31m".to_owned()), Just("\u{9b}".to_owned()),
            Just("]0;".to_owned()), Just("世".to_owned()), Just("\u{7}".to_owned()), "[ -~]{0,3}", "\\PC{0,2}",
        ], 0..12),
        at in any::<prop::sample::Index>(),
    ) {
        let text = parts.concat();
        let mut filter = Filter::default();
        let whole = filter.take(text.as_bytes());
        let at = at.index(text.len() + 1);
        let mut filter = Filter::default();
        let mut pieces = filter.take(&text.as_bytes()[..at]);
        pieces.extend(filter.take(&text.as_bytes()[at..]));
        prop_assert_eq!(&whole, &pieces);
        let shown = String::from_utf8(whole).unwrap();
        let has_eight_bit_forms = shown.chars().any(|c| c.is_control() && !c.is_ascii());
        prop_assert!(!has_eight_bit_forms, "{:?}", shown);
        for part in shown.split('\u{1b}').skip(1) {
            let colour = part.strip_prefix('[').and_then(|rest| rest.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':'));
            prop_assert!(colour.is_some_and(|end| matches!(part.as_bytes()[end + 1], b'm' | b'K')), "{:?}", part);
        }
    }
}
