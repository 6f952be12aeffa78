//! An order is what sorting would make of it, however it came about.

use super::*;

/// Each place's key is the place turned round, so that no step meets them in their order.
fn key(place: u32) -> u32 {
    place.reverse_bits()
}

fn check(order: &Order, expected: &[u32]) {
    let mut sorted = expected.to_vec();
    sorted.sort_unstable_by_key(|place| key(*place));
    assert_eq!(order.iter().collect::<Vec<_>>(), sorted);
    sorted.reverse();
    assert_eq!(order.iter().rev().collect::<Vec<_>>(), sorted);
    assert!(order.blocks.iter().all(|block| (1..=BLOCK).contains(&block.len())), "a block is empty or too long");
}

fn insert(order: &mut Order, place: u32) {
    order.insert(place, |other| key(other) < key(place));
}

fn remove(order: &mut Order, place: u32) {
    order.remove(place, |other| key(other) < key(place));
}

#[test]
fn what_is_put_in_and_taken_out_in_any_order_stays_sorted() {
    let mut order = Order::default();
    let all: Vec<u32> = (0..3000).map(|n| n * 7919 % 3001).collect();
    for place in &all {
        insert(&mut order, *place);
    }
    check(&order, &all);
    let (out, kept): (Vec<u32>, Vec<u32>) = all.iter().partition(|place| *place % 3 == 0);
    for place in out {
        remove(&mut order, place);
    }
    check(&order, &kept);
    for place in &kept {
        remove(&mut order, *place);
    }
    check(&order, &[]);
    insert(&mut order, 5);
    check(&order, &[5]);
}

#[test]
fn what_is_not_there_is_not_taken_out() {
    let mut order = Order::default();
    remove(&mut order, 1);
    for place in [1, 2, 4] {
        insert(&mut order, place);
    }
    remove(&mut order, 3);
    remove(&mut order, u32::MAX);
    check(&order, &[1, 2, 4]);
}

#[test]
fn an_order_goes_on_from_what_was_sorted() {
    let mut sorted: Vec<u32> = (0..2000).collect();
    sorted.sort_unstable_by_key(|place| key(*place));
    let mut order = Order::from_sorted(&sorted);
    check(&order, &sorted);
    for place in 2000..4000 {
        insert(&mut order, place);
    }
    check(&order, &(0..4000).collect::<Vec<_>>());
}

#[test]
fn what_grows_only_at_its_end_fills_its_blocks() {
    let mut order = Order::default();
    for place in 0..u32::try_from(4 * BLOCK).unwrap() {
        order.insert(place, |other| other < place);
    }
    assert_eq!(order.blocks.len(), 4);
    assert!(order.iter().eq(0..u32::try_from(4 * BLOCK).unwrap()));
}
