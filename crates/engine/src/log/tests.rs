use std::{fs, io::Write as _};

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn check(bytes: &[u8], offset: i64, limit: usize, complete: bool, text: &str, from: u64, next: u64) {
    let file = file(bytes);
    let expected =
        Chunk { text: text.to_owned(), offset: from, next_offset: next, size: bytes.len() as u64, skipped: 0 };
    let found = read(&FileSource::new(file.path()), offset, limit, complete).unwrap();
    assert_eq!(found, expected, "{bytes:?} from {offset} at most {limit}");
}

#[test]
fn a_chunk_starts_and_ends_at_the_requested_offsets() {
    check(b"hello", 0, 100, false, "hello", 0, 5);
    check(b"hello", 1, 100, false, "ello", 1, 5);
    check(b"hello world", 0, 5, false, "hello", 0, 5);
    check(b"hello", 5, 100, false, "", 5, 5);
    check(b"hello", 99, 100, false, "", 5, 5);
    check(b"hello", -2, 100, false, "lo", 3, 5);
    check(b"hello", -99, 100, false, "hello", 0, 5);
    check(b"hello", i64::MIN, 100, false, "hello", 0, 5);
    check(b"", 0, 100, true, "", 0, 0);
}

#[test]
fn a_character_is_never_cut() {
    let text = "a€b".as_bytes();
    check(text, 0, 4, false, "a€", 0, 4);
    check(&text[..3], 0, 100, false, "a", 0, 1);
    check(&text[..3], 1, 100, false, "", 1, 1);
    check(&text[..3], 0, 100, true, "a\u{fffd}", 0, 3);
    check(text, 1, 1, false, "€", 1, 4);
    check(text, 0, 1, false, "a", 0, 1);
    check(text, 0, 3, false, "a", 0, 1);
    check(b"\xe2\x82!!", 0, 1, false, "\u{fffd}", 0, 2);
    check("€€".as_bytes(), 0, 5, true, "€", 0, 3);
}

#[test]
fn invalid_bytes_are_replaced_and_delay_nothing() {
    check(b"a\xffb", 0, 100, false, "a\u{fffd}b", 0, 3);
    check(b"\xe2\x82", 0, 100, false, "", 0, 0);
    check(b"\xe2\x82!", 0, 100, false, "\u{fffd}!", 0, 3);
    check("€".as_bytes(), 1, 100, false, "\u{fffd}\u{fffd}", 1, 3);
}

#[test]
fn a_read_from_the_end_starts_with_a_whole_character() {
    check("a€b".as_bytes(), -2, 100, false, "b", 4, 5);
    check("a€b".as_bytes(), -3, 100, false, "b", 4, 5);
    check("a€b".as_bytes(), -4, 100, false, "€b", 1, 5);
    check("x😀".as_bytes(), -1, 100, false, "", 5, 5);
    check(b"a\x80\x80b", -2, 100, false, "\u{fffd}b", 2, 4);
}

#[test]
fn a_missing_file_is_an_empty_log() {
    assert_eq!(read(&FileSource::new("/no/such/log"), 7, 10, true).unwrap(), Chunk::default());
    assert!(read(&FileSource::new("/"), 0, 10, true).is_err());
}

#[test]
fn raw_bytes_are_unchanged() {
    let file = file(b"a\xff\xe2b");
    let log = LogFile::open(file.path()).unwrap().unwrap();
    let found = log.read(1, 2, u64::MAX).unwrap();
    assert_eq!((found.end(), found), (3, Bytes { bytes: b"\xff\xe2".to_vec(), offset: 1, before_cut: false }));
    assert_eq!(log.read(1, 9, 2).unwrap().bytes, b"\xff");
    assert_eq!(log.read(4, 9, u64::MAX).unwrap().bytes, b"");
    assert_eq!(log.read(u64::MAX, 9, u64::MAX).unwrap().bytes, b"");
}

