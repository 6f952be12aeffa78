use super::*;

#[test]
fn epochs_are_found_anywhere_in_a_line() {
    for (line, expected) in [
        ("epoch 3/20 loss 0.1", Some((3, 20))),
        ("[0] Epoch: 20/20", Some((20, 20))),
        ("epoch 3 / 20", None),
        ("epoch 21/20", None),
        ("epoch 0/0", None),
        ("epochs/second", None),
        ("nothing 3/20", None),
    ] {
        assert_eq!(epoch(line), expected, "{line}");
    }
}

#[test]
fn accuracy_is_the_number_after_the_word() {
    for (line, expected) in [
        ("test accuracy 0.9722", Some(0.9722)),
        ("rank 0: accuracy: 0.97 on 450 images", Some(0.97)),
        ("accuracy=1.0", Some(1.0)),
        ("accuracy unknown", None),
        ("accuracy 97.2", None),
    ] {
        assert_eq!(accuracy(line), expected, "{line}");
    }
}

/// The faults of a training that printed these lines, joined.
fn faults(lines: &[&str]) -> String {
    let mut findings = Findings::default();
    lines.iter().for_each(|line| findings.read(line));
    findings.faults().join("; ")
}

#[test]
fn a_good_training_has_no_faults_and_a_bad_one_names_them() {
    let (a, b) = (format!("sha256 {}", "a".repeat(64)), format!("parameters={}", "b".repeat(64)));
    assert_eq!(faults(&["accuracy 0.5", &a, "accuracy 0.97", &a]), "");
    assert_eq!(faults(&["accuracy 0.97", &a, &b]), "the ranks ended with different parameters");
    assert_eq!(
        faults(&["accuracy 0.95", &a]),
        "its accuracy is 0.95, not above 0.95; 1 of 2 ranks printed the hash of their final parameters"
    );
    assert!(faults(&[]).starts_with("no accuracy was printed"));
    let shard = |numbers: &str| format!("rank 0 saw 9 samples, numbers {numbers} of 1437");
    assert_eq!(faults(&["accuracy 0.97", &a, &a, &shard("718-1436"), &shard("0-717")]), "");
    let same = "the ranks trained on the same samples";
    assert_eq!(faults(&["accuracy 0.97", &a, &a, &shard("718-1436"), &shard("0-718")]), same);
}
