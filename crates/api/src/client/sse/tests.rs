use super::*;

fn event(name: &str, data: &str, id: Option<&str>) -> SseEvent {
    SseEvent { name: name.to_owned(), data: data.to_owned(), id: id.map(str::to_owned) }
}

/// Checks the events of the whole text, of single bytes, and of two pieces split at every position.
fn check(text: &[u8], expected: &[SseEvent]) {
    assert_eq!(SseParser::default().feed(text), expected, "whole");
    let mut parser = SseParser::default();
    let single: Vec<SseEvent> = text.iter().flat_map(|byte| parser.feed(&[*byte])).collect();
    assert_eq!(single, expected, "byte by byte");
    for at in 0..text.len() {
        let mut parser = SseParser::default();
        let mut events = parser.feed(&text[..at]);
        events.extend(parser.feed(&text[at..]));
        assert_eq!(events, expected, "cut at {at}");
    }
}

#[test]
fn events_end_with_a_blank_line() {
    check(b"data: a\n\ndata: b\n", &[event("", "a", None)]);
}

#[test]
fn all_line_ends_are_recognised() {
    let expected = [event("x", "a\nb", None), event("", "c", None)];
    check(b"event: x\ndata: a\ndata: b\n\ndata: c\n\n", &expected);
    check(b"event: x\r\ndata: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", &expected);
    check(b"event: x\rdata: a\rdata: b\r\rdata: c\r\r", &expected);
}

#[test]
fn ids_stay_until_the_next_and_never_hold_a_nul() {
    check(
        b"id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\nid\ndata: d\n\n",
        &[event("", "a", Some("1")), event("", "b", Some("1")), event("", "c", Some("1")), event("", "d", Some(""))],
    );
}

#[test]
fn comments_unknown_fields_and_events_without_data_are_ignored() {
    check(b": keep-alive\n\nretry: 10\nfoo: bar\n\nevent: gone\n\ndata: a\n\n", &[event("", "a", None)]);
}

#[test]
fn one_space_after_the_colon_is_no_part_of_the_value() {
    check(
        b"data:a\n\ndata:  a\n\ndata\n\ndata: a: b\n\n",
        &[event("", "a", None), event("", " a", None), event("", "", None), event("", "a: b", None)],
    );
}

#[test]
fn text_of_any_script_passes_and_a_byte_order_mark_does_not() {
    check("\u{feff}data: 量子训练 \u{feff}\n\n".as_bytes(), &[event("", "量子训练 \u{feff}", None)]);
    check(b"data: a\xffb\n\n", &[event("", "a\u{fffd}b", None)]);
}
