//! Clocks that are set, servers that were off, and what is believed then.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use tempfile::TempDir;

use super::*;

const HOUR_MS: Millis = 3600 * 1000;
const YEAR_MS: Millis = 365 * DAY_MS;

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

    /// Time passes, and somebody sets the wall clock ahead or back.
    fn pass(&self, millis: Millis, set: Millis) {
        self.steady.fetch_add(millis, Relaxed);
        self.wall.fetch_add(millis + set, Relaxed);
    }
}

#[test]
fn a_leap_is_believed_after_a_day_and_forgotten_when_it_is_taken_back() {
    // What passes in hours, by what the clock is set in hours, and what is believed beside the wall clock then.
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
        let (hands, lived) = (Hands::new(), RetentionClock::new(dir.path()));
        lived.now(&hands.clock);
        for (number, (hours, set, beside)) in steps.iter().enumerate() {
            hands.pass(hours * HOUR_MS, set * HOUR_MS);
            let found = lived.now(&hands.clock) - hands.clock.now();
            assert_eq!(found / HOUR_MS, *beside, "step {number} of {steps:?}");
        }
    }
}

#[test]
fn a_server_that_was_off_for_long_doubts_for_a_day_too() {
    let dir = TempDir::new().unwrap();
    let hands = Hands::new();
    let lived = RetentionClock::new(dir.path());
    let before = lived.now(&hands.clock);
    // A reboot: the steady clock begins anew.
    hands.steady.store(0, Relaxed);
    hands.pass(0, 12 * HOUR_MS);
    let lived = RetentionClock::new(dir.path());
    assert_eq!(lived.now(&hands.clock), before + 12 * HOUR_MS);
    hands.pass(0, 40 * DAY_MS);
    let lived = RetentionClock::new(dir.path());
    assert_eq!(lived.now(&hands.clock), before + 12 * HOUR_MS);
    hands.pass(DAY_MS, 0);
    assert_eq!(lived.now(&hands.clock), hands.clock.now());
    // What is kept is what was believed.
    hands.pass(HOUR_MS, YEAR_MS);
    lived.now(&hands.clock);
    let lived = RetentionClock::new(dir.path());
    assert_eq!(lived.now(&hands.clock), hands.clock.now() - YEAR_MS);
}

#[test]
fn where_nothing_is_known_the_clock_is_believed() {
    let dir = TempDir::new().unwrap();
    let hands = Hands::new();
    for text in [None, Some("no number"), Some("")] {
        if let Some(text) = text {
            fs::write(dir.path().join(FILE), text).unwrap();
        }
        assert_eq!(RetentionClock::new(dir.path()).now(&hands.clock), hands.clock.now());
    }
}
