use std::{fs::OpenOptions, io::Write as _, os::unix::fs::MetadataExt as _};

use super::*;
use crate::log::{LogFile, LogReader as _};

const MB: u64 = 1024 * 1024;

fn log(dir: &tempfile::TempDir) -> (PathBuf, File) {
    let path = dir.path().join("worker-0.log");
    let file = OpenOptions::new().write(true).create_new(true).open(&path).unwrap();
    (path, file)
}

#[test]
fn a_log_occupies_at_most_its_cap_however_long_it_grows() {
    let dir = tempfile::tempdir().unwrap();
    let (path, mut file) = log(&dir);
    let mut cap = LogCap::new(&path, 2 * MB);
    let mut cuts = 0;
    for written in (64 * 1024..=20 * MB).step_by(64 * 1024) {
        file.write_all(&[b'x'; 64 * 1024]).unwrap();
        let cut = cap.enforce(&file, written).unwrap();
        cuts += u32::from(cut.is_some());
        let found = file.metadata().unwrap();
        assert_eq!(found.len(), written);
        assert!(found.blocks() * 512 <= 2 * MB + 2 * 64 * 1024, "{} blocks after {written}", found.blocks());
        if let Some(cut) = cut {
            assert_eq!(LogFile::open(&path).unwrap().unwrap().cut().unwrap(), cut);
            assert_eq!(cut.from, MB);
            assert!((MB - MB / 8..=MB).contains(&(written - cut.to)), "{cut:?} after {written}");
        }
    }
    assert!(cuts > 100, "{cuts} cuts");
}

#[test]
fn a_log_below_its_cap_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (path, file) = log(&dir);
    for bytes in [0, 1, 1000, u64::MAX] {
        assert_eq!(LogCap::new(&path, bytes).enforce(&file, bytes).unwrap(), None, "{bytes}");
    }
    assert!(!cut::path(&path).exists());
}

#[test]
fn without_holes_the_log_stays_whole_and_that_is_reported_once() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = log(&dir);
    let mut cap = LogCap::new(&path, 1000);
    // A file that is open for reading only refuses holes, like a file system without support for them.
    let file = File::open(&path).unwrap();
    assert!(cap.enforce(&file, 5000).is_err());
    assert_eq!(cut::read(&cut::path(&path)).unwrap(), Cut { from: 500, to: 500 });
    assert_eq!(cap.enforce(&file, 50_000).unwrap(), None);
}

#[test]
fn support_for_holes_is_detected() {
    let dir = tempfile::tempdir().unwrap();
    assert!(supports_holes(dir.path()).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    // `/proc` has no holes.
    assert!(matches!(supports_holes(Path::new("/proc")), Err(_) | Ok(false)));
}