/// A log of `head`, a cut of so many bytes, and `tail`.
fn cut_log(head: &[u8], gone: u64, tail: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("worker-0.log");
    let from = head.len() as u64;
    fs::write(&path, [head, &vec![0; usize::try_from(gone).unwrap()], tail].concat()).unwrap();
    cut::write(&cut::path(&path), Cut { from, to: from + gone }).unwrap();
    (dir, path)
}

#[test]
fn a_read_inside_the_cut_begins_at_its_end_and_says_how_much_it_skipped() {
    let (_dir, path) = cut_log(b"head", 100, b"tail");
    for (offset, limit, text, from, next, skipped) in [
        (0, 100, "head", 0, 4, 0),
        (2, 100, "ad", 2, 4, 0),
        (4, 100, "tail", 104, 108, 100),
        (50, 2, "ta", 104, 106, 54),
        (103, 100, "tail", 104, 108, 1),
        (104, 100, "tail", 104, 108, 0),
        (-4, 100, "tail", 104, 108, 0),
        (-5, 100, "tail", 104, 108, 1),
        (-1000, 100, "head", 0, 4, 0),
        (108, 100, "", 108, 108, 0),
    ] {
        let expected = Chunk { text: text.to_owned(), offset: from, next_offset: next, size: 108, skipped };
        assert_eq!(read(&FileSource::new(&path), offset, limit, true).unwrap(), expected, "{offset}");
    }
}

#[test]
fn a_character_split_by_the_cut_delays_nothing() {
    let euro = "€".as_bytes();
    let (_dir, path) = cut_log(&euro[..2], 10, &[&euro[2..], b"x"].concat());
    let before = Chunk { text: "\u{fffd}".to_owned(), offset: 0, next_offset: 2, size: 14, skipped: 0 };
    assert_eq!(read(&FileSource::new(&path), 0, 100, false).unwrap(), before);
    let after = Chunk { text: "x".to_owned(), offset: 13, next_offset: 14, size: 14, skipped: 11 };
    assert_eq!(read(&FileSource::new(&path), 2, 100, false).unwrap(), after);
    let last = Chunk { text: "x".to_owned(), offset: 13, next_offset: 14, size: 14, skipped: 0 };
    assert_eq!(read(&FileSource::new(&path), -1, 100, false).unwrap(), last);
}

/// Any bytes: valid characters of all lengths, incomplete ones, and invalid bytes.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 14] = [
        b"a",
        b"\n",
        "é".as_bytes(),
        "€".as_bytes(),
        "😀".as_bytes(),
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\x80",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\x80",
        b"\xe0\x80",
    ];
    let piece = prop_oneof![4 => select(pieces.to_vec()).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..6)];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn all_chunks_together_are_the_log(written in vec(output(), 1..5), limits in vec(1_usize..40, 1..20)) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut limits = limits.into_iter().cycle();
        let (mut text, mut next) = (String::new(), 0_u64);
        for (number, bytes) in written.iter().enumerate() {
            file.write_all(bytes).unwrap();
            let complete = number + 1 == written.len();
            loop {
                let at = i64::try_from(next).unwrap();
                let chunk = read(&FileSource::new(file.path()), at, limits.next().unwrap(), complete).unwrap();
                prop_assert_eq!(chunk.offset, next);
                text.push_str(&chunk.text);
                // A character is at most four bytes, so no more than three ever wait.
                if chunk.next_offset == next {
                    let most = if complete { 0 } else { 3 };
                    prop_assert!(chunk.size - next <= most);
                    break;
                }
                next = chunk.next_offset;
            }
        }
        let whole = fs::read(file.path()).unwrap();
        prop_assert_eq!(text, String::from_utf8_lossy(&whole));
    }

    #[test]
    fn a_negative_offset_reads_the_end_of_the_log(text in "\\PC{0,40}", back in 1_i64..60) {
        let file = file(text.as_bytes());
        let chunk = read(&FileSource::new(file.path()), -back, 1000, true).unwrap();
        prop_assert!(text.ends_with(&chunk.text));
        let wanted = usize::try_from(back).unwrap().min(text.len());
        prop_assert!(chunk.text.len() <= wanted && chunk.text.len() + 3 >= wanted);
    }
}
