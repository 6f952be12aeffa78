use super::*;

#[test]
fn lines_are_whole_in_pieces_of_any_size() {
    let text = "one\n\n量two\r\n10%\r50%\r100%\nlast";
    for size in 1..text.len() {
        let mut lines = Lines::default();
        let mut seen: Vec<String> = text.as_bytes().chunks(size).flat_map(|piece| lines.take(piece)).collect();
        seen.extend(lines.rest());
        assert_eq!(seen, ["one", "", "量two", "100%", "last"], "pieces of {size}");
    }
    assert_eq!(Lines::default().rest(), None);
}

fn at(line: u64, time_ms: i64) -> LogTime {
    LogTime { line, offset: 0, time_ms }
}

/// Compares the lines and their times in Unix milliseconds.
fn check(pieces: &[(&str, &[LogTime])], expected: &[(i64, &str)]) {
    let mut timed = TimedLines::default();
    let mut lines: Vec<String> = pieces.iter().flat_map(|(text, times)| timed.take(text, times)).collect();
    lines.extend(timed.rest());
    let expected: Vec<String> =
        expected.iter().map(|(time, line)| format!("{} {line}", times::local_exact(Some(*time)))).collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_line_has_the_time_at_which_it_began_in_pieces_of_any_size() {
    check(&[("a\nb\nc\n", &[at(0, 1), at(2, 9)])], &[(1, "a"), (1, "b"), (9, "c")]);
    check(&[("be", &[at(0, 1)]), ("gun\nnext", &[at(0, 5), at(1, 7)])], &[(1, "begun"), (7, "next")]);
    check(&[("a\n", &[at(0, 1)]), ("b", &[at(0, 5)])], &[(1, "a"), (5, "b")]);
    check(&[("1%\r2%\r", &[at(0, 1), at(1, 2)]), ("3%\n", &[at(0, 3)])], &[(3, "3%")]);
    let mut none = TimedLines::default();
    assert_eq!(none.take("old\n", &[]), ["old"]);
}
