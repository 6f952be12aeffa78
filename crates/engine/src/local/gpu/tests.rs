use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

fn check(csv: &str, expected: &[(u32, &str)]) {
    let expected: Vec<Gpu> =
        expected.iter().map(|(index, model)| Gpu { index: *index, model: (*model).to_owned() }).collect();
    assert_eq!(parse(csv), expected, "{csv:?}");
}

#[test]
fn lines_are_indices_and_names() {
    check("", &[]);
    check("0, NVIDIA L40S\n1, NVIDIA L40S\n", &[(0, "NVIDIA L40S"), (1, "NVIDIA L40S")]);
    check(
        "1, NVIDIA A100-SXM4-80GB\r\n0, NVIDIA H200, rev 2\n",
        &[(0, "NVIDIA H200, rev 2"), (1, "NVIDIA A100-SXM4-80GB")],
    );
    check("No devices were found\n", &[]);
    check("0, \nx, NVIDIA L40S\n", &[]);
}

async fn find_by(script: &str) -> Result<Vec<Gpu>, String> {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("nvidia-smi");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    find_with(program.to_str().unwrap()).await
}

#[tokio::test]
async fn what_the_program_says_is_what_there_is() {
    assert_eq!(find_by("echo '0, NVIDIA L40S'").await.unwrap().len(), 1);
    assert_eq!(
        find_by("echo 'NVIDIA-SMI has failed because it could not reach the driver'; exit 9").await,
        Ok(Vec::new())
    );
    assert_eq!(find_with("/no/such/nvidia-smi").await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_program_that_hangs_is_not_waited_for() {
    assert!(find_by("exec sleep 600").await.is_err());
}
