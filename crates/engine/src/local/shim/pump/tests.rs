use std::{fs, io::PipeWriter};

use super::*;

fn pump_to(path: &Path) -> (Pump, PipeWriter) {
    let (from, worker) = io::pipe().unwrap();
    let mut pump = Pump::open(path).unwrap();
    pump.connect(from).unwrap();
    (pump, worker)
}

#[test]
fn bytes_arrive_as_they_were_written_until_the_end() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (mut pump, mut worker) = pump_to(file.path());
    let mut buffer = [0; 4];
    assert_eq!(pump.turn(&mut buffer), Flow::Dry);
    worker.write_all(b"hello \xff").unwrap();
    assert_eq!(pump.turn(&mut buffer), Flow::Dry);
    assert_eq!(fs::read(file.path()).unwrap(), b"hello \xff");
    worker.write_all(b"end").unwrap();
    drop(worker);
    assert_eq!(pump.turn(&mut buffer), Flow::Closed);
    assert_eq!(pump.turn(&mut buffer), Flow::Closed);
    assert_eq!(fs::read(file.path()).unwrap(), b"hello \xffend");
}

#[test]
fn a_chatty_worker_takes_turns() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (mut pump, mut worker) = pump_to(file.path());
    worker.write_all(&[b'x'; 1000]).unwrap();
    assert_eq!(pump.turn(&mut [0; 10]), Flow::Open);
    assert_eq!(fs::read(file.path()).unwrap().len(), 10 * TURNS);
}

#[test]
fn a_full_disk_holds_what_was_read_and_loses_nothing() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (mut pump, mut worker) = pump_to(Path::new("/dev/full"));
    worker.write_all(b"first ").unwrap();
    assert_eq!(pump.turn(&mut [0; 100]), Flow::Blocked);
    assert!(pump.is_blocked());
    worker.write_all(b"second").unwrap();
    assert_eq!(pump.turn(&mut [0; 100]), Flow::Blocked);
    // There is room again.
    pump.to = fs::OpenOptions::new().write(true).open(file.path()).unwrap();
    assert_eq!(pump.turn(&mut [0; 100]), Flow::Dry);
    assert!(!pump.is_blocked());
    assert_eq!(fs::read(file.path()).unwrap(), b"first second");
}

#[test]
fn a_broken_file_does_not_stop_the_worker() {
    let (mut pump, mut worker) = pump_to(Path::new("/dev/null"));
    pump.to = File::open("/dev/null").unwrap();
    worker.write_all(b"lost").unwrap();
    assert_eq!(pump.turn(&mut [0; 100]), Flow::Dry);
    assert!(!pump.is_blocked());
}
