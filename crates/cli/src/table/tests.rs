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
