use std::{fs, io::PipeWriter};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::log::{Cut, LogFile, LogReader as _};

fn pump_to(path: &Path) -> (Pump, PipeWriter) {
    let (from, worker) = io::pipe().unwrap();
    let mut pump = Pump::open(path, u64::MAX).unwrap();
    pump.connect(from).unwrap();
    (pump, worker)
}

#[test]
fn bytes_arrive_as_they_were_written_until_the_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (mut pump, mut worker) = pump_to(file.path());
    let mut buffer = [0; 4];
    assert_eq!(pump.copy(&mut buffer), Flow::Empty);
    worker.write_all(b"hello \xff").unwrap();
    assert_eq!(pump.copy(&mut buffer), Flow::Empty);
    assert_eq!(fs::read(file.path()).unwrap(), b"hello \xff");
    worker.write_all(b"end").unwrap();
    drop(worker);
    assert_eq!(pump.copy(&mut buffer), Flow::Closed);
    assert_eq!(pump.copy(&mut buffer), Flow::Closed);
    assert_eq!(fs::read(file.path()).unwrap(), b"hello \xffend");
}

#[test]
fn one_round_copies_a_limited_amount() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (mut pump, mut worker) = pump_to(file.path());
    worker.write_all(&[b'x'; 1000]).unwrap();
    assert_eq!(pump.copy(&mut [0; 10]), Flow::Open);
    assert_eq!(fs::read(file.path()).unwrap().len(), 10 * READS_PER_ROUND);
}

#[test]
fn on_a_full_disk_the_pump_keeps_what_it_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (mut pump, mut worker) = pump_to(Path::new("/dev/full"));
    worker.write_all(b"first ").unwrap();
    assert_eq!(pump.copy(&mut [0; 100]), Flow::Blocked);
    assert!(pump.is_blocked());
    worker.write_all(b"second").unwrap();
    assert_eq!(pump.copy(&mut [0; 100]), Flow::Blocked);
    // The disk has room again.
    pump.to = fs::OpenOptions::new().write(true).open(file.path()).unwrap();
    assert_eq!(pump.copy(&mut [0; 100]), Flow::Empty);
    assert!(!pump.is_blocked());
    assert_eq!(fs::read(file.path()).unwrap(), b"first second");
}

#[test]
fn a_broken_file_does_not_stop_the_worker() {
    let (mut pump, mut worker) = pump_to(Path::new("/dev/null"));
    pump.to = File::open("/dev/null").unwrap();
    worker.write_all(b"lost").unwrap();
    assert_eq!(pump.copy(&mut [0; 100]), Flow::Empty);
    assert!(!pump.is_blocked());
}

/// The byte that a worker prints at this offset; never zero, unlike a hole.
fn byte(offset: u64) -> u8 {
    u8::try_from(offset * 31 % 251 + 1).unwrap()
}

fn printed(from: u64, length: usize) -> Vec<u8> {
    (from..).take(length).map(byte).collect()
}

/// Reads a piece and checks what must hold for every piece.
fn check_read(log: &LogFile, offset: u64, limit: usize) {
    let piece = log.read(offset, limit, u64::MAX).unwrap();
    assert!(piece.bytes.len() <= limit);
    assert!(piece.offset == offset || log.cut().unwrap().meets(offset, piece.offset), "{offset}: {}", piece.offset);
    assert_eq!(piece.bytes, printed(piece.offset, piece.bytes.len()), "at {}", piece.offset);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_byte_keeps_its_offset_whatever_is_cut(
        cap in 0_u64..200_000,
        steps in vec((0_usize..60_000, 500_usize..70_000, 0_u64..1_000_000, 0_usize..100_000), 1..25),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("worker-0.log");
        let (from, mut worker) = io::pipe().unwrap();
        let mut pump = Pump::open(&path, cap).unwrap();
        pump.connect(from).unwrap();
        let log = LogFile::open(&path).unwrap().unwrap();
        let mut written = 0;
        for (count, buffer, offset, limit) in steps {
            worker.write_all(&printed(written, count)).unwrap();
            written += count as u64;
            let mut buffer = vec![0; buffer];
            while pump.copy(&mut buffer) == Flow::Open {}
            prop_assert_eq!(log.size().unwrap(), written);
            check_read(&log, offset % (written + 1), limit);
            let cut = log.cut().unwrap();
            let kept = written - (cut.to - cut.from);
            // The cut is as long as necessary, plus at most a sixteenth and the output of one round.
            prop_assert!(kept <= cap.max(written.min(cap)) + 4096, "{kept} of {cap}");
            prop_assert!(cut == Cut::default() || kept >= (cap - cap / 16).min(written), "{kept} of {cap}: {cut:?}");
            // The whole head and the whole tail.
            check_read(&log, 0, 1_000_000);
            check_read(&log, cut.to, 1_000_000);
            prop_assert_eq!(log.read(cut.to, 1_000_000, u64::MAX).unwrap().end(), if cut.to == 0 { written.min(1_000_000) } else { written });
        }
    }
}

#[test]
fn a_reader_never_sees_a_hole_while_the_log_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("worker-0.log");
    let (from, mut worker) = io::pipe().unwrap();
    let mut pump = Pump::open(&path, 256 * 1024).unwrap();
    pump.connect(from).unwrap();
    let log = LogFile::open(&path).unwrap().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            for round in 0..500 {
                worker.write_all(&printed(round * 60_000, 60_000)).unwrap();
                while pump.copy(&mut buffer) == Flow::Open {}
            }
        });
        let mut next = 12_345_u64;
        while !writer.is_finished() {
            let size = log.size().unwrap();
            // Near the start of the tail, where the next cut is.
            let tail = log.cut().unwrap().to;
            for offset in [next % (size + 1), tail, tail + next % 20_000] {
                check_read(&log, offset, 50_000);
            }
            next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 16;
        }
    });
    assert_eq!(log.size().unwrap(), 30_000_000);
}
