use super::*;

/// A log beside which these marks lie.
fn marked(marks: &[(u64, i64)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("worker-0.log");
    let bytes =
        marks.iter().flat_map(|(offset, time)| Mark { offset: *offset, time: WallTime::from_ms(*time) }.bytes());
    std::fs::write(path(&log), bytes.collect::<Vec<u8>>()).unwrap();
    (dir, log)
}

fn check(marks: &[(u64, i64)], text: &str, offset: u64, cut: Cut, expected: &[(u64, i64)]) {
    let (_dir, log) = marked(marks);
    let found = of_lines(&log, text.as_bytes(), offset, cut).unwrap();
    for told in &found {
        let before = &text.as_bytes()[..usize::try_from(told.offset - offset).unwrap()];
        assert_eq!(told.line, before.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64);
    }
    let found: Vec<(u64, i64)> = found.iter().map(|mark| (mark.offset, mark.time.as_ms())).collect();
    assert_eq!(found, expected, "{text:?} at {offset}");
}

const WHOLE: Cut = Cut { from: 0, to: 0 };

#[test]
fn a_line_has_the_time_of_the_last_mark_at_or_before_its_first_byte() {
    let marks = [(0, 100), (4, 200), (6, 300)];
    check(&marks, "aa\nbb\ncc\n", 0, WHOLE, &[(0, 100), (6, 300)]);
    check(&marks, "aaa\nbb\rcc", 0, WHOLE, &[(0, 100), (4, 200), (7, 300)]);
    check(&marks, "b\ncc\n", 4, WHOLE, &[(4, 200), (6, 300)]);
    check(&marks, "c", 5, WHOLE, &[(5, 200)]);
    check(&marks, "", 99, WHOLE, &[(99, 300)]);
    check(&[(0, 100), (2, 100), (4, 100)], "a\nb\nc\n", 0, WHOLE, &[(0, 100)]);
    check(&[(5, 100)], "abc\nefgh\ni", 0, WHOLE, &[(9, 100)]);
    check(&[], "abc\n", 0, WHOLE, &[]);
}

#[test]
fn freed_marks_are_skipped() {
    // Head to 10, cut to 100; the freed marks are zeros.
    let marks = [(0, 1), (5, 2), (0, 0), (0, 0), (0, 0), (95, 3), (120, 4)];
    let cut = Cut { from: 10, to: 100 };
    check(&marks, "aaaa\nbbbb\n", 0, cut, &[(0, 1), (5, 2)]);
    check(&marks, "bbb\n", 6, cut, &[(6, 2)]);
    check(&marks, "cc\ndd\n", 100, cut, &[(100, 3)]);
    check(&marks, "cc\ndd\n", 117, cut, &[(117, 3), (120, 4)]);
}

#[test]
fn without_a_file_there_are_no_times_and_an_incomplete_mark_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("worker-0.log");
    assert_eq!(of_lines(&log, b"a\n", 0, WHOLE).unwrap(), []);
    std::fs::write(path(&log), [1; 31]).unwrap();
    assert_eq!(Marks::open(&log).unwrap().unwrap().count, 1);
}
