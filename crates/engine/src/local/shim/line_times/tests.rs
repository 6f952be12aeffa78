use super::*;
use crate::log::times::of_lines;

fn count(log: &Path) -> u64 {
    std::fs::metadata(times::path(log)).map_or(0, |found| found.len() / MARK)
}

/// Records a mark as if the last one were long ago.
fn record_now(line_times: &mut LineTimes, offset: u64) {
    line_times.last = None;
    line_times.record(offset);
}

#[test]
fn output_soon_after_a_mark_gets_no_mark() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("worker-0.log");
    let mut line_times = LineTimes::new(&log);
    let begun = Instant::now();
    for offset in 0..1000 {
        line_times.record(offset);
    }
    let most = begun.elapsed().as_millis() / PAUSE.as_millis() + 1;
    assert!((1..=most).contains(&count(&log).into()), "{} marks", count(&log));
    record_now(&mut line_times, 1000);
    let marks = of_lines(&log, b"x", 1000, Cut::default()).unwrap();
    assert!((marks[0].time - wall_time()).as_ms().abs() < 60_000, "{marks:?}");
}

#[test]
fn marks_take_at_most_a_quarter_of_the_space_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("worker-0.log");
    let mut line_times = LineTimes::new(&log);
    line_times.count = ALWAYS_ALLOWED / MARK;
    record_now(&mut line_times, 63);
    assert_eq!(line_times.count, ALWAYS_ALLOWED / MARK);
    record_now(&mut line_times, 64);
    record_now(&mut line_times, 65);
    assert_eq!(line_times.count, ALWAYS_ALLOWED / MARK + 1);
}

#[test]
fn marks_of_the_cut_are_freed_and_those_of_head_and_tail_stay() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("worker-0.log");
    let mut line_times = LineTimes::new(&log);
    for offset in (0..100_000).step_by(10) {
        record_now(&mut line_times, offset);
    }
    for to in [50_000, 50_001, 80_005, 99_999] {
        let cut = Cut { from: 5005, to };
        line_times.free(cut);
        let marks = Marks::open(&log).unwrap().unwrap();
        let kept = |number: u64| marks.get(number).unwrap().is_some();
        assert!((0..=500).all(kept), "the head's, to {to}");
        assert!((501..to / 10).all(|number| !kept(number)), "those of the cut, to {to}");
        assert!((to / 10..10_000).all(kept), "the tail's, to {to}");
        for (offset, has) in [(0, true), (5004, true), (to, true), (99_999, true)] {
            assert_eq!(of_lines(&log, b"x", offset, cut).unwrap().len(), usize::from(has), "{offset}, to {to}");
        }
    }
    // A log without marks is no error.
    LineTimes::new(&dir.path().join("other.log")).free(Cut { from: 1, to: 2 });
}

#[test]
fn marks_that_cannot_be_written_are_left_out() {
    let mut line_times = LineTimes::new(Path::new("/no/such/directory/worker-0.log"));
    record_now(&mut line_times, 5);
    assert_eq!(line_times.count, 0);
}
