use super::*;

/// Which searches run, by the order in which they began.
fn running(turns: &Turns) -> Vec<u64> {
    turns.state().all.iter().filter(|search| search.is_running).map(|search| search.id).collect()
}

/// Lets every search run that may.
fn fill(turns: &Turns) {
    let mut state = turns.state();
    while let Some(next) = state.next() {
        if !state.run(next) {
            break;
        }
    }
}

#[test]
fn a_user_has_few_searches_in_progress_and_all_users_together_have_some() {
    let turns = Arc::new(Turns::default());
    let mut held = Vec::new();
    for user in 0..MOST / MOST_OF_USER {
        for _ in 0..MOST_OF_USER {
            held.push(turns.begin(&format!("user {user}")).unwrap());
        }
        assert_eq!(turns.begin(&format!("user {user}")).unwrap_err(), TooMany::OfUser);
    }
    assert_eq!(turns.begin("another").unwrap_err(), TooMany::OfAll);
    held.pop();
    turns.begin("another").unwrap();
}

#[test]
fn a_free_turn_goes_to_the_user_with_the_fewest_and_then_to_the_oldest() {
    let turns = Arc::new(Turns::default());
    let _many: Vec<_> = (0..4).map(|_| turns.begin("ann").unwrap()).collect();
    fill(&turns);
    assert_eq!(running(&turns), [1, 2], "without others, a user has all turns");
    let _other = turns.begin("ben").unwrap();
    fill(&turns);
    assert_eq!(running(&turns), [1, 2], "a turn is not taken away in between");
    assert!(turns.state().give_way(2));
    fill(&turns);
    assert_eq!(running(&turns), [1, 5], "the other user is next, however many searches began before");
    assert!(turns.state().give_way(1) && turns.state().give_way(5));
    fill(&turns);
    let both = running(&turns);
    assert!(both.contains(&5) && both.len() == 2, "each user has one of two turns: {both:?}");
}

#[test]
fn the_searches_of_one_user_take_turns() {
    let turns = Arc::new(Turns::default());
    let _all: Vec<_> = (0..4).map(|_| turns.begin("ann").unwrap()).collect();
    let mut seen = Vec::new();
    for _ in 0..4 {
        fill(&turns);
        let now = running(&turns);
        assert!(now.iter().all(|id| turns.state().give_way(*id)));
        seen.extend(now);
    }
    assert_eq!(seen, [1, 2, 3, 4, 1, 2, 3, 4]);
}

#[test]
fn a_search_waits_for_its_turn_and_no_longer_than_its_caller() {
    let turns = Arc::new(Turns::default());
    let second = Duration::from_secs(1);
    let mut first: Vec<_> = (0..2).map(|_| turns.begin("ann").unwrap()).collect();
    assert!(first.iter_mut().all(|turn| turn.go_on(second, || false)));
    let mut gone = turns.begin("ben").unwrap();
    let looks = std::cell::Cell::new(0);
    let is_gone = || looks.replace(looks.get() + 1) > 1;
    assert!(!gone.go_on(second, is_gone));
    drop(gone);
    let mut waiting = turns.begin("ben").unwrap();
    let thread = std::thread::spawn(move || waiting.go_on(second, || false));
    drop(first.pop());
    assert!(thread.join().unwrap());
    assert!(!first[0].go_on(Duration::ZERO, || false), "its time is over");
}
