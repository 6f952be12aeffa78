use super::*;

/// The digests of the launch parts that this version writes.
///
/// If a variable of the launch table or the script has changed: move the old digests to [`FORMER`], keep one script of each
/// in `tests/fixtures/former_*.sbatch`, as the version before exported it, and write the new digests here.
const CURRENT: [(u64, Option<Framework>); 4] = [
    (0x8802_1442_bde2_0fd4, None),
    (0x51e6_d9ec_6e6b_f7fa, Some(Framework::PyTorch)),
    (0x4748_7cb3_2ae6_1bf2, Some(Framework::TensorFlow)),
    (0xe7fb_6cb4_af6e_103f, Some(Framework::Mpi)),
];

#[test]
fn a_changed_launch_part_leaves_its_digest_among_the_former_ones() {
    let written: Vec<_> = CURRENT.iter().map(|(_, framework)| (fnv1a(text(*framework).trim()), *framework)).collect();
    assert_eq!(written, CURRENT, "see the comment of CURRENT");
    assert_eq!(text(Some(Framework::DeepSpeed)), text(Some(Framework::PyTorch)), "so one digest stands for both");
    assert!(FORMER.iter().all(|former| !CURRENT.contains(former)));
}

#[test]
fn the_framework_of_a_launch_part_is_found() {
    for (_, framework) in CURRENT {
        assert_eq!(framework_of(&text(framework)), Some(framework));
    }
    assert_eq!(framework_of("true\n"), None);
}
