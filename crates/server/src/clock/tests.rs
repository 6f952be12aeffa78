//! Identifiers follow the time and differ all the same.

use std::collections::BTreeSet;

use super::*;

#[test]
fn what_is_made_later_has_the_larger_identifier() {
    let mut before = [0; ID_BYTES];
    for now in [16, 32, 1 << 20, 1_764_000_000_000, 1_764_000_000_016, 17_000_000_000_000] {
        let id = new_id(now).unwrap();
        assert!(id > before, "at {now}: {id:?} after {before:?}");
        before = id;
    }
}

#[test]
fn what_is_made_at_one_moment_has_identifiers_of_its_own() {
    for now in [0, -1, i64::MIN, i64::MAX, 1_764_000_000_000] {
        let ids: BTreeSet<_> = (0..100).map(|_| new_id(now).unwrap()).collect();
        assert_eq!(ids.len(), 100, "at {now}");
    }
}
