use super::*;
use crate::log::times::of_lines;

fn count(log: &Path) -> u64 {
    std::fs::metadata(times::path(log)).map_or(0, |found| found.len() / MARK)
}

/// A mark as if the last one were long ago.
fn record_now(times_of_log: &mut LineTimes, offset: u64) {
    times_of_log.last = None;
    times_of_log.record(offset);
}

#[test]
fn what_comes_soon_after_has_no_mark_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("worker-0.log");
    let mut times_of_log = LineTimes::new(&log);
    let begun = Instant::now();
    for offset in 0..1000 {
        times_of_log.record(offset);
    }
    let most = begun.elapsed().as_millis() / PAUSE.as_millis() + 1;
    assert!((1..=most).contains(&count(&log).into()), "{} marks", count(&log));
    record_now(&mut times_of_log, 1000);
    let marks = of_lines(&log, b"x", 1000, Cut::default()).unwrap();
    assert!((marks[0].time_ms - wall_ms()).abs() < 60_000, "{marks:?}");
}

#[test]
fn marks_take_a_quarter_of_the_logs_room_at_the_most() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("worker-0.log");
    let mut times_of_log = LineTimes::new(&log);
    times_of_log.count = ALWAYS_ALLOWED / MARK;
    record_now(&mut times_of_log, 63);
    assert_eq!(times_of_log.count, ALWAYS_ALLOWED / MARK);
    record_now(&mut times_of_log, 64);
    record_now(&mut times_of_log, 65);
    assert_eq!(times_of_log.count, ALWAYS_ALLOWED / MARK + 1);
}

#[test]
fn marks_of_the_cut_are_freed_and_those_of_head_and_tail_stay() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("worker-0.log");
    let mut times_of_log = LineTimes::new(&log);
    for offset in (0..100_000).step_by(10) {
        record_now(&mut times_of_log, offset);
    }
    for to in [50_000, 50_001, 80_005, 99_999] {
        let cut = Cut { from: 5005, to };
        times_of_log.free(cut);
        let marks = Marks::open(&log).unwrap().unwrap();
        let kept = |number: u64| marks.get(number).unwrap().is_some();
        assert!((0..=500).all(kept), "the head's, to {to}");
        assert!((501..to / 10).all(|number| !kept(number)), "those of the cut, to {to}");
        assert!((to / 10..10_000).all(kept), "the tail's, to {to}");
        for (offset, has) in [(0, true), (5004, true), (to, true), (99_999, true)] {
            assert_eq!(of_lines(&log, b"x", offset, cut).unwrap().len(), usize::from(has), "{offset}, to {to}");
        }
    }
    // A log without marks is no trouble.
    LineTimes::new(&dir.path().join("other.log")).free(Cut { from: 1, to: 2 });
}

#[test]
fn marks_that_cannot_be_written_are_left_out() {
    let mut times_of_log = LineTimes::new(Path::new("/no/such/directory/worker-0.log"));
    record_now(&mut times_of_log, 5);
    assert_eq!(times_of_log.count, 0);
}
