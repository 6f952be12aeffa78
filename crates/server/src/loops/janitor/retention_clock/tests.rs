//! Clocks that jump, servers that were off, and what the retention clock says then.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use tempfile::TempDir;

use super::*;

const HOUR_MS: i64 = 3600 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
const YEAR_MS: i64 = 365 * DAY_MS;

struct Hands {
    wall: Arc<AtomicI64>,
    steady: Arc<AtomicI64>,
    clock: Clock,
}

impl Hands {
    fn new() -> Self {
        let (wall, steady) = (Arc::new(AtomicI64::new(10 * YEAR_MS)), Arc::new(AtomicI64::new(5 * HOUR_MS)));
        let hands = (Arc::clone(&wall), Arc::clone(&steady));
        let clock = Clock::from_both(move || hands.0.load(Relaxed), move || hands.1.load(Relaxed));
        Self { wall, steady, clock }
    }

    /// Time passes, and the wall clock jumps ahead or back.
    fn pass(&self, millis: i64, set: i64) {
        self.steady.fetch_add(millis, Relaxed);
        self.wall.fetch_add(millis + set, Relaxed);
    }
}

#[test]
fn a_jump_is_trusted_after_a_day_and_forgotten_when_it_is_corrected() {
    // In hours: the time that passes, the jump of the wall clock, and how far the retention clock is from it afterwards.
    let day = 24;
    let year = 365 * day;
    for steps in [
        &[(0, 0, 0), (1, 0, 0), (2000, 0, 0)][..],
        &[(1, day - 1, 0), (1, -3 * day, 0), (1, 2 * day + 1, -2 * day - 1), (1, -day - 1, 0)],
        &[(1, year, -year), (20, 0, -year), (3, 0, -year), (1, 0, 0), (1, 0, 0), (1, year, -year)],
        &[(1, year, -year), (20, 0, -year), (1, -year, 0), (1, year, -year), (20, 0, -year), (4, 0, 0)],
        &[(1, year, -year), (1, year, -2 * year), (1, -year, -year), (22, 0, 0)],
        &[(1, -year, 0), (1, year, -year), (24, 0, 0)],
    ] {
        let dir = TempDir::new().unwrap();
        let (hands, mut retention) = (Hands::new(), RetentionClock::new(dir.path()));
        retention.now(&hands.clock);
        for (number, (hours, set, beside)) in steps.iter().enumerate() {
            hands.pass(hours * HOUR_MS, set * HOUR_MS);
            let found = retention.now(&hands.clock) - hands.clock.now();
            assert_eq!(found.as_ms() / HOUR_MS, *beside, "step {number} of {steps:?}");
        }
    }
}

#[test]
fn a_server_that_was_off_for_long_distrusts_a_jump_for_a_day_too() {
    let dir = TempDir::new().unwrap();
    let hands = Hands::new();
    let mut retention = RetentionClock::new(dir.path());
    let before = retention.now(&hands.clock);
    // A reboot: the steady clock starts again at 0.
    hands.steady.store(0, Relaxed);
    hands.pass(0, 12 * HOUR_MS);
    let mut retention = RetentionClock::new(dir.path());
    assert_eq!(retention.now(&hands.clock), before + Span::from_hours(12));
    hands.pass(0, 40 * DAY_MS);
    let mut retention = RetentionClock::new(dir.path());
    assert_eq!(retention.now(&hands.clock), before + Span::from_hours(12));
    hands.pass(DAY_MS, 0);
    assert_eq!(retention.now(&hands.clock), hands.clock.now());
    // The time that is saved is that of the retention clock.
    hands.pass(HOUR_MS, YEAR_MS);
    retention.now(&hands.clock);
    let mut retention = RetentionClock::new(dir.path());
    assert_eq!(retention.now(&hands.clock), hands.clock.now() - Span::from_days(365));
}

#[test]
fn without_a_saved_time_the_wall_clock_is_trusted() {
    let dir = TempDir::new().unwrap();
    let hands = Hands::new();
    for text in [None, Some("no number"), Some("")] {
        if let Some(text) = text {
            fs::write(dir.path().join(FILE), text).unwrap();
        }
        assert_eq!(RetentionClock::new(dir.path()).now(&hands.clock), hands.clock.now());
    }
}
