use super::*;

/// The digests of the launch parts that this version writes.
///
/// If a variable of the launch table or the script has changed: move the old digests to [`FORMER`], keep one script of each
/// in `tests/fixtures/former_*.sbatch`, as the version before exported it, and write the new digests here.
const CURRENT: [(u64, Option<Framework>); 4] = [
    (0x8380_4ebc_02bc_b489, None),
    (0xcf31_9542_06f8_0aca, Some(Framework::PyTorch)),
    (0xf537_6e70_af12_750e, Some(Framework::TensorFlow)),
    (0x0c29_704c_6eba_5901, Some(Framework::Mpi)),
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
