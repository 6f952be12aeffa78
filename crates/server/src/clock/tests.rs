//! Identifiers are ordered by time, and two of the same time still differ.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_later_identifier_is_larger() {
    let mut before = [0; ID_BYTES];
    for now in [16, 32, 1 << 20, 1_764_000_000_000, 1_764_000_000_016, 17_000_000_000_000] {
        let id = new_id(WallTime::from_ms(now)).unwrap();
        assert!(id > before, "at {now}: {id:?} after {before:?}");
        before = id;
    }
}

#[test]
fn identifiers_of_one_moment_differ() {
    for now in [0, -1, i64::MIN, i64::MAX, 1_764_000_000_000] {
        let ids: BTreeSet<_> = (0..100).map(|_| new_id(WallTime::from_ms(now)).unwrap()).collect();
        assert_eq!(ids.len(), 100, "at {now}");
    }
}
