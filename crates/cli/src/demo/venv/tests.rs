use super::*;

#[test]
fn a_half_made_or_outdated_one_is_not_whole() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!is_whole(dir.path()));
    fs::write(dir.path().join(WHOLE), "numpy==0\n").unwrap();
    assert!(!is_whole(dir.path()));
    fs::write(dir.path().join(WHOLE), MPI_REQUIREMENTS).unwrap();
    assert!(is_whole(dir.path()));
}
