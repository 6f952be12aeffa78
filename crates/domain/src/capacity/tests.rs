//! Comparison of accelerator models.

use super::*;

#[test]
fn a_model_is_the_same_whatever_its_case_spaces_and_hyphens() {
    let check = |left: &str, right: &str, same: bool| {
        assert_eq!(same_model(left, right), same, "{left} {right}");
    };
    check("NVIDIA L40S", "nvidia-l40s", true);
    check("NVIDIA-L40S-PCIE-48G", "Nvidia L40S PCIe 48G", true);
    check("NVIDIA L40S", "NVIDIA L40", false);
    check("NVIDIA L40S", "NVIDIA_L40S", false);
    check("-", "", true);
    check("昇腾 910B", "昇腾-910b", true);
}
