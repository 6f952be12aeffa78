use std::path::PathBuf;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::log::{
    LogFile,
    cut::{self, Cut},
};

fn log(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("worker-0.log");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn found(path: &std::path::Path, from: u64, text: &str) -> Vec<Hit> {
    let log = LogFile::open(path).unwrap().unwrap();
    let mut hits = Vec::new();
    let size = log.size().unwrap();
    assert!(search(&log, from, size, text.as_bytes(), || true, |hit| hits.push(hit())).unwrap());
    hits
}

fn check(bytes: &[u8], text: &str, expected: &[(u64, &str)]) {
    let (_dir, path) = log(bytes);
    let hits = found(&path, 0, text);
    assert!(hits.iter().all(|hit| !hit.is_part));
    let hits: Vec<(u64, &str)> = hits.iter().map(|hit| (hit.offset, hit.line.as_str())).collect();
    assert_eq!(hits, expected, "{text:?} in {bytes:?}");
}

#[test]
fn every_matching_line_is_found_once_with_its_offset() {
    check(b"one\ntwo two\n\nthree two", "two", &[(4, "two two"), (13, "three two")]);
    check(b"10%\r20%\r100%\r\ndone\r\n", "0%", &[(0, "10%"), (4, "20%"), (8, "100%")]);
    check("größe 世\nGRÖSSE\n".as_bytes(), "世", &[(0, "größe 世")]);
    check(b"a.c\nabc\n", "a.c", &[(0, "a.c")]);
    check(b"\xff\xfe bad\n", "bad", &[(0, "\u{fffd}\u{fffd} bad")]);
    check(b"aaa", "aa", &[(0, "aaa")]);
    check(b"abc", "abcd", &[]);
    check(b"", "a", &[]);
    let (_dir, path) = log(b"two\ntwo\n");
    assert_eq!(found(&path, 4, "two").len(), 1);
    assert_eq!(found(&path, 5, "two"), []);
}

#[test]
fn a_long_line_is_returned_in_part_and_an_endless_one_is_not_kept_in_memory() {
    let long = format!("{}世needle{}\nneedle\n", "x".repeat(10_000), "y".repeat(10_000));
    let (_dir, path) = log(long.as_bytes());
    let hits = found(&path, 0, "needle");
    assert_eq!(hits.len(), 2);
    assert!(hits[0].is_part && hits[0].line.len() <= SHOWN && hits[0].line.contains("x世needley"));
    let begins = usize::try_from(hits[0].offset).unwrap();
    assert_eq!(hits[0].line, long[begins..begins + hits[0].line.len()]);
    assert_eq!((hits[1].offset, hits[1].is_part), (long.len() as u64 - 7, false));

    // A needle across every place where pieces of an endless line meet.
    let mut endless = vec![b'x'; 3 * PIECE];
    for at in [PIECE - 3, 2 * PIECE - 1] {
        endless[at..at + 6].copy_from_slice(b"needle");
    }
    let (_dir, path) = log(&endless);
    let hits = found(&path, 0, "needle");
    assert_eq!(hits.len(), 2);
    assert!(hits.iter().all(|hit| hit.is_part && hit.line.contains("needle") && hit.line.len() <= SHOWN));
}

#[test]
fn the_cut_ends_a_line_and_is_not_searched() {
    let (_dir, path) = log(b"a needle\nhalf a neexxxxxxxxxxdle\nneedle");
    cut::write(&cut::path(&path), Cut { from: 19, to: 29 }).unwrap();
    let hits = found(&path, 0, "needle");
    assert_eq!(hits.iter().map(|hit| hit.offset).collect::<Vec<_>>(), [0, 33]);
    assert_eq!(found(&path, 0, "half")[0].line, "half a nee");
    assert_eq!(found(&path, 0, "xx"), []);
}

#[test]
fn a_search_that_is_cancelled_finds_nothing_more() {
    let (_dir, path) = log(&b"needle\n".repeat(PIECE));
    let log = LogFile::open(&path).unwrap().unwrap();
    let (mut calls, mut hits) = (0, 0);
    let may_continue = || {
        calls += 1;
        calls <= 2
    };
    assert!(!search(&log, 0, log.size().unwrap(), b"needle", may_continue, |_| hits += 1).unwrap());
    assert_eq!(hits, 2 * PIECE / 7);
}

const PARTS: &[&[u8]] = &[b"a", b"b", b"ab", b"\n", b"\r", "é".as_bytes(), b"\xff", b"\xc3"];
const TEXTS: &[&str] = &["a", "ab", "aba", "é", "bb"];

proptest! {
    #[test]
    fn the_search_finds_what_a_naive_search_finds(
        parts in vec(select(PARTS), 0..200),
        text in select(TEXTS),
    ) {
        let bytes = parts.concat();
        let (_dir, path) = log(&bytes);
        let mut expected = Vec::new();
        let mut at = 0;
        for line in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let body = line.strip_suffix(b"\n").or(line.strip_suffix(b"\r")).unwrap_or(line);
            if body.windows(text.len()).any(|window| window == text.as_bytes()) {
                expected.push((at, String::from_utf8_lossy(body).into_owned()));
            }
            at += line.len() as u64;
        }
        let hits: Vec<_> = found(&path, 0, text).into_iter().map(|hit| (hit.offset, hit.line)).collect();
        prop_assert_eq!(hits, expected);
    }
}
