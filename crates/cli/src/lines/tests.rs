use super::*;

#[test]
fn lines_come_whole_however_they_are_cut() {
    let text = "one\n\n量two\r\n10%\r50%\r100%\nlast";
    for size in 1..text.len() {
        let mut lines = Lines::default();
        let mut seen: Vec<String> = text.as_bytes().chunks(size).flat_map(|piece| lines.take(piece)).collect();
        seen.extend(lines.rest());
        assert_eq!(seen, ["one", "", "量two", "100%", "last"], "pieces of {size}");
    }
    assert_eq!(Lines::default().rest(), None);
}
