use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;
use crate::BusyGpu;

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

fn program(script: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("nvidia-smi");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    (dir, program)
}

async fn find_by(script: &str) -> Result<Vec<Gpu>, String> {
    let (_dir, program) = program(script);
    find(&program).await
}

#[tokio::test]
async fn gpus_are_those_that_the_program_lists() {
    assert_eq!(find_by("echo '0, NVIDIA L40S'").await.unwrap().len(), 1);
    // A failure does not mean that there are none.
    let failed = find_by("echo 'NVIDIA-SMI has failed because it could not reach the driver'; exit 9").await;
    assert!(failed.is_err_and(|why| why.ends_with("failed: exit status: 9")));
    assert_eq!(find(Path::new("/no/such/nvidia-smi")).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_program_that_hangs_is_an_error() {
    assert!(find_by("exec sleep 600").await.is_err());
}

/// A line for a GPU with this many MB of 80,000 in use.
fn card(index: u32, used: u32) -> String {
    format!("{index}, GPU-{index}, {used}, 80000\n")
}

#[test]
fn a_card_is_clean_without_processes_and_with_its_memory_free() {
    let check = |cards: &str, processes: &str, expected: &[(u32, &str)]| {
        let expected: Vec<BusyGpu> =
            expected.iter().map(|(index, what)| BusyGpu { index: *index, what: (*what).to_owned() }).collect();
        assert_eq!(busy::judge(cards, processes), expected, "{cards:?} {processes:?}");
    };
    check("", "", &[]);
    check(&card(0, 4), "", &[]);
    check(&card(0, 4000), "", &[]);
    check(&card(0, 4001), "", &[(0, "4001 of 80000 MB in use")]);
    // A small GPU may use 1 GB for its driver and a screen.
    check("0, GPU-0, 1024, 8192", "", &[]);
    check("0, GPU-0, 1025, 8192", "", &[(0, "1025 of 8192 MB in use")]);
    let cards = card(0, 4) + &card(1, 40_000) + &card(2, 9);
    let processes = "GPU-1, 77, /usr/bin/python3\nGPU-2, 78, a, b\nGPU-2, 79, \nGPU-9, 80, elsewhere\n";
    let one = "used by process 77 (/usr/bin/python3), 40000 of 80000 MB in use";
    check(&cards, processes, &[(1, one), (2, "used by process 78 (a, b) and process 79 (a program)")]);
    // An amount that the GPU does not report counts as clean.
    check("0, GPU-0, [N/A], [N/A]\nNo running processes found\n", "No running processes found\n", &[]);
}

#[tokio::test]
async fn without_the_program_the_use_of_gpus_is_unknown() {
    assert_eq!(busy(Path::new("/no/such/nvidia-smi")).await, Ok(None));
    let (_dir, without_driver) = program("exit 9");
    assert!(busy(&without_driver).await.is_err());
    let script = "case $1 in *compute-apps*) echo 'GPU-0, 5, python';; *) echo '0, GPU-0, 1, 80000';; esac";
    let (_dir, with_process) = program(script);
    let what = "used by process 5 (python)".to_owned();
    assert_eq!(busy(&with_process).await, Ok(Some(vec![BusyGpu { index: 0, what }])));
    let (_dir, broken) = program("case $1 in *compute-apps*) exit 1;; *) echo '0, GPU-0, 1, 80000';; esac");
    assert!(busy(&broken).await.is_err());
}
