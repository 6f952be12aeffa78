//! After any insertions and removals an order is what sorting its slots gives.

use super::*;

/// The key of a slot is its number with reversed bits, so that no step inserts slots in their order.
fn key(slot: u32) -> u32 {
    slot.reverse_bits()
}

fn check(order: &Order, expected: &[u32]) {
    let mut sorted = expected.to_vec();
    sorted.sort_unstable_by_key(|slot| key(*slot));
    assert_eq!(order.iter().collect::<Vec<_>>(), sorted);
    sorted.reverse();
    assert_eq!(order.iter().rev().collect::<Vec<_>>(), sorted);
    assert!(order.blocks.iter().all(|block| (1..=BLOCK).contains(&block.len())), "a block is empty or too long");
}

fn insert(order: &mut Order, slot: u32) {
    order.insert(slot, |other| key(other) < key(slot));
}

fn remove(order: &mut Order, slot: u32) {
    order.remove(slot, |other| key(other) < key(slot));
}

#[test]
fn an_order_stays_sorted_after_any_insertions_and_removals() {
    let mut order = Order::default();
    let all: Vec<u32> = (0..3000).map(|n| n * 7919 % 3001).collect();
    for slot in &all {
        insert(&mut order, *slot);
    }
    check(&order, &all);
    let (out, kept): (Vec<u32>, Vec<u32>) = all.iter().partition(|slot| *slot % 3 == 0);
    for slot in out {
        remove(&mut order, slot);
    }
    check(&order, &kept);
    for slot in &kept {
        remove(&mut order, *slot);
    }
    check(&order, &[]);
    insert(&mut order, 5);
    check(&order, &[5]);
}

#[test]
fn removing_an_absent_slot_changes_nothing() {
    let mut order = Order::default();
    remove(&mut order, 1);
    for slot in [1, 2, 4] {
        insert(&mut order, slot);
    }
    remove(&mut order, 3);
    remove(&mut order, u32::MAX);
    check(&order, &[1, 2, 4]);
}

#[test]
fn insertions_continue_from_a_sorted_list() {
    let mut sorted: Vec<u32> = (0..2000).collect();
    sorted.sort_unstable_by_key(|slot| key(*slot));
    let mut order = Order::from_sorted(&sorted);
    check(&order, &sorted);
    for slot in 2000..4000 {
        insert(&mut order, slot);
    }
    check(&order, &(0..4000).collect::<Vec<_>>());
}

#[test]
fn an_order_that_grows_only_at_its_end_fills_its_blocks() {
    let mut order = Order::default();
    for slot in 0..u32::try_from(4 * BLOCK).unwrap() {
        order.insert(slot, |other| other < slot);
    }
    assert_eq!(order.blocks.len(), 4);
    assert!(order.iter().eq(0..u32::try_from(4 * BLOCK).unwrap()));
}
