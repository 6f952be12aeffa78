use super::*;

#[test]
fn columns_line_up_without_trailing_spaces() {
    let text = rows(&["id", "name"], [vec!["tpl_1".into(), "量子训练".into()], vec!["t".into(), String::new()]]);
    assert_eq!(text, "ID     NAME\ntpl_1  量子训练\nt");
}

#[test]
fn a_list_without_rows_keeps_its_head() {
    assert_eq!(rows(&["id", "name"], []), "ID  NAME");
}

#[test]
fn fields_without_a_value_are_left_out() {
    assert_eq!(
        fields(&[("id", "1".into()), ("gone", String::new()), ("name", "a\nb".into())]),
        "id    1\nname  a\n      b"
    );
}

#[test]
fn escape_sequences_are_replaced() {
    assert_eq!(safe("a\u{1b}[2Jb\rc\nd\te"), "a\u{fffd}[2Jb\u{fffd}c\nd\u{fffd}e");
}

#[test]
fn characters_that_deceive_are_shown_by_their_numbers() {
    let check = |text: &str, expected: &str| assert_eq!(safe(text), expected, "{text:?}");
    for text in [
        "常用2卡训练模板",
        "שלום عالم",
        "e\u{301}",
        "👩\u{200d}🔬",
        "❤\u{fe0f}",
        "می\u{200c}خواهم",
        "a\u{3000}b",
        "a'\"\\b",
    ] {
        check(text, text);
    }
    check("a\u{202e}b\u{2066}c\u{200e}", "a\\u{202e}b\\u{2066}c\\u{200e}");
    check("a\u{200b}b\u{200d}c\u{feff}d\u{ad}e", "a\\u{200b}b\\u{200d}c\\u{feff}d\\u{ad}e");
    check("a\u{e0041}\u{e007f}", "a\\u{e0041}\\u{e007f}");
    check("a\u{2028}b\u{9b}c", "a\\u{2028}b\u{fffd}c");
}

#[test]
fn words_are_never_split_and_empty_columns_are_hidden_first() {
    let content = |longest_word, is_empty| Content { longest_word, is_empty };
    let columns = [content(24, false), content(50, false), content(10, false), content(9, true)];
    let shown = |layouts: Vec<Layout>| layouts.into_iter().map(|layout| layout.constraint).collect::<Vec<_>>();
    let whole = |length| Some(ColumnConstraint::LowerBoundary(Width::Fixed(length)));
    let all = [whole(26), None, whole(12), whole(9)];
    let without_empty = [whole(26), None, whole(10), Some(ColumnConstraint::Hidden)];
    for (width, expected) in [(None, &all), (Some(99), &all), (Some(98), &without_empty), (Some(40), &without_empty)] {
        assert_eq!(shown(layouts(&columns, width)), expected, "{width:?}");
    }
}
