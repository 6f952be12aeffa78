use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use super::*;

/// The wall clock and the steady clock of a test, each set on its own.
#[derive(Clone, Default)]
struct Hands(Arc<(AtomicI64, AtomicI64)>);

impl Hands {
    fn clock(&self) -> Clock {
        let (wall, steady) = (self.clone(), self.clone());
        Clock::from_both(move || wall.0.0.load(Relaxed), move || steady.0.1.load(Relaxed))
    }

    fn pass(&self, millis: i64) {
        self.0.0.fetch_add(millis, Relaxed);
        self.0.1.fetch_add(millis, Relaxed);
    }

    fn leap(&self, millis: i64) {
        self.0.0.fetch_add(millis, Relaxed);
    }
}

const DAY: i64 = 24 * 3600 * 1000;

fn key() -> AttemptKey {
    ("job_00000000000000000001".parse().unwrap(), 1)
}

#[test]
fn setting_the_clock_does_not_change_the_length_of_a_wait() {
    for leap in [0, DAY, -DAY] {
        let (hands, mut delays) = (Hands::default(), RetryTimers::default());
        let clock = hands.clock();
        let mut is_due = || delays.is_due(&key(), WallTime::from_ms(10_000), Span::from_ms(10_000), &clock);
        assert!(!is_due());
        hands.pass(4_000);
        hands.leap(leap);
        assert!(!is_due(), "{leap}");
        hands.pass(5_999);
        assert!(!is_due(), "{leap}");
        hands.pass(1);
        assert!(is_due(), "{leap}");
    }
}

#[test]
fn a_wait_first_seen_after_a_clock_jump_lasts_at_most_its_planned_length() {
    for (leap, lasts) in [(0, 10_000), (-DAY, 10_000), (4_000, 6_000), (DAY, 0)] {
        let (hands, mut delays) = (Hands::default(), RetryTimers::default());
        let clock = hands.clock();
        hands.leap(leap);
        let mut is_due = || delays.is_due(&key(), WallTime::from_ms(10_000), Span::from_ms(10_000), &clock);
        for _ in 0..lasts / 1_000 {
            assert!(!is_due(), "{leap}");
            hands.pass(1_000);
        }
        assert!(is_due(), "{leap}");
    }
}

#[test]
fn ended_waits_are_forgotten() {
    let hands = Hands::default();
    let (mut delays, mut starts) = (RetryTimers::default(), StartTimers::default());
    let clock = hands.clock();
    assert!(!delays.is_due(&key(), WallTime::from_ms(10), Span::from_ms(10), &clock));
    assert_eq!(starts.tried_for(&key(), &clock), Span::ZERO);
    hands.pass(10);
    assert_eq!(starts.tried_for(&key(), &clock), Span::from_ms(10));
    delays.keep(&HashSet::new());
    starts.keep(&HashSet::new());
    assert!(!delays.is_due(&key(), WallTime::from_ms(20), Span::from_ms(10), &clock));
    assert_eq!(starts.tried_for(&key(), &clock), Span::ZERO);
}
