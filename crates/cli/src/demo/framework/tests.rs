use super::*;

#[test]
fn two_workers_fit_on_small_machines() {
    for (capacity, expected) in [(64.0, "1"), (2.0, "1"), (1.0, "0.5"), (1.5, "0.75"), (0.33, "0.16")] {
        assert_eq!(share(capacity), expected);
    }
}

#[test]
fn paths_are_one_word_of_the_shell() {
    assert_eq!(quoted(Path::new("/usr/bin/python3.11")), "/usr/bin/python3.11");
    assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
}
