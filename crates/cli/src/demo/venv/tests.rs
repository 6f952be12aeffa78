use super::*;

#[test]
fn an_incomplete_or_outdated_environment_is_not_complete() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!is_complete(dir.path()));
    fs::write(dir.path().join(COMPLETE), "numpy==0\n").unwrap();
    assert!(!is_complete(dir.path()));
    fs::write(dir.path().join(COMPLETE), MPI_REQUIREMENTS).unwrap();
    assert!(is_complete(dir.path()));
}
